"""Domains of the card: curves and groups behind one face, and what is none."""

import pytest

from eid import tlv
from eid.ec import groups
from eid.errors import FormatError
from eid.testing import der
from eid.testing.softcard_domain import from_algorithm, of_curve, of_group, standard_domain


@pytest.mark.parametrize("number", [0, 1, 2, 8, 10, 13, 18])
def test_both_sides_agree(number):
    domain = standard_domain(number)
    mine, theirs = 11, 13
    secret = domain.agree(mine, domain.public(theirs))
    assert secret == domain.agree(theirs, domain.public(mine))
    assert len(secret) == (domain.prime.bit_length() + 7) // 8
    assert domain.check(domain.public(mine)) == domain.public(mine)


@pytest.mark.parametrize("number", [0, 13])
def test_mapping_moves_the_generator_of_both(number):
    domain = standard_domain(number)
    mapped = domain.mapped(7, 3, domain.public(5))
    assert mapped.public(1) == domain.mapped(7, 5, domain.public(3)).public(1)
    assert mapped.public(1) != domain.public(1)
    assert domain.mapped_to(12_345).public(1) not in (domain.public(1), mapped.public(1))


def test_only_curves_blind():
    curve = of_curve("brainpoolP256r1")
    assert curve.blinded(5, 5 * 9) == bytes(31) + b"\x09"
    with pytest.raises(FormatError):
        of_group(groups.group_by_parameter_id(0)).blinded(5, 45)


def test_compression():
    curve, group = of_curve("secp256r1"), of_group(groups.group_by_parameter_id(0))
    assert curve.compressed(curve.public(3)) == curve.public(3)[1:33]
    assert len(group.compressed(group.public(3))) == 20


def algorithm(*parts: bytes) -> tlv.Tlv:
    return tlv.parse(der.sequence(*parts))


def test_algorithms_that_name_a_domain():
    group = groups.group_by_parameter_id(1)
    numbers = der.sequence(der.integer(group.p), der.integer(group.g))
    standard = algorithm(der.oid("0.4.0.127.0.7.1.2"), der.integer(13))
    assert from_algorithm(standard) == of_curve("brainpoolP256r1")
    for oid in ("1.2.840.113549.1.3.1", "1.2.840.10046.2.1"):
        assert from_algorithm(algorithm(der.oid(oid), numbers)) == of_group(group)
    named = algorithm(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7"))
    assert from_algorithm(named) == of_curve("secp256r1")


@pytest.mark.parametrize(
    "item",
    [
        algorithm(der.oid("1.2.840.10045.2.1")),
        algorithm(der.oid("1.2.3.4"), der.null()),
        algorithm(der.oid("0.4.0.127.0.7.1.2"), der.integer(5)),
    ],
    ids=["short", "unknown", "number"],
)
def test_algorithms_that_do_not(item):
    with pytest.raises(FormatError):
        from_algorithm(item)

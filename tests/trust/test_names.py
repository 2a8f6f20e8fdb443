"""Distinguished names: what counts as equal, and what is refused."""

from __future__ import annotations

import pytest

from eid import tlv
from eid.errors import FormatError
from eid.testing import der
from eid.trust.names import parse_name


def name(*attributes):
    return parse_name(
        tlv.parse(
            der.sequence(
                *(der.set_of(der.sequence(der.oid(oid), value)) for oid, value in attributes)
            )
        )
    )


def test_string_type_case_and_spaces_do_not_count():
    one = name(("2.5.4.6", der.printable("VN")), ("2.5.4.3", der.printable("CSCA  Test ")))
    two = name(("2.5.4.6", der.utf8("vn")), ("2.5.4.3", der.utf8("csca test")))
    three = name(
        ("2.5.4.6", der.printable("VN")),
        ("2.5.4.3", tlv.encode(0x1E, "CSCA Test".encode("utf-16-be"))),
    )
    assert one == two == three
    assert hash(one) == hash(two)
    assert one.country == two.country == "VN"
    assert one.text == "C=VN, CN=CSCA  Test "
    assert one.raw != two.raw


def test_order_values_and_types_count():
    one = name(("2.5.4.6", der.printable("VN")), ("2.5.4.3", der.printable("A")))
    assert one != name(("2.5.4.3", der.printable("A")), ("2.5.4.6", der.printable("VN")))
    assert one != name(("2.5.4.6", der.printable("VN")), ("2.5.4.3", der.printable("B")))
    assert one != name(("2.5.4.6", der.printable("VN")), ("2.5.4.10", der.printable("A")))


def test_other_encodings():
    latin = name(("2.5.4.3", tlv.encode(0x14, "É".encode("latin-1"))))
    universal = name(("2.5.4.3", tlv.encode(0x1C, "É".encode("utf-32-be"))))
    assert latin == universal
    assert name(("1.2.3", tlv.encode(0x16, b"x"))).text == "1.2.3=x"
    odd = name(("2.5.4.3", der.integer(5)))
    broken = name(("2.5.4.3", tlv.encode(0x0C, b"\xff")))
    assert odd.text == "CN=#020105"
    assert broken.text == "CN=#0c01ff"
    assert odd.country == ""


def test_two_countries_are_none():
    assert name(("2.5.4.6", der.printable("VN")), ("2.5.4.6", der.printable("DE"))).country == ""


@pytest.mark.parametrize(
    "data",
    [
        der.sequence(),
        der.set_of(der.sequence()),
        der.sequence(der.sequence()),
        der.sequence(der.set_of()),
        der.sequence(der.set_of(der.sequence(der.oid("2.5.4.3")))),
        der.sequence(der.set_of(der.set_of())),
        der.sequence(der.set_of(der.sequence(der.null(), der.null()))),
        der.sequence(*[der.set_of(der.sequence(der.oid("2.5.4.3"), der.utf8("x")))] * 33),
    ],
)
def test_malformed(data):
    with pytest.raises(FormatError) as caught:
        parse_name(tlv.parse(data))
    assert caught.value.code == "certificate.name"

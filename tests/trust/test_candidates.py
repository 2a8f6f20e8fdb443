"""Keys of unpublished authorities, from the signers that they issued."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from eid import ec
from eid.testing import certificates, der
from eid.testing.certificates import Issuer, Key, Validity
from eid.trust.candidates import find_candidates
from eid.trust.certificates import parse_certificate
from eid.trust.folder import unwrap
from eid.trust.recovery import recovered_points

YEAR = timedelta(days=365)
BARE = (certificates.extension("2.5.29.15", der.bits(b"\x80", unused=7), critical=True),)


def signers(party, count, *, label="CSCA", scalar=0, **more):
    csca = party(label, scalar=scalar)
    return csca, [
        parse_certificate(csca.issue(party(f"DS {number}"), serial=number + 1, **more))
        for number in range(count)
    ]


def test_two_signers_agree_and_the_key_identifier_confirms(party, now):
    csca, met = signers(party, 3)
    later = parse_certificate(csca.issue(party("DS 9"), serial=77, start=now))
    result = find_candidates([*met, later, met[0]])
    (found,) = result.found
    assert found.point == csca.key.point
    assert (found.signers, found.key_id_confirmed, found.curve) == (4, True, "secp256r1")
    assert found.first == met[0].not_before
    assert found.last == now
    assert result.unresolved == ()
    assert csca.key.point.hex() not in repr(found)


@pytest.mark.parametrize("curve", ["brainpoolP384r1", "brainpoolP512r1", "secp384r1", "secp521r1"])
@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_curves_that_states_use(party, now, curve, digest):
    key = Key(curve=ec.by_name(curve), scalar=0xC0FFEE, explicit=True)
    issuer = Issuer(name=certificates.name("VN", "C06", "CSCA"), key=key, digest=digest)
    validity = Validity(not_before=now - YEAR, not_after=now + YEAR, signs_until=now)
    met = [
        parse_certificate(certificates.certificate(
            issuer, serial=number, subject=party("DS").name, validity=validity,
            key=party("DS").key,
            extensions=certificates.signer_extensions(party("DS").key, key, validity, ("ID",)),
        ))
        for number in (1, 2)
    ]  # fmt: skip
    (found,) = find_candidates(met).found
    assert (found.point, found.curve, found.signers) == (key.point, curve, 2)


def test_one_signer_is_enough_only_if_the_identifier_confirms(party):
    csca, (one,) = signers(party, 1)
    (found,) = find_candidates([one]).found
    assert (found.point, found.signers) == (csca.key.point, 1)
    _, (bare,) = signers(party, 1, extensions=BARE)
    result = find_candidates([bare])
    assert result.found == ()
    assert [(one.signers, one.code) for one in result.unresolved] == [(1, "candidate.alone")]


def test_agreement_without_an_identifier_is_told_apart(party):
    csca, met = signers(party, 2, extensions=BARE)
    (found,) = find_candidates(met).found
    assert found.point == csca.key.point
    assert not found.key_id_confirmed


def test_a_short_identifier_confirms_too(party):
    csca = party("CSCA")
    digest = csca.key.identifier
    short = bytes([0x40 | digest[-8] & 0x0F]) + digest[-7:]
    aki = certificates.extension("2.5.29.35", der.sequence(der.implicit(0, short)))
    (found,) = find_candidates(
        [parse_certificate(csca.issue(party("DS"), extensions=(aki,)))]
    ).found
    assert found.key_id_confirmed


def test_two_keys_under_one_name(party):
    _, old = signers(party, 3, extensions=BARE)
    _, new = signers(party, 2, scalar=4711, extensions=BARE)
    found = find_candidates([old[0], new[0], *old[1:], new[1]]).found
    assert [one.signers for one in found] == [3, 2]


def test_forged_signers_make_no_candidate_with_an_honest_identifier(party):
    csca, met = signers(party, 2)
    evil = party("CSCA", scalar=666)
    aki = certificates.extension("2.5.29.35", der.sequence(der.implicit(0, csca.key.identifier)))
    forged = [
        parse_certificate(evil.issue(party("DS"), serial=number, extensions=(aki,)))
        for number in (1, 2)
    ]
    confirmed = [one for one in find_candidates([*forged, *met]).found if one.key_id_confirmed]
    assert [one.point for one in confirmed] == [csca.key.point]


def test_what_cannot_be_recovered_is_listed(party):
    vectors = Path(__file__).parents[1] / "vectors" / "csca"
    (rsa,) = unwrap((vectors / "sha256_rsa_65537_4096.dsc.pem").read_bytes())
    odd = party("CSCA").issue(party("DS")).replace(
        bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d040309"))  # fmt: skip
    result = find_candidates([parse_certificate(rsa), parse_certificate(odd)])
    assert result.found == ()
    assert [one.code for one in result.unresolved] == ["candidate.no_ecdsa"] * 2


def test_an_unreadable_identifier_is_none(party):
    odd = certificates.extension("2.5.29.35", der.octets(b""))
    csca, met = signers(party, 2, extensions=(odd,))
    (found,) = find_candidates(met).found
    assert found.point == csca.key.point


def test_recovery_of_numbers_that_are_no_signature():
    curve = ec.by_name("secp256r1")
    for r, s in ((0, 1), (1, 0), (curve.n, 1), (1, curve.n)):
        assert list(recovered_points(curve, bytes(32), r, s)) == []
    assert list(recovered_points(ec.by_name("secp224r1"), bytes(28), 5, 5)) == []
    missing = next(x for x in range(1, 99) if not list(recovered_points(curve, bytes(32), x, 1)))
    assert missing


def test_recovery_never_gives_infinity():
    curve = ec.by_name("secp256r1")
    digest = (7).to_bytes(32, "big")
    points = list(recovered_points(curve, digest, curve.gx % curve.n, 7))
    assert all(ec.contains(curve, point) for point in points)
    assert len(points) == 1

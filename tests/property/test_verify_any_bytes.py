"""Any bytes give a value or a FormatError, and any flipped bit of a card is noticed."""

from __future__ import annotations

import contextlib
import secrets

import pytest
from hypothesis import given, settings, strategies as st

from eid import tlv
from eid.chip.evidence import UNKNOWN_ACCESS, ActiveAuthentication, Evidence
from eid.chip.lds.com import parse_com
from eid.chip.lds.dg1 import parse_dg1
from eid.chip.lds.dg2 import parse_dg2
from eid.chip.lds.dg14 import parse_dg14
from eid.chip.lds.dg15 import parse_dg15
from eid.chip.lds.security_infos import parse_security_infos
from eid.chip.lds.sod import parse_security_object, parse_sod
from eid.chip.lds.vn import parse_dg13
from eid.chip.verify import BANK, judge
from eid.errors import FormatError
from eid.testing.softcard_active import sign
from eid.trust.certificates import parse_certificate
from eid.trust.public_keys import parse_public_key
from eid.trust.revocation import parse_crl
from eid.trust.store import TrustStore

PARSERS = {
    0x60: parse_com, 0x61: parse_dg1, 0x75: parse_dg2, 0x6D: parse_dg13, 0x6E: parse_dg14,
    0x6F: parse_dg15, 0x77: parse_sod,
}  # fmt: skip
OTHERS = (
    parse_security_infos, parse_security_object, parse_certificate, parse_public_key, parse_crl,
)  # fmt: skip
CHALLENGE = bytes(range(8))
TAGS = st.sampled_from(
    [0x02, 0x03, 0x04, 0x05, 0x06, 0x0C, 0x13, 0x17, 0x5C, 0x80, 0x5F1F, 0x5F2E]
)
TREES = st.recursive(
    st.tuples(TAGS, st.binary(max_size=24)).map(lambda pair: tlv.encode(*pair)),
    lambda inner: st.tuples(
        st.sampled_from([0x30, 0x31, 0xA0, 0xA1, 0xA3, 0x7F60, 0x7F61]),
        st.lists(inner, max_size=5),
    ).map(lambda pair: tlv.encode(pair[0], *pair[1])),
    max_leaves=20,
)


@given(st.one_of(st.binary(max_size=200), TREES))
def test_any_bytes(data):
    for parse in OTHERS:
        with contextlib.suppress(FormatError):
            parse(data)
    for tag, parse in PARSERS.items():
        for given_bytes in (data, tlv.encode(tag, data)):
            with contextlib.suppress(FormatError):
                parse(given_bytes)


@given(
    st.dictionaries(st.sampled_from(["EF.SOD", "EF.DG1", "EF.COM"]), TREES), st.binary(max_size=9)
)
def test_judging_never_raises_for_any_files(files, response):
    from datetime import UTC, datetime  # noqa: PLC0415

    now = datetime(2026, 1, 1, tzinfo=UTC)
    proof = ActiveAuthentication(challenge=CHALLENGE, response=response, source="verifier")
    evidence = Evidence(
        files=files, access=UNKNOWN_ACCESS, active_authentication=proof, read_at=now
    )
    assert judge(evidence, TrustStore.of(), at=now, challenge=CHALLENGE).verdict == "rejected"


@pytest.fixture(scope="module")
def world(authority, card_image, at):
    response = sign(card_image.aa_private_key, CHALLENGE, rng=secrets.token_bytes)
    files = {name: data for name, data in card_image.files.items() if name != "EF.DG3"}
    trust = TrustStore.of(csca=[authority.csca_der], crl=[authority.crl(at=at)])

    def judged(changed, answer=response):
        proof = ActiveAuthentication(challenge=CHALLENGE, response=answer, source="verifier")
        evidence = Evidence(
            files=changed, access=UNKNOWN_ACCESS, active_authentication=proof, read_at=at
        )
        return judge(evidence, trust, policy=BANK, at=at, challenge=CHALLENGE)

    return files, response, judged, authority


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


@pytest.mark.parametrize("name", ["EF.DG1", "EF.DG13", "EF.DG14", "EF.DG15", "EF.COM"])
def test_any_flipped_bit_of_a_small_file_rejects(world, name):
    files, _, judged, _ = world
    assert judged(files).verdict == "accepted"
    for bit in range(0, 8 * len(files[name]), 7):
        verdict = judged({**files, name: flipped(files[name], bit)})
        assert verdict.verdict == "rejected", bit


def test_any_flipped_bit_of_what_pace_rests_on_rejects(world):
    """EF.CardAccess is unsigned; of its entries only those of PACE are used, or compared."""
    files, _, judged, _ = world
    data = files["EF.CardAccess"]
    used = parse_security_infos(data).pace[0].raw
    start = data.index(used)
    for bit in range(8 * len(data)):
        verdict = judged({**files, "EF.CardAccess": flipped(data, bit)})
        if verdict.verdict == "accepted":
            assert 2 <= bit // 8 < start, f"byte {bit // 8}"


@settings(deadline=None)
@given(st.data())
def test_any_flipped_bit_of_portrait_or_answer_rejects(world, data):
    files, response, judged, _ = world
    bit = data.draw(st.integers(0, 8 * len(files["EF.DG2"]) - 1))
    assert judged({**files, "EF.DG2": flipped(files["EF.DG2"], bit)}).verdict == "rejected"
    bit = data.draw(st.integers(0, 8 * len(response) - 1))
    assert judged(files, flipped(response, bit)).verdict == "rejected"


def test_any_flipped_bit_of_the_security_object_rejects(world):
    """But for two unsigned places from which nothing is derived.

    The CMS version (any of 1 to 5 is taken), and the case of letters in the issuer's name of the
    signer identifier, which only points to a certificate.
    """
    files, _, judged, authority = world
    data = files["EF.SOD"]
    name = data.rindex(authority.csca_name)
    unused = {data.index(b"\x02\x01\x03\x31") + 2, *range(name, name + len(authority.csca_name))}
    for bit in range(0, 8 * len(data), 5):
        verdict = judged({**files, "EF.SOD": flipped(data, bit)})
        if verdict.verdict == "accepted":
            assert bit // 8 in unused, f"byte {bit // 8}"
    assert authority.ds_der in data

"""A glance files a certificate where the full parse would."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from eid.errors import FormatError
from eid.testing import certificates, der
from eid.trust.certificates import parse_certificate
from eid.trust.folder import unwrap
from eid.trust.glance import ANY_COUNTRY, _country, glance
from eid.trust.profile import subject_key_id

CSCA = Path(__file__).parents[1] / "vectors" / "csca"


@pytest.mark.parametrize("path", sorted(CSCA.glob("*.pem")), ids=lambda path: path.name)
def test_it_agrees_with_the_parser(path):
    (data,) = unwrap(path.read_bytes())
    seen, parsed = glance(data), parse_certificate(data)
    assert seen is not None
    assert seen.fingerprint == parsed.fingerprint
    assert seen.subject == parsed.subject.raw
    assert seen.country == parsed.subject.country
    assert seen.key_id == subject_key_id(parsed)
    assert int.from_bytes(seen.serial, "big", signed=True) == parsed.serial


@pytest.mark.parametrize(
    ("country", "expected"),
    [
        (b"\x13\x02vn", "VN"),
        (b"\x13\x03LTU", "LTU"),
        (b"\x1e\x04\x00V\x00N", "?"),
        (b"\x13\x00", "?"),
    ],
)
def test_countries(party, country, expected):
    data = party("CSCA").own().replace(b"\x13\x02VN", country)
    subject = certificates.name("VN", "Test", "CSCA").replace(b"\x13\x02VN", country)
    assert data.count(country) == 2
    assert _country(subject) == expected


def test_a_name_without_a_country_or_with_two():
    assert _country(b"") == ANY_COUNTRY
    one = der.sequence(der.oid("2.5.4.6"), der.printable("VN"))
    assert _country(one + one) == ANY_COUNTRY
    assert _country(bytes.fromhex("0603550406")) == ANY_COUNTRY


def test_odd_encodings_are_left_to_the_parser(party):
    data = party("CSCA").own()
    body = data[4:]
    assert glance(bytes.fromhex("3004300202ff")) is None
    assert glance(b"\x30\x80" + body + b"\0\0") is None
    assert glance(b"\x30\x85\0\0" + len(body).to_bytes(3, "big") + body) is None
    tbs = data[8 : 8 + int.from_bytes(data[6:8], "big")]
    assert glance(b"\x30\x82" + (len(tbs) + 2).to_bytes(2, "big") + b"\x30\x80" + tbs) is None


@pytest.mark.parametrize("text", ["", "30", "3003020100", "300530030201", "0400"])
def test_what_is_no_certificate(text):
    with pytest.raises(FormatError):
        glance(bytes.fromhex(text))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_bytes(data):
    (genuine,) = unwrap((CSCA / "sha256_ecdsa_secp256r1.csca.pem").read_bytes())
    spoiled = bytearray(genuine)
    for _ in range(data.draw(st.integers(0, 4))):
        spoiled[data.draw(st.integers(0, 300))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(spoiled)))
    with contextlib.suppress(FormatError):
        glance(bytes(spoiled[:cut]))

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st

from eid.errors import EidError, Expired, FormatError, Inconsistent, VerificationError
from eid.qr import cbor, cwt

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
T = int(NOW.timestamp())


def claims(**values):
    numbers = {"iss": 1, "sub": 2, "aud": 3, "exp": 4, "nbf": 5, "iat": 6, "cti": 7}
    return cwt.parse_claims(cbor.encode({numbers[key]: value for key, value in values.items()}))


def test_reads_the_claims_set_of_rfc_8392():
    payload = bytes.fromhex(
        "a70175636f61703a2f2f61732e6578616d706c652e636f6d02656572696b77037818636f61703a2f2f6c69"
        "6768742e6578616d706c652e636f6d041a5612aeb0051a5610d9f0061a5610d9f007420b71"
    )
    read = cwt.parse_claims(payload)
    assert (read.issuer, read.subject, read.audience) == (
        "coap://as.example.com", "erikw", "coap://light.example.com",
    )  # fmt: skip
    assert (read.expires_at, read.not_before, read.issued_at) == (
        1444064944,
        1443944944,
        1443944944,
    )
    assert read.id == b"\x0bq"
    assert cwt.instant(read.expires_at) == datetime(2015, 10, 5, 17, 9, 4, tzinfo=UTC)
    assert cwt.instant(None) is None
    with pytest.raises(Expired):
        cwt.check_times(read, at=NOW)


@pytest.mark.parametrize(
    "raw",
    [
        {1: 5}, {1: b"x"}, {1: "x" * 513}, {2: 5}, {2: "x" * 513}, {2: bytes(513)}, {3: ["a"]},
        {4: "1"}, {4: True}, {4: -1}, {4: 253_402_300_800}, {5: b""}, {6: []},
        {7: "text"}, {7: bytes(65)},
    ],
)  # fmt: skip
def test_refuses_claims_of_a_wrong_type(raw):
    with pytest.raises(FormatError) as refusal:
        cwt.parse_claims(cbor.encode(raw))
    assert refusal.value.code == "qr.cwt"


@pytest.mark.parametrize(
    ("values", "options", "error", "code"),
    [
        ({"exp": T - 60}, {}, Expired, "qr.expired"),
        ({"exp": T}, {"skew_s": 0}, Expired, "qr.expired"),
        ({}, {}, VerificationError, "qr.no_expiry"),
        ({"iat": T}, {}, VerificationError, "qr.no_expiry"),
        ({}, {"max_age_s": 60}, VerificationError, "qr.no_expiry"),
        ({"iat": T + 61, "exp": T + 99}, {}, VerificationError, "qr.issued_in_future"),
        ({"nbf": T + 61, "exp": T + 99}, {}, VerificationError, "qr.not_yet_valid"),
        ({"iat": T - 161}, {"max_age_s": 100}, Expired, "qr.too_old"),
        ({"iat": T - 161, "exp": T + 9}, {"max_age_s": 100}, Expired, "qr.too_old"),
        ({"iat": T, "exp": T}, {}, Inconsistent, "qr.times"),
        ({"nbf": T + 20, "exp": T + 10}, {}, Inconsistent, "qr.times"),
    ],
)
def test_refuses_outside_its_time(values, options, error, code):
    with pytest.raises(error) as refusal:
        cwt.check_times(claims(**values), at=NOW, **options)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ({"exp": T + 1}, {"skew_s": 0}),
        ({"exp": T - 59}, {}),
        ({"exp": T + 100, "iat": T + 60, "nbf": T + 60}, {}),
        ({"iat": T - 160}, {"max_age_s": 100}),
        ({"exp": 253_402_300_799}, {}),
    ],
)
def test_accepts_within_its_time_and_the_skew(values, options):
    cwt.check_times(claims(**values), at=NOW, **options)


def test_the_zone_of_the_clock_does_not_matter():
    hanoi = NOW.astimezone(timezone(timedelta(hours=7)))
    cwt.check_times(claims(exp=T + 1), at=hanoi, skew_s=0)


@given(st.binary(max_size=60))
def test_any_bytes_are_claims_or_refused(data):
    with contextlib.suppress(EidError):
        cwt.check_times(cwt.parse_claims(data), at=NOW)

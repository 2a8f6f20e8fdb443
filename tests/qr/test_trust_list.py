from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, strategies as st

from eid.errors import (
    EidError,
    Expired,
    FormatError,
    Inconsistent,
    Revoked,
    UntrustedIssuer,
    VerificationError,
)
from eid.qr import cbor, cose, headers
from eid.qr.algorithms import write_key
from eid.qr.credential import verify_credential
from eid.qr.issuers import Denied, IssuerKey, IssuerKeys
from eid.qr.presence import Asked, SeenInMemory, issue_presence, verify_presence
from eid.qr.signers import SoftwareSigner
from eid.qr.trust_list import TYPE, Edition, issue_trust_list, verify_trust_list
from tests.qr.test_algorithms import PRIVATE

PUBLISHER = "https://trust.example.vn"
ROOT = SoftwareSigner.of(ec.derive_private_key(0xC0FFEE, ec.SECP256R1()))
PINNED = IssuerKeys.of([IssuerKey.of(PUBLISHER, ROOT.public_key)])
DAY = timedelta(days=1)


def published(world, keys, **changes):
    values = {
        "publisher": PUBLISHER,
        "version": 3,
        "issued_at": world.now,
        "expires_at": world.now + DAY,
    }
    return issue_trust_list(keys, ROOT, edition=Edition(**{**values, **changes}))


def refused(data, world, error, code, **options):
    with pytest.raises(error) as refusal:
        verify_trust_list(data, PINNED, at=options.pop("at", world.now), **options)
    assert refusal.value.code == code


def test_keys_of_both_kinds_travel(es256, eddsa, identity):
    listed = (
        IssuerKey.of("https://a.example", es256.signer.public_key),
        IssuerKey.of(eddsa.issuer, eddsa.signer.public_key),
    )
    trust = verify_trust_list(published(es256, listed), PINNED, at=es256.now)
    assert trust.keys.keys == listed
    assert (trust.edition.publisher, trust.edition.version) == (PUBLISHER, 3)
    assert verify_credential(eddsa.issue(identity), trust.keys, at=eddsa.now)
    with pytest.raises(Inconsistent):
        verify_credential(es256.issue(identity), trust.keys, at=es256.now)


def with_denied(world, *windows):
    key = IssuerKey(
        issuer=world.issuer,
        kid=world.signer.kid,
        public_key=world.signer.public_key,
        denied=windows,
    )
    trust = verify_trust_list(published(world, [key]), PINNED, at=world.now)
    assert trust.keys.keys == (key,)
    return trust.keys


def test_a_misused_key_loses_its_bad_times_only(world, identity):
    now = int(world.now.timestamp())
    text = world.issue(identity)
    for window in (Denied(start=now + 1), Denied(end=now - 1), Denied(start=now - 9, end=now - 1)):
        assert verify_credential(text, with_denied(world, window), at=world.now)
    for window in (Denied(), Denied(start=now), Denied(end=now), Denied(start=now, end=now)):
        with pytest.raises(Revoked) as refusal:
            verify_credential(text, with_denied(world, Denied(end=0), window), at=world.now)
        assert refusal.value.code == "qr.key_denied"
    assert Denied(start=now, end=now).covers(None)


def test_presence_codes_of_a_denied_key_are_refused_too(world):
    asked = Asked(audience="clinic", challenge=bytes(16))
    text = issue_presence(asked, subject=b"s", key=world.signer, at=world.now)
    with pytest.raises(Revoked):
        verify_presence(
            text, with_denied(world, Denied()), asked, at=world.now, seen=SeenInMemory()
        )


def test_an_older_list_never_replaces_a_later_one(world):
    data = published(world, [])
    assert verify_trust_list(data, PINNED, at=world.now, held_version=3)
    refused(data, world, VerificationError, "qr.trust_list_older", held_version=4)


def test_age(world):
    data = published(world, [])
    late = world.now + DAY + timedelta(hours=1)
    refused(data, world, Expired, "qr.trust_list_stale", at=late)
    assert verify_trust_list(data, PINNED, at=late, max_stale=timedelta(hours=1))
    refused(data, world, VerificationError, "qr.issued_in_future", at=world.now - DAY)


def test_only_the_pinned_publisher_is_heard(world):
    data = issue_trust_list(
        [], world.signer,
        edition=Edition(publisher=PUBLISHER, version=1, issued_at=world.now, expires_at=world.now + DAY),
    )  # fmt: skip
    refused(data, world, UntrustedIssuer, "qr.kid_unknown")
    refused(published(world, [], publisher="https://other.example"), world, Inconsistent,
            "qr.issuer_of_key")  # fmt: skip


def token(world, *, typ=TYPE, **changes):
    now = int(world.now.timestamp())
    claims = {1: PUBLISHER, 4: now + 60, 6: now, -70010: 1, -70011: []}
    claims.update({int(key[1:]): value for key, value in changes.items()})
    claims = {key: value for key, value in claims.items() if value is not None}
    return cose.sign(cbor.encode(claims), ROOT, protected={16: typ})


GOOD = {1: "https://a.example", 2: b"k", 3: b"\x02" + bytes(31) + b"\x05"}


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "application/statuslist+cwt"},
        {"k-70010": None},
        {"k-70010": 0},
        {"k-70010": "1"},
        {"k-70010": True},
        {"k4": None},
        {"k6": None},
        {"k-70011": None},
        {"k-70011": {}},
        {"k-70011": [1] * 5001},
        {"k-70011": [1]},
        {"k-70011": [{**GOOD, 9: 1}]},
        {"k-70011": [{**GOOD, 1: b"x"}]},
        {"k-70011": [{**GOOD, 2: "x"}]},
        {"k-70011": [{**GOOD, 2: b""}]},
        {"k-70011": [{**GOOD, 3: bytes(31)}]},
        {"k-70011": [{**GOOD, 3: b"\x02" + b"\xff" * 32}]},
        {"k-70011": [{**GOOD, 3: "x"}]},
        {"k-70011": [{**GOOD, 4: 5}]},
        {"k-70011": [{**GOOD, 4: [[1]]}]},
        {"k-70011": [{**GOOD, 4: [[True, None]]}]},
        {"k-70011": [{**GOOD, 4: [["a", 1]]}]},
    ],
)
def test_malformed_lists_are_refused(world, changes):
    refused(token(world, **changes), world, FormatError, "qr.trust_list")


def test_the_good_entry_is_good(world):
    assert verify_trust_list(token(world, **{"k-70011": [GOOD]}), PINNED, at=world.now).keys.keys


@given(st.binary(max_size=80))
def test_any_bytes_are_refused(data):
    with pytest.raises(EidError):
        verify_trust_list(data, PINNED, at=datetime(2026, 11, 21, tzinfo=UTC))


def test_keys_of_foreign_codes_travel_apart(es256):
    listed = [
        IssuerKey.of("https://id.example", es256.signer.public_key),
        *(
            IssuerKey.foreign("UT", name.encode(), write_key(key.public_key()))
            for name, key in PRIVATE.items()
            if name not in {"P-224", "P-256", "Ed25519"}
        ),
    ]
    data = published(es256, listed)
    assert verify_trust_list(data, PINNED, at=es256.now).keys.keys == tuple(listed)
    claims = cbor.decode_map(cose.parse(data).payload)
    assert [len(entry[3]) for entry in claims[-70_011]] == [33]
    assert len(claims[-70_012]) == len(listed) - 1


@pytest.mark.parametrize(
    ("foreign", "code"),
    [(b"", "qr.trust_list"), ({}, "qr.trust_list"), ([1], "qr.trust_list"),
     ([{1: "UT", 2: b"k"}], "qr.trust_list"), ([{1: "UT", 2: b"k", 3: b"no key"}], "qr.key"),
     ([{}] * 5_001, "qr.trust_list")],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_foreign_entries_that_are_none(es256, foreign, code):
    claims = cbor.decode_map(cose.parse(published(es256, [])).payload)
    payload = cbor.encode({**claims, -70_012: foreign})
    data = cose.sign(payload, ROOT, protected={headers.TYP: TYPE})
    refused(data, es256, FormatError, code)


def test_a_list_that_ends_with_the_calendar(es256):
    """Adding the staleness to its end would leave the calendar."""
    end = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    data = published(es256, [], expires_at=end)
    trust = verify_trust_list(data, PINNED, at=es256.now, max_stale=timedelta(days=365))
    assert trust.edition.expires_at == end

import re
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from eid.errors import (
    EidError,
    Expired,
    FormatError,
    Inconsistent,
    Revoked,
    SignatureInvalid,
    UntrustedIssuer,
    VerificationError,
)
from eid.qr import cbor, cose, cwt
from eid.qr.credential import StatusReference, status_reference, verify_credential
from eid.qr.issuers import IssuerKey, IssuerKeys
from eid.qr.status import (
    INVALID,
    MIN_SIZE,
    SUSPENDED,
    TYPE,
    ListTerms,
    StatusList,
    StatusLists,
    issue_list,
    pack_statuses,
    parse_statuses,
    verify_list,
)

URI = "https://id.example.vn/status/1"
DAY = timedelta(days=1)


def terms(world, **changes):
    values = {
        "uri": URI,
        "issuer": world.issuer,
        "issued_at": world.now,
        "expires_at": world.now + DAY,
    }
    return ListTerms(**{**values, **changes})


def published(world, statuses, **changes):
    return issue_list(
        pack_statuses(statuses, size=1024, bits=2), terms(world, **changes), world.signer
    )


def read(world, statuses, **changes):
    return verify_list(published(world, statuses, **changes), world.keys, uri=URI, at=world.now)


def test_published_byte_arrays(vectors):
    """Draft §4.1: one-bit and two-bit lists, entry 0 in the low bits."""
    for name, expected in (
        ("status_list_encoding", [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]),
        ("status_list_encoding2", [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]),
    ):
        text = (vectors / "token-status-list" / f"{name}_cbor.md").read_text()
        raw = bytes.fromhex(text.partition("encoded:")[2].strip())
        statuses = parse_statuses(cbor.decode(raw))
        assert [statuses.status(index) for index in range(len(statuses))] == expected
        again = pack_statuses(dict(enumerate(expected)), size=len(expected), bits=statuses.bits)
        assert again == statuses
        assert text.startswith(f"byte_array = [{', '.join(map(hex, statuses.content))}]")


def hexadecimal(vectors, name):
    return bytes.fromhex(re.sub(r"\s", "", (vectors / "token-status-list" / name).read_text()))


def test_published_list_token_is_read_up_to_its_unknown_key(vectors):
    data = hexadecimal(vectors, "status_list_cwt.md")
    message = cose.parse(data)
    assert (message.typ, message.kid) == (TYPE, b"12")
    with pytest.raises(UntrustedIssuer) as refusal:
        verify_list(data, IssuerKeys.of([]), uri="https://example.com/statuslists/1",
                    at=datetime(2026, 11, 21, tzinfo=UTC))  # fmt: skip
    assert refusal.value.code == "qr.kid_unknown"


def test_published_list_token_under_a_pinned_key_fails_for_its_signature(vectors, es256):
    keys = IssuerKeys.of([IssuerKey.of("https://example.com", es256.signer.public_key, kid=b"12")])
    with pytest.raises(SignatureInvalid):
        verify_list(hexadecimal(vectors, "status_list_cwt.md"), keys,
                    uri="https://example.com/statuslists/1", at=es256.now)  # fmt: skip


def test_published_referenced_token_names_its_place(vectors):
    message = cose.parse(hexadecimal(vectors, "referenced_token_cwt.md"))
    reference = status_reference(cwt.parse_claims(message.payload))
    assert reference == StatusReference(uri="https://example.com/statuslists/1", index=0)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_round_trip(world, bits):
    top = (1 << bits) - 1
    entries = {0: 1, 7: top, 8: 1, 1023: top}
    data = issue_list(pack_statuses(entries, size=1024, bits=bits), terms(world), world.signer)
    signed = verify_list(data, world.keys, uri=URI, at=world.now)
    found = {index: signed.status(index) for index in range(1024) if signed.status(index)}
    assert found == entries
    assert (signed.issuer, signed.issued_at) == (world.issuer, world.now)
    assert signed.fresh_until == world.now + timedelta(hours=12)


def test_entries_outside_the_list():
    statuses = pack_statuses({}, size=16)
    for index in (-1, 16, 1 << 70):
        with pytest.raises(VerificationError) as refusal:
            statuses.status(index)
        assert refusal.value.code == "qr.status_index"


@pytest.mark.parametrize(
    ("entries", "size", "bits"),
    [({}, 16, 3), ({}, 0, 1), ({}, 7, 1), ({}, 1 << 40, 1), ({16: 1}, 16, 1), ({-1: 1}, 16, 1),
     ({1: 2}, 16, 1), ({1: -1}, 16, 1)],
)  # fmt: skip
def test_callers_bugs(entries, size, bits):
    with pytest.raises(ValueError, match=r"list"):
        pack_statuses(entries, size=size, bits=bits)


def test_a_national_list_stays_small(es256):
    """100 M entries at 0.1 % take 216 kB (facts/qr §6); one tenth of that here."""
    step = 7919  # spread over the list
    entries = {(index * step * 131) % 10_000_000: INVALID for index in range(10_000)}
    data = issue_list(pack_statuses(entries, size=10_000_000), terms(es256), es256.signer)
    assert len(data) < 30_000
    assert verify_list(data, es256.keys, uri=URI, at=es256.now).status(next(iter(entries))) == 1


def token(world, *, typ=TYPE, **changes):
    now = int(world.now.timestamp())
    packed = {"bits": 1, "lst": zlib.compress(bytes(128))}
    claims = {1: world.issuer, 2: URI, 4: now + 60, 6: now, 65534: 60, 65533: packed}
    claims.update({int(key[1:]): value for key, value in changes.items()})
    claims = {key: value for key, value in claims.items() if value is not None}
    protected = {} if typ is None else {16: typ}
    return cose.sign(cbor.encode(claims), world.signer, protected=protected)


BOMB = zlib.compress(bytes(20_000_000))


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"typ": None}, FormatError, "qr.status_list"),
        ({"typ": "application/statuslist+jwt"}, FormatError, "qr.status_list"),
        ({"k2": URI + "/"}, Inconsistent, "qr.status_uri"),
        ({"k2": None}, Inconsistent, "qr.status_uri"),
        ({"k1": "https://other.example"}, Inconsistent, "qr.issuer_of_key"),
        ({"k6": None}, FormatError, "qr.status_list"),
        ({"k6": 4_000_000_000, "k4": 4_000_000_060}, VerificationError, "qr.issued_in_future"),
        ({"k5": 4_000_000_000}, VerificationError, "qr.not_yet_valid"),
        ({"k4": 1_000_000_000}, Expired, "qr.status_stale"),
        ({"k65534": 0}, FormatError, "qr.status_list"),
        ({"k65534": True}, FormatError, "qr.status_list"),
        ({"k65534": 1 << 40}, FormatError, "qr.status_list"),
        ({"k65534": "60"}, FormatError, "qr.status_list"),
        ({"k65533": None}, FormatError, "qr.status_list"),
        ({"k65533": {"bits": 3, "lst": b""}}, FormatError, "qr.status_list"),
        ({"k65533": {"bits": True, "lst": b""}}, FormatError, "qr.status_list"),
        ({"k65533": {"bits": 1, "lst": "text"}}, FormatError, "qr.status_list"),
        ({"k65533": {"bits": 1, "lst": b"no zlib"}}, FormatError, "qr.zlib"),
        ({"k65533": {"bits": 1, "lst": BOMB}}, FormatError, "qr.zlib"),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_refuses(world, changes, error, code):
    with pytest.raises(error) as refusal:
        verify_list(token(world, **changes), world.keys, uri=URI, at=world.now)
    assert refusal.value.code == code


def test_lists_without_issuer_or_end_are_read(world):
    signed = verify_list(token(world, k1=None, k4=None), world.keys, uri=URI, at=world.now)
    assert signed.issuer == world.issuer
    assert signed.fresh_until == world.now + timedelta(seconds=60)
    plain = verify_list(token(world, k4=None, k65534=None), world.keys, uri=URI, at=world.now)
    assert plain.fresh_until == world.now + timedelta(hours=12)


def test_a_kept_list_may_be_loaded_late_by_policy(world):
    data, late = token(world), world.now + timedelta(hours=1)
    with pytest.raises(Expired):
        verify_list(data, world.keys, uri=URI, at=late)
    assert verify_list(data, world.keys, uri=URI, at=late, max_stale=timedelta(hours=1))


def test_a_list_of_another_issuer_says_nothing_about_ours(es256, eddsa):
    other = IssuerKeys.of([IssuerKey.of("https://other.example", eddsa.signer.public_key)])
    data = token(eddsa, k1="https://other.example")
    lists = StatusLists.of([verify_list(data, other, uri=URI, at=eddsa.now)])
    reference = StatusReference(uri=URI, index=5)
    with pytest.raises(Inconsistent) as refusal:
        lists(reference, issuer=es256.issuer, at=es256.now)
    assert refusal.value.code == "qr.status_issuer"


def test_withdrawn_credentials_are_refused(world, identity):
    lists = StatusLists.of([read(world, {5: INVALID, 6: SUSPENDED, 7: 3})])

    def verify(index, *, at=world.now, check=lists, uri=URI):
        text = world.issue(identity, status=StatusReference(uri=uri, index=index))
        return verify_credential(text, world.keys, at=at, status=check)

    assert verify(4).status_answer.freshness == "fresh"
    assert verify(4).status_answer.as_of == world.now
    for index, error, code in (
        (5, Revoked, "qr.revoked"), (6, Revoked, "qr.suspended"),
        (7, VerificationError, "qr.status_unknown"), (5000, VerificationError, "qr.status_index"),
    ):  # fmt: skip
        with pytest.raises(error) as refusal:
            verify(index)
        assert refusal.value.code == code
    with pytest.raises(VerificationError) as refusal:
        verify(4, uri=URI + "2")
    assert refusal.value.code == "qr.status_unavailable"


def test_a_clinic_may_go_on_with_an_old_list_and_a_bank_may_not(world, identity):
    signed = read(world, {5: INVALID})
    bank, clinic = StatusLists.of([signed]), StatusLists.of([signed], max_stale=DAY)
    good, bad = (world.issue(identity, status=StatusReference(uri=URI, index=i)) for i in (4, 5))
    later = world.now + timedelta(hours=20)
    with pytest.raises(Expired) as refusal:
        verify_credential(good, world.keys, at=later, status=bank)
    assert refusal.value.code == "qr.status_stale"
    answer = verify_credential(good, world.keys, at=later, status=clinic).status_answer
    assert (answer.freshness, answer.as_of) == ("stale_accepted", world.now)
    with pytest.raises(Revoked):
        verify_credential(bad, world.keys, at=later, status=clinic)
    with pytest.raises(Expired):
        verify_credential(good, world.keys, at=later + DAY, status=clinic)


def test_the_later_list_counts(world):
    older, newer = (
        read(world, {}),
        read(world, {5: INVALID}, issued_at=world.now + timedelta(seconds=9)),
    )
    reference = StatusReference(uri=URI, index=5)
    for order in ((older, newer), (newer, older)):
        with pytest.raises(Revoked):
            StatusLists.of(order)(reference, issuer=world.issuer, at=world.now)


def test_lists_hide_among_a_million():
    assert MIN_SIZE == 1 << 20
    assert "content" not in repr(StatusList(bits=1, content=b"x"))


@given(st.binary(max_size=80))
def test_any_bytes_are_refused(data):
    with pytest.raises(EidError):
        verify_list(data, IssuerKeys.of([]), uri=URI, at=datetime(2026, 11, 21, tzinfo=UTC))

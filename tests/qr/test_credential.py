import dataclasses
import json
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
)  # fmt: skip
from eid.qr import base45, cbor, cose, envelope
from eid.qr.claim169 import Biometric, Identity
from eid.qr.credential import (
    Credential,
    CredentialPolicy,
    StatusAnswer,
    StatusReference,
    read_unverified,
    verify_credential,
)  # fmt: skip
from eid.qr.issuers import IssuerKey, IssuerKeys
from eid.qr.render import plan

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def refused(world, text, error, code, **options):
    with pytest.raises(error) as refusal:
        verify_credential(text, world.keys, at=options.pop("at", world.now), **options)
    assert refusal.value.code == code
    assert "THU" not in str(refusal.value)


def test_issued_credentials_verify(world, identity):
    text = world.issue(identity)
    credential = verify_credential(text, world.keys, at=world.now)
    assert credential.identity == identity
    assert (credential.issuer, credential.subject) == (world.issuer, bytes(range(16)))
    assert credential.issued_at == world.now
    assert credential.expires_at == world.now + timedelta(days=180)
    assert len(credential.id) == 8
    assert (credential.findings, credential.unknown, credential.status) == ((), {}, None)
    assert credential.binding == "bearer"
    assert credential.key.public_key == world.signer.public_key
    assert "THỬ" not in repr(credential)


def test_q004_whoever_shows_it_is_its_bearer_only(world, identity):
    """A screenshot verifies as well as the paper: the result never says more than that."""
    text = world.issue(identity)
    first, again = (verify_credential(text, world.keys, at=world.now) for _ in "ab")
    assert first == again
    assert first.binding == again.binding == "bearer"


def test_only_the_verifier_makes_a_credential(world, identity):
    good = verify_credential(world.issue(identity), world.keys, at=world.now)
    with pytest.raises(TypeError, match="only verify_credential"):
        Credential()
    with pytest.raises(TypeError):
        Credential(**vars(good))
    with pytest.raises(TypeError):
        dataclasses.replace(good, issuer="https://other.example")
    with pytest.raises(dataclasses.FrozenInstanceError):
        good.issuer = "https://other.example"


def test_sizes_stay_within_the_printable_versions(world, identity):
    """Bars: V13-M alone, V15-M with status, V22-L with 500 bytes of portrait."""
    place = StatusReference(uri="https://id.example.vn/status/1", index=(1 << 20) - 1)
    face = Biometric(
        data=bytes((i * 151 + (i * i) // 7) % 256 for i in range(500)), format=0, subformat=4
    )
    portrait = {
        **vars(identity),
        "biometrics": {62: (face,)},
    }
    assert plan(world.issue(identity)).version <= 13
    assert plan(world.issue(identity, status=place)).version <= 15
    with_face = world.issue(Identity(**portrait), status=place)
    assert plan(with_face, error_correction="L").version <= 22


# The strictness matrix: every row has a case here.


def test_matrix_algorithm_only_unprotected(world):
    text = world.forge(
        protected=cbor.encode({4: world.signer.kid}), unprotected={1: world.signer.alg}
    )
    refused(world, text, FormatError, "qr.cose.alg")


@pytest.mark.parametrize("empty", [b"", b"\xa0"])
def test_matrix_no_algorithm(world, empty):
    refused(world, world.forge(protected=empty), FormatError, "qr.cose.alg")


def test_matrix_unknown_critical_header(world):
    protected = cbor.encode({1: world.signer.alg, 4: world.signer.kid, 2: [99], 99: 1})
    refused(world, world.forge(protected=protected), FormatError, "qr.cose.crit")


def test_matrix_trailing_bytes_after_the_message(world):
    refused(world, world.forge(wrap=lambda m: m + b"\0"), FormatError, "qr.cbor")


def test_matrix_trailing_bytes_after_the_payload(world):
    payload = cbor.encode(world.claims()) + b"\0"
    refused(world, world.forge(payload=payload), FormatError, "qr.cbor")


@pytest.mark.parametrize("where", ["claims", "identity", "protected", "unprotected"])
def test_matrix_duplicate_keys(world, where):
    twice = bytes.fromhex("a2044161044162")
    if where == "unprotected":
        good = envelope.unpack(world.forge())
        protected = cbor.encode({1: world.signer.alg, 4: world.signer.kid})
        at = 2 + len(cbor.encode(protected))
        text = envelope.pack(good[:at] + twice + good[at + 1 :])
    elif where == "protected":
        text = world.forge(protected=bytes.fromhex("a3012601260441aa"))
    elif where == "claims":
        text = world.forge(payload=twice)
    else:
        raw = cbor.encode(world.claims(k169=None)) + bytes.fromhex("18a9") + twice
        text = world.forge(payload=bytes([raw[0] + 1]) + raw[1:])
    refused(world, text, FormatError, "qr.cbor")


def test_matrix_keys_true_and_one(world):
    raw = cbor.encode(world.claims(k169=None)) + bytes.fromhex("18a9a2016161f56162")
    payload = bytes([raw[0] + 1]) + raw[1:]
    refused(world, world.forge(payload=payload), FormatError, "qr.cbor")


def test_matrix_no_expiry(world):
    text = world.forge(k4=None)
    refused(world, text, VerificationError, "qr.no_expiry")
    aged = CredentialPolicy(max_age_s=86_400)
    assert verify_credential(text, world.keys, at=world.now, policy=aged)
    refused(world, text, Expired, "qr.too_old", policy=aged, at=world.now + timedelta(days=2))
    refused(world, world.forge(k4=None, k6=None), VerificationError, "qr.no_expiry", policy=aged)


def test_matrix_issued_in_the_future(world):
    later = int(world.now.timestamp()) + 61
    refused(world, world.forge(k6=later), VerificationError, "qr.issued_in_future")


def test_matrix_trailing_bytes_after_the_zlib_stream(world):
    stream = base45.decode(world.forge())
    refused(world, base45.encode(stream + b"\0"), FormatError, "qr.zlib")


def test_matrix_zip_bomb(world):
    text = base45.encode(zlib.compress(b"\0" * 2_000_000, 9))
    refused(world, text, FormatError, "qr.zlib")


def test_matrix_tag_61_outside_tag_18_is_accepted(world):
    text = world.forge(wrap=lambda message: b"\xd8\x3d" + message)
    assert verify_credential(text, world.keys, at=world.now).identity.name == "NGUYEN VAN THU"


def test_matrix_unknown_kid(world):
    protected = cbor.encode({1: world.signer.alg, 4: b"someone"})
    refused(world, world.forge(protected=protected), UntrustedIssuer, "qr.kid_unknown")


def test_matrix_kids_that_differ(world):
    text = world.forge(unprotected={4: b"other"})
    refused(world, text, FormatError, "qr.cose.headers")


def test_matrix_expired_and_not_yet_valid(world):
    now = int(world.now.timestamp())
    refused(world, world.forge(k4=now - 60, k5=now - 99, k6=now - 99), Expired, "qr.expired")
    refused(world, world.forge(k5=now + 61), VerificationError, "qr.not_yet_valid")
    refused(world, world.forge(k5=now + 50, k4=now + 40), Inconsistent, "qr.times")


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(65), bytes(64)])
def test_matrix_signature_of_no_or_wrong_length(world, signature):
    refused(world, world.forge(signature=signature), SignatureInvalid, "qr.signature")


@pytest.mark.parametrize(
    ("before", "after"),
    [("", " "), ("", "\n"), (" ", ""), ("\ufeff", ""), ("", "A="), ("", "\0"), ("", "\u0660")],
)
def test_q009_one_canonical_text(world, before, after):
    text = world.forge()
    for changed in (before + text + after, text.lower(), text.replace("A", "\uff21")):
        with pytest.raises(FormatError):
            verify_credential(changed, world.keys, at=world.now)


def test_q008_another_issuers_name_under_our_key(world):
    refused(world, world.forge(k1="https://bank.example"), Inconsistent, "qr.issuer_of_key")
    refused(world, world.forge(k1=None), Inconsistent, "qr.issuer_of_key")


def test_a_changed_payload_under_the_old_signature(world):
    message = cose.parse(envelope.unpack(world.forge()))
    other = cbor.encode(world.claims(k169={4: "TRAN THI MAU"}))
    text = world.forge(payload=other, signature=message.signature)
    refused(world, text, SignatureInvalid, "qr.signature")


def test_without_a_kid_the_keys_of_the_claimed_issuer_are_tried(world):
    text = world.forge(protected=cbor.encode({1: world.signer.alg}))
    credential = verify_credential(text, world.keys, at=world.now)
    assert [finding.code for finding in credential.findings] == ["kid.absent"]
    with pytest.raises(UntrustedIssuer) as refusal:
        verify_credential(text, IssuerKeys.of([]), at=world.now)
    assert refusal.value.code == "qr.issuer_unknown"


@pytest.mark.parametrize("tagged", [False, True])
def test_a_wrapped_identity_is_read_with_a_finding(world, tagged):
    raw = cbor.encode({4: "NGUYEN VAN THU"})
    text = world.forge(k169=cbor.Tag(24, raw) if tagged else raw)
    credential = verify_credential(text, world.keys, at=world.now)
    assert credential.identity.name == "NGUYEN VAN THU"
    assert [finding.code for finding in credential.findings] == ["claim169.wrapped"]


@pytest.mark.parametrize("claim", [None, "text", 5, [], True, cbor.Tag(24, {})])
def test_tokens_without_identity_are_refused(world, claim):
    refused(world, world.forge(k169=claim), FormatError, "qr.claim169")


def test_hostile_text_is_refused_even_when_signed(world):
    refused(world, world.forge(k169={4: "THU\u202e"}), FormatError, "qr.text")


@pytest.mark.parametrize(
    "raw",
    [1, {}, {"status_list": {}}, {"status_list": {"idx": -1, "uri": "u"}},
     {"status_list": {"idx": True, "uri": "u"}}, {"status_list": {"idx": 1, "uri": "u" * 513}},
     {"status_list": {"idx": "1", "uri": "u"}}],
)  # fmt: skip
def test_malformed_status_references_are_refused(world, raw):
    refused(world, world.forge(k65535=raw), FormatError, "qr.status")


def test_status_is_asked_and_can_be_required(world, identity):
    place = StatusReference(uri="https://id.example.vn/status/1", index=7)
    text = world.issue(identity, status=place)
    asked = []

    answer = StatusAnswer(freshness="fresh", as_of=world.now)

    def check(reference, *, issuer, at):
        asked.append((reference, issuer, at))
        return answer

    def revoked(reference, *, issuer, at):
        raise Revoked("withdrawn", code="qr.revoked")

    found = verify_credential(text, world.keys, at=world.now, status=check)
    assert (found.status, found.status_answer) == (place, answer)
    assert asked == [(place, world.issuer, world.now)]
    refused(world, text, Revoked, "qr.revoked", status=revoked)
    must = CredentialPolicy(require_status=True)
    refused(world, text, VerificationError, "qr.status_missing", policy=must)
    without = world.issue(identity)
    refused(world, without, VerificationError, "qr.status_missing", policy=must, status=check)


PUBLISHED = [
    "minimal",
    "demographics-full",
    "with-face",
    "with-fingerprints",
    "with-all-biometrics",
]
NAMES = {"fullName": "name", "id": "number", "nationality": "nationality", "phone": "phone",
         "address": "residence", "secondaryFullName": "second_name"}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_samples_have_empty_signatures_and_are_refused(eddsa, vectors, name):
    case = json.loads((vectors / "claim169" / f"{name}.json").read_text())
    for keys in (eddsa.keys, IssuerKeys.of([])):
        with pytest.raises((UntrustedIssuer, SignatureInvalid)):
            verify_credential(case["qr_data"], keys, at=eddsa.now)
    read = read_unverified(case["qr_data"])
    assert read.signature_size == 0
    assert read.claims.issuer == case["expected_cwt_meta"]["issuer"]
    assert read.claims.expires_at == case["expected_cwt_meta"]["expiresAt"]
    for published, ours in NAMES.items():
        assert getattr(read.identity, ours) == case["expected_claim169"].get(published)
    assert not isinstance(read, Credential)


def test_published_sample_pinned_to_our_key_is_refused_for_its_signature(eddsa, vectors):
    case = json.loads((vectors / "claim169" / "minimal.json").read_text())
    keys = IssuerKeys.of([IssuerKey.of("https://mosip.example.org", eddsa.signer.public_key)])
    with pytest.raises(SignatureInvalid) as refusal:
        verify_credential(case["qr_data"], keys, at=eddsa.now)
    assert refusal.value.code == "qr.signature"


def test_any_single_character_changed_is_refused(es256, identity):
    """Exhaustively over one credential: every place, every other character."""
    text = es256.issue(identity)
    for at, kept in enumerate(text):
        for other in base45.ALPHABET:
            if other != kept:
                with pytest.raises(EidError):
                    verify_credential(text[:at] + other + text[at + 1 :], es256.keys, at=es256.now)


def test_any_single_character_lost_or_doubled_is_refused(world, identity):
    text = world.issue(identity)
    for at in range(len(text)):
        for changed in (text[:at] + text[at + 1 :], text[:at] + text[at] + text[at:]):
            with pytest.raises(EidError):
                verify_credential(changed, world.keys, at=world.now)


@given(st.text(alphabet=base45.ALPHABET, max_size=200) | st.text(max_size=50))
def test_any_text_is_refused(text):
    with pytest.raises(FormatError):
        verify_credential(text, IssuerKeys.of([]), at=NOW)


@given(st.binary(max_size=200))
def test_any_message_is_refused(message):
    with pytest.raises(EidError):
        verify_credential(envelope.pack(message), IssuerKeys.of([]), at=NOW)


def test_terms_that_nobody_would_accept_are_a_callers_bug(world, identity):
    for changes in ({"expires_at": world.now}, {"subject": b""}, {"subject": bytes(17)}):
        with pytest.raises(ValueError, match=r"credential|subject"):
            world.issue(identity, **changes)
    assert (
        verify_credential(world.issue(identity, subject=None), world.keys, at=world.now).subject
        is None
    )

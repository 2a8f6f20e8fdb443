import threading
from datetime import timedelta

import pytest

from eid.errors import (
    ChallengeMismatch,
    EidError,
    Expired,
    FormatError,
    Inconsistent,
    RequestRefused,
    SignatureInvalid,
    Unavailable,
    UntrustedIssuer,
    VerificationError,
)
from eid.qr import base45, cbor, cose, envelope
from eid.qr.credential import verify_credential
from eid.qr.issuers import IssuerKeys
from eid.qr.presence import (
    Asked,
    SeenInMemory,
    chip_commitment,
    issue_presence,
    new_challenge,
    verify_presence,
)
from eid.qr.render import plan

ASKED = Asked(audience="https://clinic.example.vn", challenge=bytes(range(16)))
SECOND = timedelta(seconds=1)


def issue(world, asked=ASKED, **options):
    values = {
        "subject": bytes(range(100, 116)),
        "key": world.signer,
        "at": world.now,
    }
    return issue_presence(asked, **{**values, **options})


def verify(world, text, asked=ASKED, *, at=None, seen=None, keys=None):
    return verify_presence(
        text, keys or world.keys, asked, at=at or world.now, seen=seen or SeenInMemory()
    )


def refused(world, text, error, code, **options):
    with pytest.raises(error) as refusal:
        verify(world, text, **options)
    assert refusal.value.code == code


def test_a_presence_code_passes(world):
    found = verify(world, issue(world))
    assert (found.issuer, found.subject) == (world.issuer, bytes(range(100, 116)))
    assert found.issued_at == world.now
    assert found.expires_at == world.now + 30 * SECOND
    assert found.chip is None
    assert "subject" not in repr(found)
    assert "challenge" not in repr(ASKED)


def test_it_fits_version_9(world):
    assert plan(issue(world)).version <= 9
    assert plan(issue(world, evidence_digest=bytes(32))).version <= 10


def test_q001_it_passes_once(world):
    seen, text = SeenInMemory(), issue(world)
    verify(world, text, seen=seen)
    refused(world, text, ChallengeMismatch, "qr.replayed", seen=seen)
    redrawn = issue(world)
    refused(world, redrawn, ChallengeMismatch, "qr.replayed", seen=seen)
    other = Asked(audience=ASKED.audience, challenge=new_challenge())
    verify(world, issue(world, other), other, seen=seen)


def test_q001_it_passes_for_its_audience_only(world):
    for audience in ("https://bank.example.vn", "https://clinic.example.vn/", "clinic.example.vn"):
        asked = Asked(audience=audience, challenge=ASKED.challenge)
        refused(world, issue(world), RequestRefused, "qr.audience", asked=asked)


def test_it_answers_the_challenge_only(world):
    asked = Asked(audience=ASKED.audience, challenge=bytes(16))
    refused(world, issue(world), ChallengeMismatch, "qr.challenge", asked=asked)


def test_q001_it_dies_within_a_minute(world):
    text = issue(world)
    assert verify(world, text, at=world.now + 34 * SECOND)
    refused(world, text, Expired, "qr.expired", at=world.now + 35 * SECOND)
    assert verify(world, text, at=world.now - 5 * SECOND)
    refused(world, text, VerificationError, "qr.issued_in_future", at=world.now - 6 * SECOND)


def forge(world, *, aad=b"eid-presence-v1", **changes):
    now = int(world.now.timestamp())
    claims = {1: world.issuer, 2: b"s", 3: ASKED.audience, 4: now + 30, 6: now, 7: bytes(8),
              10: ASKED.challenge}  # fmt: skip
    claims.update({int(key[1:]): value for key, value in changes.items()})
    claims = {key: value for key, value in claims.items() if value is not None}
    return base45.encode(cose.sign(cbor.encode(claims), world.signer, external_aad=aad))


def test_a_long_life_is_refused_even_when_signed(world):
    now = int(world.now.timestamp())
    refused(world, forge(world, k4=now + 61), VerificationError, "qr.lifetime")
    refused(world, forge(world, k4=None), FormatError, "qr.presence")
    refused(world, forge(world, k6=None), FormatError, "qr.presence")


@pytest.mark.parametrize(
    "changes",
    [
        {"k-70001": "text"},
        {"k2": None},
        {"k2": "text"},
        {"k7": None},
        {"k7": bytes(7)},
        {"k10": None},
        {"k10": "text"},
    ],
    ids=str,
)
def test_incomplete_codes_are_refused(world, changes):
    refused(world, forge(world, **changes), FormatError, "qr.presence")


def test_a_challenge_of_another_length_is_another_challenge(world):
    refused(world, forge(world, k10=bytes(15)), ChallengeMismatch, "qr.challenge")


def test_a_code_without_audience_is_for_nobody(world):
    refused(world, forge(world, k3=None), RequestRefused, "qr.audience")


def test_q008_issuer_and_key(world):
    refused(world, forge(world, k1="https://other.example"), Inconsistent, "qr.issuer_of_key")
    refused(world, issue(world), UntrustedIssuer, "qr.kid_unknown", keys=IssuerKeys.of([]))


def test_other_tokens_of_the_issuer_are_no_presence_codes(world, identity):
    assert verify(world, forge(world))
    refused(world, forge(world, aad=b""), SignatureInvalid, "qr.signature")
    with pytest.raises(FormatError):
        verify(world, world.issue(identity))
    bare = base45.encode(envelope.unpack(world.issue(identity)))
    refused(world, bare, SignatureInvalid, "qr.signature")
    packed = envelope.pack(base45.decode(issue(world)))
    for text, error in ((issue(world), FormatError), (packed, SignatureInvalid)):
        with pytest.raises(error):
            verify_credential(text, world.keys, at=world.now)


def test_it_can_commit_to_a_chip_proof(world):
    found = verify(world, issue(world, evidence_digest=bytes(32)))
    assert found.chip == chip_commitment(bytes(32), found.id)
    assert found.chip != chip_commitment(b"\1" * 32, found.id)
    again = verify(world, issue(world, evidence_digest=bytes(32)))
    assert again.chip != found.chip  # two codes of one read are not linked by it


def test_any_single_character_changed_is_refused(eddsa):
    text = issue(eddsa)
    for at, kept in enumerate(text):
        for other in base45.ALPHABET[:: 1 if at < 12 else 11]:
            if other != kept:
                with pytest.raises(EidError):
                    verify(eddsa, text[:at] + other + text[at + 1 :])


def test_a_refused_code_is_not_used_up(world):
    seen, text = SeenInMemory(), issue(world)
    other = Asked(audience=ASKED.audience, challenge=bytes(16))
    refused(world, text, ChallengeMismatch, "qr.challenge", asked=other, seen=seen)
    assert verify(world, text, seen=seen)


def test_callers_bugs(world):
    for options in (
        {"life": 61 * SECOND},
        {"life": 0 * SECOND},
        {"subject": b""},
        {"subject": bytes(17)},
    ):
        with pytest.raises(ValueError, match=r"minute|subject"):
            issue(world, **options)
    for wrong in (
        {"audience": "", "challenge": bytes(16)},
        {"audience": "a", "challenge": bytes(15)},
    ):
        with pytest.raises(ValueError, match="16 bytes"):
            Asked(**wrong)


def test_memory_forgets_the_expired_and_refuses_when_full(world):
    seen, now = SeenInMemory(capacity=2), world.now
    assert seen.add((b"a", b"b"), until=now + SECOND, at=now)
    assert seen.add((), until=now, at=now) is not False
    with pytest.raises(Unavailable) as refusal:
        seen.add((b"c",), until=now + SECOND, at=now)
    assert refusal.value.code == "qr.seen_full"
    assert seen.add((b"a",), until=now + 9 * SECOND, at=now + 2 * SECOND)


def test_of_many_at_once_one_passes(world):
    seen, text, passed = SeenInMemory(), issue(world), []
    start = threading.Barrier(8)

    def use():
        start.wait()
        try:
            passed.append(verify(world, text, seen=seen))
        except ChallengeMismatch:
            return

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 1

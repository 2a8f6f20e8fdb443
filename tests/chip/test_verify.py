"""Judging genuine software cards, and each way in which they may be refused."""

from __future__ import annotations

import dataclasses
import json
import secrets
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from eid.chip.evidence import Access, ActiveAuthentication, ChipAuthentication, Evidence
from eid.chip.policy import FLOOR
from eid.chip.verdict import CHECK_NAMES
from eid.chip.verify import BANK, IDENTIFY, LEVEL2, Policy, VerifiedCard, judge, verify
from eid.errors import (
    ChallengeMismatch,
    Expired,
    HashMismatch,
    HolderMismatch,
    Inconsistent,
    NotGenuine,
    Revoked,
    SignatureInvalid,
    UntrustedIssuer,
    VerificationError,
)
from eid.testing import faults
from eid.testing.authority import DocumentAuthority
from eid.testing.people import PEOPLE
from eid.testing.personalise import Profile, personalise
from eid.testing.softcard_active import sign
from eid.trust.store import TrustStore

CHALLENGE = bytes.fromhex("0123456789abcdef")
ACCESS = Access(
    protocol="PACE",
    mapping="GM",
    password="can",
    oid="0.4.0.127.0.7.2.2.4.2.2",
    parameter_id=13,
    fallback=None,
)


def evidence_of(image, at, *, challenge=CHALLENGE, access=ACCESS, without=("EF.DG3",)):
    proof = None
    if challenge is not None:
        response = sign(image.aa_private_key, challenge, rng=secrets.token_bytes)
        proof = ActiveAuthentication(challenge=challenge, response=response, source="verifier")
    return Evidence(
        files={name: data for name, data in image.files.items() if name not in without},
        access=access,
        active_authentication=proof,
        read_at=at,
    )


@pytest.fixture(scope="module")
def world(authority, card_image, at):
    trust = TrustStore.of(csca=[authority.csca_der], crl=[authority.crl(at=at)])
    return SimpleNamespace(
        authority=authority,
        image=card_image,
        at=at,
        trust=trust,
        evidence=evidence_of(card_image, at),
        number=PEOPLE["thu"].number,
    )


def without(evidence, *names):
    files = {name: data for name, data in evidence.files.items() if name not in names}
    return dataclasses.replace(evidence, files=files)


def test_a_genuine_card_is_accepted_by_every_policy(world):
    for policy in (IDENTIFY, BANK, LEVEL2):
        verdict = judge(
            world.evidence,
            world.trust,
            policy=policy,
            at=world.at,
            challenge=CHALLENGE,
            expect_number=world.number,
        )
        assert verdict.verdict == "accepted"
        assert verdict.reasons == ()
        assert verdict.error is None
        assert verdict.passive_authentication == "passed"
        assert tuple(check.name for check in verdict.checks) == (*(name for name in CHECK_NAMES),)
        absent = {check.name for check in verdict.checks if check.status != "passed"}
        assert absent == {"chip_auth", "remote"}


def test_the_verified_card_holds_what_was_proven(world):
    card = verify(world.evidence, world.trust, policy=BANK, at=world.at, challenge=CHALLENGE)
    person = PEOPLE["thu"]
    assert card.holder.name == person.name
    assert card.holder.personal_number == person.number
    assert card.holder.document_number == person.number[3:]
    assert card.holder.birth_date == person.birth_date.isoformat()
    assert card.holder.sex == person.sex
    assert card.holder.nationality == "VNM"
    assert card.expires == person.expiry
    assert card.dg13 is not None
    assert card.dg13.residence == person.residence
    assert card.possession_proven
    assert card.policy == "bank"
    assert card.evidence_digest == world.evidence.digest()
    assert len(card.sod_digest) == 32
    assert card.check("portrait").status == "passed"
    assert set(card.files) == {f"EF.DG{number}" for number in (1, 2, 13, 14, 15)}
    with pytest.raises(KeyError):
        card.check("nothing")


def test_no_personal_data_in_any_repr(world):
    card = verify(world.evidence, world.trust, at=world.at, challenge=CHALLENGE)
    verdict = judge(world.evidence, world.trust, at=world.at)
    text = repr(card) + repr(verdict) + repr(card.holder) + repr(card.mrz) + repr(card.dg13)
    for secret in (world.number, world.number[3:], PEOPLE["thu"].name, "NGUYEN"):
        assert secret not in text


def test_nobody_else_makes_a_verified_card(world):
    card = verify(world.evidence, world.trust, at=world.at)
    values = {field.name: getattr(card, field.name) for field in dataclasses.fields(VerifiedCard)}
    with pytest.raises(TypeError):
        VerifiedCard(**values)
    with pytest.raises((TypeError, ValueError)):
        dataclasses.replace(card, possession_proven=True)


def test_every_person_and_both_layouts_of_dg13(authority, aa_key, at):
    trust = TrustStore.of(csca=[authority.csca_der])
    for person in PEOPLE.values():
        for layout in ("A", "B"):
            image = personalise(
                person, authority, at=at, profile=Profile(parents=layout), aa_private_key=aa_key
            )
            card = verify(evidence_of(image, at), trust, at=at, expect_number=person.number)
            assert card.holder.name == person.name
            assert card.check("holder.consistency").code == "holder.consistent"


def test_json_is_the_contract(world):
    written = judge(world.evidence, world.trust, at=world.at, challenge=CHALLENGE).to_json()
    assert set(written) == {"verdict", "checks", "holder"}
    assert [check["name"] for check in written["checks"]] == list(CHECK_NAMES)
    assert all(set(check) == {"name", "status", "code"} for check in written["checks"])
    assert set(written["holder"]) == {
        "name", "birth_date", "sex", "nationality", "document_number", "personal_number",
    }  # fmt: skip
    json.dumps(written)


def test_evidence_survives_its_file_form(world):
    again = Evidence.from_json(world.evidence.to_json())
    assert judge(again, world.trust, at=world.at, challenge=CHALLENGE).verdict == "accepted"


def refused(world, error, code, *, evidence=None, trust=None, policy=IDENTIFY, **more):
    with pytest.raises(error) as caught:
        verify(
            evidence or world.evidence,
            trust or world.trust,
            policy=policy,
            at=more.pop("at", world.at),
            **more,
        )
    assert caught.value.code == code
    verdict = caught.value.verdict
    assert verdict.verdict == ("unanchored" if code == "chain.unanchored" else "rejected")
    assert verdict.error is caught.value
    assert verdict.reasons[0] == code
    return verdict


def test_a_changed_file_is_named(world):
    image = faults.tampered_dg1(world.image)
    verdict = refused(world, HashMismatch, "dg.hash", evidence=evidence_of(image, world.at))
    assert verdict.error.facts["file"] == "EF.DG1"
    assert verdict.holder is None
    assert verdict.check("mrz").code == "not_checked"


def test_a_copy_in_another_chip(world):
    image = faults.cloned(world.image)
    evidence = evidence_of(image, world.at)
    verdict = judge(evidence, world.trust, at=world.at, challenge=CHALLENGE)
    assert verdict.verdict == "rejected"
    assert isinstance(verdict.error, NotGenuine)
    assert verdict.check("aa.signature").status == "failed"
    assert verdict.passive_authentication == "passed"
    assert verdict.check("aa.freshness").code == "aa.not_proven"


def test_a_copy_that_does_not_answer_is_no_possession(world):
    evidence = evidence_of(world.image, world.at, challenge=None)
    card = verify(evidence, world.trust, at=world.at, challenge=CHALLENGE)
    assert not card.possession_proven
    refused(
        world, NotGenuine, "aa.not_performed", evidence=evidence, policy=BANK, challenge=CHALLENGE
    )


def test_no_anchor_is_its_own_verdict(world):
    stranger = DocumentAuthority.create(country="VN", at=world.at)
    for trust in (TrustStore.of(), TrustStore.of(csca=[stranger.csca_der])):
        for policy in (IDENTIFY, BANK):
            verdict = judge(world.evidence, trust, policy=policy, at=world.at, challenge=CHALLENGE)
            assert verdict.verdict == "unanchored"
            assert verdict.reasons == ("chain.unanchored",)
        assert verdict.holder is not None
        assert verdict.passive_authentication == "unknown"
        with pytest.raises(UntrustedIssuer) as caught:
            verify(world.evidence, trust, at=world.at, challenge=CHALLENGE)
        assert caught.value.code == "chain.unanchored"


def test_unanchored_only_if_nothing_else_is_wrong(world):
    evidence = evidence_of(faults.cloned(world.image), world.at)
    assert judge(evidence, TrustStore.of(), at=world.at).verdict == "rejected"
    refused(world, NotGenuine, "aa.not_performed", trust=TrustStore.of(), policy=BANK,
            evidence=evidence_of(world.image, world.at, challenge=None))  # fmt: skip


def test_an_attacker_with_the_same_name_is_refused(world):
    """Same country and names, own key: no anchor for it, so never more than unanchored."""
    attacker = DocumentAuthority.create(country="VN", at=world.at)
    image = personalise(PEOPLE["mau"], attacker, at=world.at)
    verdict = judge(evidence_of(image, world.at), world.trust, at=world.at)
    assert verdict.verdict == "unanchored"


def test_a_revoked_signer(world):
    crl = world.authority.crl(revoked=(world.authority.ds_serial,), at=world.at)
    trust = TrustStore.of(csca=[world.authority.csca_der], crl=[crl])
    refused(world, Revoked, "chain.revoked", trust=trust)


def test_revocation_must_be_known_where_it_is_required(world):
    trust = TrustStore.of(csca=[world.authority.csca_der])
    refused(
        world, UntrustedIssuer, "revocation.unknown", trust=trust, policy=BANK, challenge=CHALLENGE
    )
    assert judge(world.evidence, trust, at=world.at).verdict == "accepted"
    later = world.at + timedelta(days=200)
    refused(world, UntrustedIssuer, "revocation.stale", policy=BANK, challenge=CHALLENGE, at=later)


def test_replayed_evidence(world):
    other = bytes(8)
    verdict = refused(world, ChallengeMismatch, "aa.other_challenge", challenge=other)
    assert verdict.check("aa.signature").status == "passed"


def test_a_challenge_inside_evidence_is_never_the_expected_one(world):
    card = verify(world.evidence, world.trust, at=world.at)
    assert card.check("aa.freshness").code == "aa.no_challenge"
    assert not card.possession_proven
    refused(world, ChallengeMismatch, "aa.no_challenge", policy=BANK)


def test_another_persons_card(world):
    refused(world, HolderMismatch, "holder.other_person", expect_number=PEOPLE["mau"].number)


def test_an_expired_card(world):
    last = datetime.combine(PEOPLE["thu"].expiry, datetime.min.time(), tzinfo=UTC)
    crl = TrustStore.of(csca=[world.authority.csca_der])
    evening = last + timedelta(hours=16, minutes=59)
    assert judge(world.evidence, crl, at=evening).check("document.expiry").status == "passed"
    refused(world, Expired, "document.expired", trust=crl, at=evening + timedelta(minutes=1))


def test_a_flipped_signature(world):
    sod = bytearray(world.image.files["EF.SOD"])
    sod[-1] ^= 1
    files = {**world.evidence.files, "EF.SOD": bytes(sod)}
    evidence = dataclasses.replace(world.evidence, files=files)
    verdict = refused(world, SignatureInvalid, "signature_invalid", evidence=evidence)
    assert verdict.holder is None
    assert {check.status for check in verdict.checks if check.name == "sod.hashes"} == {"unknown"}


def test_without_the_security_object_nothing_is_said(world):
    verdict = refused(
        world, SignatureInvalid, "sod.absent", evidence=without(world.evidence, "EF.SOD")
    )
    assert {check.status for check in verdict.checks} <= {"absent", "unknown"}


def test_a_portrait_is_asked_for_by_a_bank_only(world):
    evidence = without(world.evidence, "EF.DG2")
    assert judge(evidence, world.trust, at=world.at).verdict == "accepted"
    refused(
        world, Inconsistent, "portrait.absent", evidence=evidence, policy=BANK, challenge=CHALLENGE
    )


def test_redacted_evidence_still_proves_the_rest(world):
    kept = world.evidence.redact(keep={"EF.DG1", "EF.DG14", "EF.DG15"})
    card = verify(kept, world.trust, at=world.at, challenge=CHALLENGE)
    assert card.possession_proven
    assert set(card.files) == {"EF.DG1", "EF.DG14", "EF.DG15"}
    assert card.dg13 is None


def test_without_dg1_nobody_is_identified(world):
    evidence = without(world.evidence, "EF.DG1")
    refused(world, Inconsistent, "not_checked", evidence=evidence)
    policy = Policy(name="signer", required=FLOOR)
    assert judge(evidence, world.trust, policy=policy, at=world.at).verdict == "accepted"
    with pytest.raises(Inconsistent) as caught:
        verify(evidence, world.trust, policy=policy, at=world.at)
    assert caught.value.code == "holder.absent"
    assert caught.value.verdict.verdict == "accepted"


def test_what_was_asked_must_be_answered(world):
    """A state or a number that is asked for needs DG1, whatever the policy says."""
    evidence = without(world.evidence, "EF.DG1")
    of_state = Policy(name="state", required=FLOOR, issuing_state="VNM")
    refused(world, Inconsistent, "not_checked", evidence=evidence, policy=of_state)
    floor = Policy(name="floor", required=FLOOR)
    refused(
        world, Inconsistent, "not_checked", evidence=evidence, policy=floor,
        expect_number=world.number,
    )  # fmt: skip


def test_a_forged_chip_authentication_transcript_proves_nothing(world):
    forged = dataclasses.replace(
        evidence_of(world.image, world.at, challenge=None),
        chip_authentication=ChipAuthentication(by="verifier", transcript=b"whatever"),
    )
    card = verify(forged, world.trust, at=world.at, challenge=CHALLENGE)
    assert card.check("chip_auth").code == "chip_auth.not_transferable"
    assert card.check("chip_auth").status == "unknown"
    assert not card.possession_proven


def test_pace_must_be_the_signed_one(world):
    offered = Policy(name="pace", required=IDENTIFY.required | {"pace.confirmation"})
    good = without(world.evidence, "EF.CardAccess")
    assert judge(good, world.trust, policy=offered, at=world.at).verdict == "accepted"
    for change in (
        {"protocol": "BAC", "oid": None, "parameter_id": None, "mapping": None},
        {"parameter_id": 12},
        {"oid": "0.4.0.127.0.7.2.2.4.2.4"},
    ):
        access = dataclasses.replace(ACCESS, **change)
        evidence = dataclasses.replace(world.evidence, access=access)
        refused(world, Inconsistent, "pace.downgrade", evidence=evidence)
    no_dg14 = without(world.evidence, "EF.DG14")
    verdict = judge(no_dg14, world.trust, at=world.at)
    assert verdict.check("pace.confirmation").code == "pace.unconfirmed"
    assert verdict.verdict == "accepted"


def test_a_file_longer_than_its_content_is_cut_before_hashing(world):
    files = {name: data + bytes(7) for name, data in world.evidence.files.items()}
    padded = dataclasses.replace(world.evidence, files=files)
    assert judge(padded, world.trust, at=world.at, challenge=CHALLENGE).verdict == "accepted"


def test_the_clock_must_be_aware(world):
    with pytest.raises(ValueError, match="aware"):
        judge(world.evidence, world.trust, at=datetime(2026, 11, 20))  # noqa: DTZ001


@pytest.mark.parametrize("days", [-60, 5000])
def test_a_clock_far_off_names_validity(world, days):
    with pytest.raises(VerificationError) as caught:
        verify(world.evidence, world.trust, at=world.at + timedelta(days=days))
    assert caught.value.code in ("chain.validity", "document.expired")


def test_an_error_keeps_no_frames(world):
    verdict = judge(
        evidence_of(faults.tampered_dg1(world.image), world.at), world.trust, at=world.at
    )
    assert verdict.error is not None
    assert verdict.error.__traceback__ is None

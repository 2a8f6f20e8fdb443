"""Judge what a reader brought: is it genuine, whose is it, may it be relied on (9303-11 §5, §6).

Everything is judged from the bytes of the evidence, the trust store, the time and the challenge
that the verifier itself holds; nothing is believed because the reader says so.

:func:`judge` reports and never raises for a bad card. :func:`verify` raises the most telling
error, with the whole report as its ``verdict``, and is the only maker of :class:`VerifiedCard`.

>>> from datetime import UTC, datetime
>>> from eid.chip.evidence import UNKNOWN_ACCESS, Evidence
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> nothing = Evidence(files={}, access=UNKNOWN_ACCESS, read_at=now)
>>> verdict = judge(nothing, TrustStore.of(), at=now)
>>> verdict.verdict, verdict.check("sod.signature").code
('rejected', 'sod.absent')
>>> verify(nothing, TrustStore.of(), at=now)
Traceback (most recent call last):
    ...
eid.errors.SignatureInvalid: The evidence holds no security object.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, Literal

from eid.chip.checks.authenticity import (
    check_active,
    check_chip_authentication,
    check_freshness,
    check_pace,
    check_portrait,
)
from eid.chip.checks.clock import held_against, signed_later
from eid.chip.checks.decision import decide
from eid.chip.checks.holder import (
    Person,
    check_consistency,
    check_expiry,
    check_mrz,
    read_mrz,
    read_person,
)
from eid.chip.checks.passive import (
    Signed,
    check_chain,
    check_hashes,
    check_lists,
    check_revocation,
    check_signature,
)
from eid.chip.checks.question import Covered, Question
from eid.chip.checks.remote import check_remote
from eid.chip.chip_auth import VerifierSession
from eid.chip.evidence import Evidence
from eid.chip.lds.template import trimmed
from eid.chip.lds.vn import VnData
from eid.chip.mrz import Mrz
from eid.chip.policy import BANK, IDENTIFY, LEVEL1, LEVEL2, POLICIES, Policy, load_policy
from eid.chip.remote import RemoteResult
from eid.chip.verdict import Check, Holder, Status, Verdict
from eid.errors import Inconsistent
from eid.trust.path import Chain
from eid.trust.store import TrustStore

__all__ = [
    "BANK",
    "IDENTIFY",
    "LEVEL1",
    "LEVEL2",
    "POLICIES",
    "Check",
    "Holder",
    "Policy",
    "Status",
    "TrustStore",
    "Verdict",
    "VerifiedCard",
    "judge",
    "load_policy",
    "verify",
]

_SEAL: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCard:
    """A card that passed the policy. Only :func:`verify` makes one: the type is the proof.

    ``files`` are those whose hash is signed and right, nothing else. ``possession_proven`` is
    true if the chain is anchored and the chip answered the verifier's own challenge.
    ``signer`` and ``anchor`` are SHA-256 fingerprints in hexadecimal. ``source`` is who vouches
    for the signer: an anchor of ours, or a remote verifier where the policy lets it stand in; then
    ``anchor`` is empty and ``possession_proven`` false.
    """

    holder: Holder = field(repr=False)
    checks: tuple[Check, ...] = field(repr=False)
    files: Mapping[str, bytes] = field(repr=False)
    sod_digest: bytes = field(repr=False)
    evidence_digest: bytes = field(repr=False)
    mrz: Mrz = field(repr=False)
    dg13: VnData | None = field(repr=False)
    expires: date | None = field(repr=False)
    signer: str
    anchor: str
    source: Literal["chip_local", "chip_remote_verifier"]
    possession_proven: bool
    policy: str
    verified_at: datetime
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        if seal is not _SEAL:
            raise TypeError("only eid.chip.verify.verify makes a VerifiedCard")

    def check(self, name: str) -> Check:
        """The check of this name; ``KeyError`` if there is none."""
        return Verdict(verdict="accepted", checks=self.checks).check(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judgement:
    """Everything found out about one piece of evidence."""

    verdict: Verdict
    covered: Covered
    person: Person
    signed: Signed | None
    chain: Chain | None


def judge(  # noqa: PLR0913 - what a verifier brings, by keyword
    evidence: Evidence,
    trust: TrustStore,
    *,
    policy: Policy = IDENTIFY,
    at: datetime,
    challenge: bytes | None = None,
    expect_number: str | None = None,
    chip_session: VerifierSession | None = None,
    remote: RemoteResult | None = None,
) -> Verdict:
    """Report every check and the verdict; never raises for a bad card.

    ``at`` is an aware datetime: the present, by the verifier's own clock, unless the policy does
    not doubt it. ``challenge`` is the verifier's own eight bytes: one found in the
    evidence is never taken for it. ``expect_number`` is the 12-digit number asked for.
    ``chip_session`` is the verifier's own half of Chip Authentication, for this one answer.
    ``remote`` is what came of asking a remote verifier (:func:`eid.chip.remote.consult`).
    """
    question = _question(
        evidence,
        trust,
        policy=policy,
        at=at,
        challenge=challenge,
        expect_number=expect_number,
        chip_session=chip_session,
        remote=remote,
    )
    return _judge(question).verdict


def verify(  # noqa: PLR0913 - what a verifier brings, by keyword
    evidence: Evidence,
    trust: TrustStore,
    *,
    policy: Policy = IDENTIFY,
    at: datetime,
    challenge: bytes | None = None,
    expect_number: str | None = None,
    chip_session: VerifierSession | None = None,
    remote: RemoteResult | None = None,
) -> VerifiedCard:
    """As :func:`judge`, but return the verified card or raise the most telling error.

    Raises a ``VerificationError`` whose ``verdict`` is the report; ``UntrustedIssuer`` with code
    ``chain.unanchored`` if nothing is wrong but no anchor is known.
    """
    question = _question(
        evidence,
        trust,
        policy=policy,
        at=at,
        challenge=challenge,
        expect_number=expect_number,
        chip_session=chip_session,
        remote=remote,
    )
    found = _judge(question)
    if found.verdict.error is not None:
        raise found.verdict.error
    return _card(question, found)


def _question(  # noqa: PLR0913 - the same
    evidence: Evidence,
    trust: TrustStore,
    *,
    policy: Policy,
    at: datetime,
    challenge: bytes | None,
    expect_number: str | None,
    chip_session: VerifierSession | None,
    remote: RemoteResult | None,
) -> Question:
    if at.tzinfo is None:
        raise ValueError("at must be an aware datetime")
    files = {name: trimmed(data) for name, data in evidence.files.items()}
    return Question(
        evidence=evidence,
        files=MappingProxyType(files),
        trust=trust,
        policy=policy,
        at=at,
        challenge=challenge,
        expect_number=expect_number,
        chip_session=chip_session,
        remote=remote,
    )


def _judge(question: Question) -> _Judgement:
    signature, signed = check_signature(question)
    hashed, hashes = check_hashes(question, signed)
    covered = hashes.covered if hashes else Covered(files=MappingProxyType({}))
    mrz = read_mrz(covered)
    chained, chain = check_chain(question, signed, mrz)
    person = read_person(question, covered, mrz)
    active, later = check_active(question, covered), signed_later(question, signed)
    checks = (
        signature,
        chained,
        held_against(check_revocation(question, chain), later),
        hashed,
        check_lists(question, hashes),
        check_mrz(covered, question.policy.issuing_state),
        check_consistency(question, covered, person),
        held_against(check_expiry(question, person), later),
        check_pace(question, covered),
        active,
        check_freshness(question, active),
        check_chip_authentication(question, covered),
        check_portrait(question, covered),
        check_remote(question),
    )
    verdict = decide(
        question,
        checks,
        person.holder,
        signer=signed.signer.fingerprint if signed else "",
        anchor=chain.anchor.fingerprint if chain else "",
    )
    return _Judgement(verdict=verdict, covered=covered, person=person, signed=signed, chain=chain)


def _card(question: Question, found: _Judgement) -> VerifiedCard:
    """The value of an accepted judgement.

    A policy of one's own may leave out what identifies the holder; then there is no card to
    return, and ``Inconsistent`` says so.
    """
    person, signed, chain = found.person, found.signed, found.chain
    holder = found.verdict.holder
    if holder is None or person.mrz is None or signed is None:
        raise Inconsistent(
            "The evidence shows no holder under a good signature.",
            code="holder.absent",
            verdict=found.verdict,
        )
    proven = {check.name for check in found.verdict.checks if check.status == "passed"}
    return VerifiedCard(
        holder=holder,
        checks=found.verdict.checks,
        files=found.covered.files,
        sod_digest=hashlib.sha256(question.files["EF.SOD"]).digest(),
        evidence_digest=question.evidence.digest(),
        mrz=person.mrz,
        dg13=person.dg13,
        expires=person.expires,
        signer=signed.signer.fingerprint,
        anchor=found.verdict.anchor,
        source="chip_local" if chain else "chip_remote_verifier",
        possession_proven="sod.chain" in proven
        and ("chip_auth" in proven or {"aa.signature", "aa.freshness"} <= proven),
        policy=question.policy.name,
        verified_at=question.at,
        seal=_SEAL,
    )

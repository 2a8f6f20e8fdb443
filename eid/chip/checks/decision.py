"""From checks to a verdict: what speaks against the card, and which error says it best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from eid.chip.checks.passive import NO_ANCHOR
from eid.chip.checks.question import Question
from eid.chip.verdict import NOT_CHECKED, Check, Holder, Outcome, Verdict
from eid.errors import (
    ChallengeMismatch,
    HashMismatch,
    Inconsistent,
    NotGenuine,
    SignatureInvalid,
    UntrustedIssuer,
    VerificationError,
)
from eid.trust.path import UNANCHORED


def decide(
    question: Question,
    checks: tuple[Check, ...],
    holder: Holder | None,
    *,
    signer: str = "",
    anchor: str = "",
) -> Verdict:
    """Weigh the checks: what failed comes first, a missing anchor last."""
    hashes = next(check for check in checks if check.name == "sod.hashes")
    shown = holder if hashes.status == "passed" else None
    against = _objections(question, checks)
    outcome: Outcome = "accepted"
    error: VerificationError | None = None
    if against:
        outcome = "unanchored" if against[0].code == UNANCHORED else "rejected"
        error = _error(against[0])
    verdict = Verdict(
        verdict=outcome, checks=checks, holder=shown, signer=signer, anchor=anchor, error=error
    )
    if error is not None:
        error.verdict = verdict
    return verdict


def _objections(question: Question, checks: tuple[Check, ...]) -> list[Check]:
    """What speaks against the card, the most telling first; a missing anchor comes last.

    That revocation is unknown for want of an anchor adds nothing to the want of an anchor, and
    where the policy lets a remote verifier stand in, its confirmation makes up for both.
    """
    required = _required(question)
    bad = [check for check in checks if check.status == "failed"]
    made_up = {NO_ANCHOR, UNANCHORED} if _stands_in(question, checks) else {NO_ANCHOR}
    for check in (check for check in checks if check.code not in made_up):
        lacking = check.name in required and check.status in ("absent", "unknown")
        keys = question.policy.require_chip_keys and check.code == "chip_auth.unavailable"
        if lacking or keys:
            bad.append(check)
    return sorted(bad, key=lambda check: (check.code == UNANCHORED, check.code == NOT_CHECKED))


def _stands_in(question: Question, checks: tuple[Check, ...]) -> bool:
    confirmed = any(check.name == "remote" and check.status == "passed" for check in checks)
    return question.policy.remote_anchors and confirmed


def _required(question: Question) -> frozenset[str]:
    """What the policy requires, and what the question itself cannot be answered without."""
    asked = {
        "mrz": question.policy.issuing_state is not None,
        "holder.consistency": question.expect_number is not None,
    }
    return question.policy.required | {name for name, needed in asked.items() if needed}


_KINDS: Final[Mapping[str, Callable[..., VerificationError]]] = MappingProxyType(
    {
        "sod.signature": SignatureInvalid,
        "sod.chain": UntrustedIssuer,
        "sod.revocation": UntrustedIssuer,
        "sod.hashes": HashMismatch,
        "aa.signature": NotGenuine,
        "aa.freshness": ChallengeMismatch,
        "chip_auth": NotGenuine,
        "remote": NotGenuine,
    }
)


def _error(check: Check) -> VerificationError:
    """The exception of an objection; a FormatError turns into the kind of its check."""
    if isinstance(check.error, VerificationError):
        return check.error
    kind = _KINDS.get(check.name, Inconsistent)
    error = kind(check.message, code=check.code)
    error.__cause__ = check.error
    return error

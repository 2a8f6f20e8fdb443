"""Whether the verifier's own clock can be right: what its authorities have signed says so.

A clock that is ahead only refuses what it should accept: certificates and lists are over. One
that is behind serves documents that have expired, so it is in doubt as soon as a list that the
document's own, pinned authority signed lies in its future. What a reader says of the time is
never looked at.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from eid.chip.checks.passive import Signed
from eid.chip.checks.question import Question
from eid.chip.verdict import Check, unknown

CLOCK_BEHIND: Final = "clock.behind"
_BY_THE_CLOCK: Final = frozenset({"document.valid", "revocation.good", "revocation.stale"})


def signed_later(question: Question, signed: Signed | None) -> datetime | None:
    """When the authority signed a list that this verifier's clock says is yet to come."""
    most = question.policy.max_clock_doubt_s
    if signed is None or most is None:
        return None
    trust, issuer = question.trust, signed.signer.issuer
    for crl in trust.crls:
        ahead = (crl.this_update - question.at).total_seconds()
        if ahead > most and crl.issuer == issuer:
            anchors = (one for one in trust.named(issuer) if trust.is_anchor(one))
            if any(trust.is_crl_of(crl, anchor) for anchor in anchors):
                return crl.this_update
    return None


def held_against(check: Check, later: datetime | None) -> Check:
    """The check as it is, or unknown where it rests on a clock that cannot be right."""
    if later is None or check.code not in _BY_THE_CLOCK:
        return check
    message = f"This verifier's clock is behind: its authority signed a list on {later:%Y-%m-%d}."
    return unknown(check.name, CLOCK_BEHIND, message)

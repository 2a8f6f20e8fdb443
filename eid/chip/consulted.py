"""Judge with a remote verifier beside: it is asked only about a card that we find nothing wrong with.

Our own failures are final, so a forged card is sent nowhere. What the gateway refuses is refused;
what it confirms may stand in for an anchor that is not known; no answer changes nothing, so that
a card without an anchor stays without one (contracts §1).

>>> from datetime import UTC, datetime
>>> from eid.chip.evidence import UNKNOWN_ACCESS, Evidence
>>> from eid.chip.policy import LEVEL1
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> nothing = Evidence(files={}, access=UNKNOWN_ACCESS, read_at=now)
>>> verify_beside(nothing, TrustStore.of(), None, policy=LEVEL1, at=now, challenge=bytes(8))
Traceback (most recent call last):
    ...
eid.errors.SignatureInvalid: The evidence holds no security object.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from eid.chip.evidence import Evidence
from eid.chip.policy import Policy
from eid.chip.remote import RemoteVerifier, consult
from eid.chip.verify import VerifiedCard, verify
from eid.errors import VerificationError
from eid.trust.store import TrustStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A remote verifier, and how old its answer may be."""

    verifier: RemoteVerifier = field(repr=False)
    max_age_s: int = 300


def verify_beside(  # noqa: PLR0913 - what a verifier brings, by keyword
    evidence: Evidence,
    trust: TrustStore,
    gateway: Gateway | None,
    *,
    policy: Policy,
    at: datetime,
    challenge: bytes,
    expect_number: str | None = None,
) -> VerifiedCard:
    """As :func:`eid.chip.verify.verify`, with the gateway's word where there is a gateway.

    Raises what ``verify`` does; NotGenuine ``remote.refused`` where the gateway says no.
    """
    own = replace(policy, remote_anchors=False)
    try:
        card = verify(
            evidence, trust, policy=own, at=at, challenge=challenge, expect_number=expect_number
        )
    except VerificationError as error:
        if gateway is None or getattr(error.verdict, "verdict", "rejected") != "unanchored":
            raise
    else:
        if gateway is None:
            return card
    return verify(
        evidence,
        trust,
        policy=replace(policy, remote_anchors=True, remote_max_age_s=gateway.max_age_s),
        at=at,
        challenge=challenge,
        expect_number=expect_number,
        remote=consult(gateway.verifier, evidence, at=at),
    )

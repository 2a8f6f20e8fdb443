"""Verified claims: what a claim rests on, said beside it (OIDC Identity Assurance 1.0 §5, §6).

The evidence is the chip card as it was read, with the checks that it passed; nothing that would
link a person across services is in it. ``vcrypt`` is said only of a chip whose signatures were
judged here, up to an anchor of ours. Where a remote verifier vouched for the signer instead, which
none of the registered methods says, the method is a URN of our own: :func:`remote_check`. The trust framework is the operator's own: only what came
from the state's own system is called by the state's (contracts §6).

>>> parse_verified({"verification": {"trust_framework": None}, "claims": {"name": None}}).claims
{'name': None}
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from eid.errors import OAuthError
from eid.keys import JSON
from eid.levels.account import Account

STATE_FRAMEWORK = "vn_nd69_2024"
EVIDENCE_TYPES = ("document",)
CHIP_CHECK = "vcrypt"
MAX_FRAMEWORKS = 8
_DATES = {"date_of_issuance": "card_issue_date", "date_of_expiry": "card_expiry_date"}
_HOLDER_CHECKS = {"officer": "pvp", "face": "bvp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRequest:
    """What of ``verified_claims`` was asked for."""

    claims: Mapping[str, JSON] = field(default_factory=dict)
    frameworks: tuple[str, ...] = ()


def parse_verified(wish: JSON) -> VerifiedRequest:
    """A ``verified_claims`` request object; ``invalid_request`` if it is malformed (§6)."""
    if wish is None:
        return VerifiedRequest()
    if not isinstance(wish, Mapping):
        raise _malformed()
    verification, claims = wish.get("verification"), wish.get("claims")
    if not isinstance(verification, Mapping) or not isinstance(claims, Mapping) or not claims:
        raise _malformed()
    framework = verification.get("trust_framework")
    if framework is None:
        return VerifiedRequest(claims=claims)
    if not isinstance(framework, Mapping):
        raise _malformed()
    listed = framework.get("values", [framework["value"]] if "value" in framework else [])
    if not isinstance(listed, list) or len(listed) > MAX_FRAMEWORKS:
        raise _malformed()
    return VerifiedRequest(claims=claims, frameworks=tuple(str(item) for item in listed))


def verified_claims(
    account: Account,
    claims: Mapping[str, JSON],
    *,
    framework: str,
    prefix: str,
    accepted: Collection[str] = (),
) -> dict[str, JSON] | None:
    """The ``verified_claims`` of an account; None if nothing verified can be said as asked (§6.5).

    ``claims`` are the values that were asked for and agreed to; ``prefix`` is that of our ``acr``.
    """
    named = STATE_FRAMEWORK if account.source == "vneid" else framework
    if account.level < 1 or not claims or (accepted and named not in accepted):
        return None
    verification: dict[str, JSON] = {
        "trust_framework": named,
        "assurance_level": f"eid_level_{account.level}",
        "evidence": [_evidence(account, claims, prefix)],
    }
    if account.proofed_at is not None:
        verification["time"] = account.proofed_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"verification": verification, "claims": dict(claims)}


def check_methods(prefix: str) -> tuple[str, ...]:
    """Every ``check_method`` that may be told."""
    return (CHIP_CHECK, remote_check(prefix), *_HOLDER_CHECKS.values())


def remote_check(prefix: str) -> str:
    """The method of a chip whose signer a remote verifier confirmed, and no anchor of ours.

    >>> remote_check("urn:eid")
    'urn:eid:check:remote'
    """
    return f"{prefix}:check:remote"


def _evidence(account: Account, claims: Mapping[str, JSON], prefix: str) -> dict[str, JSON]:
    """The document and its checks; the card's dates only where they were agreed to as claims."""
    chip = {"chip_local": CHIP_CHECK, "chip_remote_verifier": remote_check(prefix)}
    methods = [chip[account.source]] if account.source in chip else []
    if account.holder_match in _HOLDER_CHECKS:
        methods.append(_HOLDER_CHECKS[account.holder_match])
    document: dict[str, JSON] = {"type": "idcard", "issuer": {"country": "VNM"}}
    document |= {name: claims[claim] for name, claim in _DATES.items() if claim in claims}
    evidence: dict[str, JSON] = {"type": EVIDENCE_TYPES[0], "document_details": document}
    if methods:
        evidence["check_details"] = [{"check_method": method} for method in methods]
    return evidence


def _malformed() -> OAuthError:
    return OAuthError("invalid_request", "The verified_claims request is malformed.")

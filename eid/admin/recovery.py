"""Recovery of an account whose secrets are lost: four eyes, and no level lowered silently.

One officer asks, another one agrees, and the person sets a new password with a handle that works
once. Whoever brings the card and is matched keeps the level; whoever does not is told beforehand
that the account will have none until it is proofed again (contracts §6, §8).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from eid.admin.officers import Officer, check_standing
from eid.admin.ports import RecoveryBook, RecoveryRegister
from eid.errors import AccountError, HolderMismatch, RequestRefused
from eid.keys import JSON, encode_base64url
from eid.levels.account import Account, move
from eid.levels.factors.card import card_factor
from eid.oidc.ports import AuditEvent, Grant, Grants
from eid.oidc.sign_on import account_family

if TYPE_CHECKING:
    from eid.chip.verify import VerifiedCard

REQUEST_LIFETIME = timedelta(hours=24)
HANDLE_LIFETIME = timedelta(minutes=30)
Outcome = Literal["level_kept", "level_lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCase:
    """What one officer asked for: ``outcome`` is what the person was told before."""

    id: str
    account_id: str
    outcome: Outcome
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """The one-time handle for the person, and until when it works."""

    handle: str = field(repr=False)
    expires_at: datetime


class RecoveryDesk:
    """Asks, approves, completes."""

    def __init__(
        self,
        *,
        register: RecoveryRegister,
        cases: RecoveryBook,
        grants: Grants,
        rng: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._register = register
        self._cases = cases
        self._grants = grants
        self._rng = rng

    def ask(
        self, officer: Officer, account_id: str, *, card: VerifiedCard | None, at: datetime
    ) -> RecoveryCase:
        """Ask for a recovery, with the card judged just now or without one.

        HolderMismatch for another person's card, InsufficientEvidence for one that did not prove
        itself, AccountError ``recovery.own_account`` or for an account that cannot be recovered.
        """
        check_standing(self._register, officer, "recover", at=at)
        account = self._recoverable(account_id)
        if account.id == officer.account_id:
            raise AccountError("Officers do not recover their own.", code="recovery.own_account")
        outcome: Outcome = "level_lost" if card is None and account.level else "level_kept"
        if card is not None:
            card_factor(card, at)
            known = account.profile.personal_number if account.profile else ""
            shown = card.holder.personal_number
            if not known or not hmac.compare_digest(known.encode(), shown.encode()):
                raise HolderMismatch(
                    "The card belongs to another person than the account.", code="holder_mismatch"
                )
        case_id = self._cases.recovery(account.id, by=officer.account_id, at=at)
        expires = at + REQUEST_LIFETIME
        payload: dict[str, JSON] = {
            "account": account.id,
            "officer": officer.account_id,
            "outcome": outcome,
            "card": card is not None,
        }
        grant = Grant(
            kind="recovery",
            key=_key(f"{case_id}:{outcome}"),
            payload=payload,
            expires_at=expires,
        )
        before = self._grants.get("recovery", grant.key, at=at)
        if before is None:
            self._grants.put(grant)
        elif card is not None and not before.payload.get("card"):
            self._grants.replace(grant, version=before.version, at=at)
        return RecoveryCase(id=case_id, account_id=account.id, outcome=outcome, expires_at=expires)

    def waiting(self, case_id: str, outcome: Outcome, *, at: datetime) -> RecoveryCase:
        """What was asked for and waits for a second officer; RequestRefused ``recovery`` if not."""
        asked = self._grants.get("recovery", _key(f"{case_id}:{outcome}"), at=at)
        if asked is None:
            raise _over()
        return RecoveryCase(
            id=case_id,
            account_id=str(asked.payload["account"]),
            outcome=outcome,
            expires_at=asked.expires_at,
        )

    def approve(self, officer: Officer, case: RecoveryCase, *, at: datetime) -> Approval:
        """Agree, as a second officer, once; AccountError ``recovery.four_eyes`` for the first.

        RequestRefused ``recovery`` when it was agreed, has expired or was never asked for.
        """
        check_standing(self._register, officer, "recover", at=at)
        key = _key(f"{case.id}:{case.outcome}")
        asked = self._grants.get("recovery", key, at=at)
        if asked is None:
            raise _over()
        if officer.account_id in {asked.payload["officer"], asked.payload["account"]}:
            raise AccountError("A second officer must agree.", code="recovery.four_eyes")
        handle = encode_base64url(self._rng(32))
        expires = at + HANDLE_LIFETIME
        payload: dict[str, JSON] = {**asked.payload, "approved_by": officer.account_id}
        issued = Grant(
            kind="recovery_handle", key=_key(handle), payload=payload, expires_at=expires
        )
        if self._grants.consume("recovery", key, at=at, issue=[issued]) is None:
            raise _over()
        self._cases.decide(case.id, "approved", by=officer.account_id, at=at)
        return Approval(handle=handle, expires_at=expires)

    def complete(self, handle: str, password: str, *, at: datetime) -> Account:
        """Set the new password, once, and do what was told before; RequestRefused ``recovery``.

        In the same transaction every factor of before is suspended (a PIN removed), since whoever
        had the account may have enrolled it, and the person's sessions and logins end. FormatError
        for a password that the policy refuses, or a failure, leaves everything, and the handle
        works once more. End the sessions' tokens before: it can be done again, this cannot.
        """
        grant, account = self._agreed(handle, at)
        by = f"{grant.payload['officer']} {grant.payload['approved_by']}"
        after, events = account, []
        if grant.payload["outcome"] == "level_lost":
            after = move(account, "recovered_without_card", at=at)
            levels = {"level_before": str(account.level), "level": str(after.level)}
            lost = {"by": by, "reason": "recovery"} | levels
            events = [_event("account.recovered_without_card", account, lost, at)]
        done = {"by": by, "outcome": str(grant.payload["outcome"])}
        return self._register.recover(
            after,
            password,
            handle=grant.key,
            ending=account_family(account.id),
            by=by,
            events=[*events, _event("account.recovered", account, done, at)],
            at=at,
        )

    def account_of(self, handle: str, *, at: datetime) -> Account:
        """Whose recovery it is, as long as the handle works; RequestRefused ``recovery``."""
        return self._agreed(handle, at)[1]

    def _agreed(self, handle: str, at: datetime) -> tuple[Grant, Account]:
        """What two officers agreed to, and the account as it is, if it is still as it was then."""
        grant = self._grants.get("recovery_handle", _key(handle), at=at)
        if grant is None:
            raise _over()
        account = self._recoverable(str(grant.payload["account"]))
        unmatched = grant.payload["outcome"] == "level_kept" and not grant.payload.get("card")
        if unmatched and account.level:  # there was none to lose when it was asked for
            raise _over()
        return grant, account

    def _recoverable(self, account_id: str) -> Account:
        account = self._register.by_id(account_id)
        if account is None or account.state in {"locked", "closed"}:
            raise AccountError("This account cannot be recovered now.", code="recovery.impossible")
        return account


def _event(kind: str, account: Account, detail: dict[str, str], at: datetime) -> AuditEvent:
    return AuditEvent(kind=kind, at=at, account=account.id, detail=detail)


def _over() -> RequestRefused:
    return RequestRefused("The recovery is over, or was never asked for.", code="recovery")


def _key(name: str) -> bytes:
    return hashlib.sha256(name.encode(errors="replace")).digest()

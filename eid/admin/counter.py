"""Enrolment at the counter: chip verified, holder matched by an officer (contracts §2, §6).

A chip never raises an account by itself: the officer's own login, the appointment's challenge
answered by the chip, and the officer's word that this is the holder belong together, once.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from eid.admin.ports import CaseBook, Register
from eid.chip.evidence import Evidence
from eid.chip.verify import LEVEL2, VerifiedCard, verify
from eid.errors import AccountError, RequestRefused
from eid.keys import decode_base64url, encode_base64url
from eid.levels.account import Account, move, profile_from_card
from eid.levels.challenge import derive_challenge
from eid.levels.proofing import check_eligible
from eid.levels.rules import Rules
from eid.oidc.ports import AuditEvent, Grant, Grants
from eid.trust.store import TrustStore

CLIENT_ID = "eid-counter"
CHALLENGE_LIFETIME = timedelta(seconds=120)
SESSION_LIFETIME = timedelta(hours=8)
_SEAL = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Officer:
    """An officer who has logged in; only `officer_login` makes one."""

    account_id: str
    until: datetime
    _seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("an Officer comes from officer_login only")


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """One enrolment under way: the chip must answer ``challenge`` before ``expires_at``."""

    id: str = field(repr=False)
    challenge: bytes = field(repr=False)
    expires_at: datetime


def officer_login(
    register: Register, username: str, password: str, *, address: str, at: datetime
) -> Officer:
    """Check an officer's password and role; AccountError otherwise, ``login.not_an_officer``."""
    account = register.check_password(username, password, address=address, at=at)
    if not _is_officer(account):
        raise AccountError("This account is not an officer's.", code="login.not_an_officer")
    return Officer(account_id=account.id, until=at + SESSION_LIFETIME, _seal=_SEAL)


class CounterDesk:
    """One operator's counter: gives challenges, judges cards itself, raises accounts."""

    def __init__(  # noqa: PLR0913 - the parts of one counter
        self,
        *,
        issuer: str,
        register: Register,
        grants: Grants,
        trust: TrustStore,
        cases: CaseBook | None = None,
        rules: Rules | None = None,
        rng: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._issuer = issuer
        self._register = register
        self._grants = grants
        self._trust = trust
        self._cases = cases
        self._rules = rules or Rules.load()
        self._rng = rng

    def begin(self, officer: Officer, *, at: datetime) -> Appointment:
        """Open an appointment; its challenge is good for one answer within 120 seconds."""
        self._check_standing(officer, at)
        name = encode_base64url(self._rng(32))
        challenge = derive_challenge(
            issuer=self._issuer,
            client_id=CLIENT_ID,
            transaction_id=name,
            cookie_hash=b"",
            random=self._rng(32),
        )
        expires = at + CHALLENGE_LIFETIME
        self._grants.put(
            Grant(
                kind="challenge",
                key=_key(name),
                payload={
                    "challenge": encode_base64url(challenge),
                    "officer": officer.account_id,
                },
                expires_at=expires,
            )
        )
        return Appointment(id=name, challenge=challenge, expires_at=expires)

    def enrol(  # noqa: PLR0913 - each is a fact of its own
        self,
        officer: Officer,
        appointment_id: str,
        evidence: Evidence,
        *,
        username: str,
        password: str,
        matched_by_hand: bool,
        representative: str | None = None,
        address: str = "counter",
        at: datetime,
    ) -> Account:
        """Raise the holder's account to level 2, or create it there.

        The card's person owns the account: a known number is raised as it is, a login name
        without a person must be proven by its password, and a new name is created. Raises
        RequestRefused (``counter.appointment``) for a used or foreign appointment, AccountError
        (with the ``case`` that was opened when another account holds the number already), or what `eid.chip.verify.verify` finds wrong with the card under ``level2``.
        """
        self._check_standing(officer, at)
        if not matched_by_hand:
            raise AccountError(
                "Level 2 needs the officer's match of the holder.",
                code="account.holder_match_missing",
            )
        challenge = self._consume(officer, appointment_id, at)
        card = verify(evidence, self._trust, policy=LEVEL2, at=at, challenge=challenge)
        profile = profile_from_card(card)
        check_eligible(profile, 2, representative=representative, rules=self._rules, at=at)
        account = self._find(officer, card, username, password, address=address, at=at)
        if account is not None and account.id == officer.account_id:
            raise AccountError("Officers do not enrol themselves.", code="counter.own_account")
        fresh = account or Account(
            id=encode_base64url(self._rng(16)), username=username, created_at=at
        )
        raised = replace(
            move(fresh, "proofed_at_counter", at=at, holder_match="officer", source="chip_local"),
            profile=profile,
            representative=representative,
        )
        event = self._event(officer, raised, evidence, at)
        if account is None:
            return self._register.create(raised, password=password, events=(event,))
        return self._register.update(raised, at=at, events=(event,))

    def _check_standing(self, officer: Officer, at: datetime) -> None:
        account = self._register.by_id(officer.account_id)
        if at >= officer.until or account is None or not _is_officer(account):
            raise AccountError("The officer's session is over.", code="login.expired")

    def _event(
        self, officer: Officer, raised: Account, evidence: Evidence, at: datetime
    ) -> AuditEvent:
        salt = self._rng(32)
        return AuditEvent(
            kind="account.proofed_at_counter",
            at=at,
            account=raised.id,
            detail={"officer": officer.account_id, "holder_match": "officer", "level": "2"},
            commitment=evidence.commitment(salt),
            opening=salt + evidence.digest(),
        )

    def _consume(self, officer: Officer, appointment_id: str, at: datetime) -> bytes:
        grant = self._grants.consume("challenge", _key(appointment_id), at=at)
        if grant is None or grant.payload.get("officer") != officer.account_id:
            raise RequestRefused(
                "The appointment is over, or not this officer's.", code="counter.appointment"
            )
        return decode_base64url(str(grant.payload["challenge"]))

    def _find(
        self,
        officer: Officer,
        card: VerifiedCard,
        username: str,
        password: str,
        *,
        address: str,
        at: datetime,
    ) -> Account | None:
        known = self._register.by_number(card.holder.personal_number)
        named = self._register.by_username(username)
        if known is not None:
            if named is None or named.id != known.id:
                raise self._other_account(officer, known, named, at)
            return known
        if named is None:
            return None
        if named.profile is not None:
            raise AccountError("The login name is taken.", code="counter.username_taken")
        return self._register.check_password(username, password, address=address, at=at)

    def _other_account(
        self, officer: Officer, known: Account, named: Account | None, at: datetime
    ) -> AccountError:
        message, code = "The person has an account under another name.", "counter.other_account"
        if self._cases is None:
            return AccountError(message, code=code)
        claimant = named.id if named else "counter"
        by = officer.account_id
        case = self._cases.second_enrolment(known.id, claimant=claimant, by=by, at=at)
        return AccountError(message, code=code, case=case)


def _is_officer(account: Account) -> bool:
    return "officer" in account.roles and account.state in {"registered", "active"}


def _key(name: str) -> bytes:
    return hashlib.sha256(name.encode(errors="replace")).digest()

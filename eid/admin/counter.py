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

from eid.admin.officers import (
    Officer as Officer,
    check_second,
    check_standing,
    officer_login as officer_login,
)
from eid.admin.ports import CaseBook, Register
from eid.chip.consulted import Gateway, verify_beside
from eid.chip.evidence import Evidence
from eid.chip.remote import RemoteVerifier
from eid.chip.verify import LEVEL2, VerifiedCard
from eid.errors import AccountError, RequestRefused
from eid.keys import decode_base64url, encode_base64url, new_name
from eid.levels.account import Account, move, profile_from_card
from eid.levels.challenge import derive_challenge
from eid.levels.proofing import check_eligible, check_representative, check_same_person
from eid.levels.rules import Rules
from eid.oidc.ports import AuditEvent, Grant, Grants
from eid.trust.store import TrustStore

CLIENT_ID = "eid-counter"
CHALLENGE_LIFETIME = timedelta(seconds=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Appointment:
    """One enrolment under way: the chip must answer ``challenge`` before ``expires_at``."""

    id: str = field(repr=False)
    challenge: bytes = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An officer's word that the person present is the card's holder; ``second`` agreed."""

    officer: Officer
    evidence: Evidence = field(repr=False)
    card: VerifiedCard = field(repr=False)
    representative: str | None = None
    second: str | None = None


class CounterDesk:
    """One operator's counter: gives challenges, judges cards itself, raises accounts."""

    def __init__(  # noqa: PLR0913 - the parts of one counter
        self,
        *,
        issuer: str,
        register: Register,
        grants: Grants,
        trust: Callable[[], TrustStore] | TrustStore,
        cases: CaseBook | None = None,
        rules: Rules | None = None,
        gateway: Gateway | RemoteVerifier | None = None,
        rng: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._issuer = issuer
        self._register = register
        self._grants = grants
        self._trust = trust if callable(trust) else lambda: trust
        if gateway is not None and not isinstance(gateway, Gateway):
            gateway = Gateway(verifier=gateway)
        self._gateway: Gateway | None = gateway
        self._cases = cases
        self._rules = rules or Rules.load()
        self._rng = rng

    def begin(self, officer: Officer, *, at: datetime) -> Appointment:
        """Open an appointment; its challenge is good for one answer within 120 seconds."""
        check_standing(self._register, officer, "enrol", at=at)
        name = encode_base64url(self._rng(32))
        challenge = self.challenge(name, cookie_hash=b"")
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

    def challenge(self, name: str, *, cookie_hash: bytes) -> bytes:
        """A new challenge for one reading, bound to its browser where there is one (§2)."""
        return derive_challenge(
            issuer=self._issuer,
            client_id=CLIENT_ID,
            transaction_id=name,
            cookie_hash=cookie_hash,
            random=self._rng(32),
        )

    def judge(self, evidence: Evidence, challenge: bytes, *, at: datetime) -> VerifiedCard:
        """The card under ``level2``, or what `eid.chip.verify.verify` finds wrong with it.

        Where the operator has a gateway, its word may stand in for an anchor that is not known.
        """
        return verify_beside(
            evidence, self._trust(), self._gateway, policy=LEVEL2, at=at, challenge=challenge
        )

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
        """Raise the holder's account to level 2, or create it there, in one step.

        Raises RequestRefused (``counter.appointment``) for a used or foreign appointment, else
        as :meth:`raise_holder` and :meth:`judge`.
        """
        check_standing(self._register, officer, "enrol", at=at)
        if not matched_by_hand:
            raise _unmatched()
        challenge = self._consume(officer, appointment_id, at)
        card = self.judge(evidence, challenge, at=at)
        match = Match(officer=officer, evidence=evidence, card=card, representative=representative)
        return self.raise_holder(match, username, password, address=address, at=at)

    def raise_holder(
        self, match: Match, username: str, password: str, *, address: str, at: datetime
    ) -> Account:
        """Raise the account of the person whom an officer matched with the card.

        The card's person owns the account: a known number is raised as it is, a login name
        without a person must be proven by its password, and a new name is created. AccountError
        with the ``case`` that was opened when another account holds the number already.
        """
        officer, card = match.officer, match.card
        check_standing(self._register, officer, "enrol", at=at)
        if match.second is not None:
            check_second(self._register, match.second, officer)
        profile = profile_from_card(card)
        representative = match.representative
        check_eligible(profile, 2, representative=representative, rules=self._rules, at=at)
        account = self._find(officer, card, username, password, address=address, at=at)
        if account is not None and account.id in {officer.account_id, match.second}:
            raise AccountError("Officers do not enrol themselves.", code="counter.own_account")
        fresh = account or Account(id=new_name(self._rng), username=username, created_at=at)
        if representative is not None:
            acting = self._register.by_id(representative)
            check_representative(acting, fresh.id, level=2, rules=self._rules, at=at)
        raised = replace(
            move(fresh, "proofed_at_counter", at=at, holder_match="officer", source=card.source),
            profile=profile,
            representative=representative,
        )
        event = self._event(match, raised, at)
        if account is None:
            return self._register.create(raised, password=password, events=(event,))
        return self._register.update(raised, at=at, events=(event,))

    def _event(self, match: Match, raised: Account, at: datetime) -> AuditEvent:
        salt = self._rng(32)
        detail = {"officer": match.officer.account_id, "holder_match": "officer", "level": "2"}
        detail["source"] = match.card.source
        if match.second is not None:
            detail["second"] = match.second
        return AuditEvent(
            kind="account.proofed_at_counter",
            at=at,
            account=raised.id,
            detail=detail,
            commitment=match.evidence.commitment(salt),
            opening=salt + match.evidence.digest(),
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
        if named.profile is not None and named.profile.personal_number:
            raise AccountError("The login name is taken.", code="counter.username_taken")
        account = self._register.check_password(username, password, address=address, at=at)
        check_same_person(account, profile_from_card(card))
        return account

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


def _unmatched() -> AccountError:
    return AccountError(
        "Level 2 needs the officer's match of the holder.", code="account.holder_match_missing"
    )


def _key(name: str) -> bytes:
    return hashlib.sha256(name.encode(errors="replace")).digest()

"""Accounts and their life cycle, as one table (contracts §6, Decree 69/2024).

>>> from datetime import UTC, datetime
>>> now = datetime(2026, 11, 21, tzinfo=UTC)
>>> account = Account(id="a1", username="an", created_at=now)
>>> account = move(account, "proofed_at_counter", at=now, holder_match="officer",
...                source="chip_local")
>>> account.state, account.level, account.holder_match
('active', 2, 'officer')
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from eid.errors import AccountError, FormatError
from eid.levels.assurance import HolderMatch, Source

if TYPE_CHECKING:
    from eid.chip.verify import VerifiedCard

State = Literal["registered", "active", "locked", "expired", "closed"]
Event = Literal[
    "proofed_remotely",
    "proofed_at_counter",
    "number_replaced",
    "number_cancelled",
    "document_expired",
    "card_lost",
    "recovered_without_card",
    "locked",
    "unlocked",
    "closed",
]
LockGround = Literal[
    "own_request",
    "terms_breach",
    "service_request",
    "authority_request",
    "card_withdrawn",
    "stay_expired",
    "security",
    "death",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Personal data as the verified card gave them; dates are ISO 8601, sex is M, F or empty."""

    name: str = field(repr=False)
    birth_date: str = field(repr=False)
    personal_number: str = field(repr=False)
    sex: str = field(default="", repr=False)
    nationality: str = field(default="", repr=False)
    address: str = field(default="", repr=False)
    document_number: str = field(default="", repr=False)
    issue_date: str = field(default="", repr=False)
    expiry: str = field(default="", repr=False)
    issuing_state: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One person's account. ``id`` is internal and random, never a personal number.

    ``level`` is how the person was proofed: 0 not, 1 remotely, 2 in presence. ``roles`` holds
    ``officer`` and the like. ``representative`` is the account of who acts for a ward, and
    ``lock_ground`` why it is locked. ``version`` counts the stored writes.
    """

    id: str
    username: str
    created_at: datetime
    state: State = "registered"
    level: int = 0
    holder_match: HolderMatch = "none"
    source: Source = "manual"
    roles: frozenset[str] = frozenset()
    profile: Profile | None = field(default=None, repr=False)
    proofed_at: datetime | None = None
    representative: str | None = None
    lock_ground: LockGround | None = None
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Why an account is locked: the article, and what ends it."""

    article: str
    ends: Literal["on_request", "by_authority", "when_over", "never"]


LOCK_GROUNDS: Mapping[LockGround, Ground] = MappingProxyType(
    {
        "own_request": Ground(article="59/2022 art. 19", ends="on_request"),
        "terms_breach": Ground(article="59/2022 art. 19", ends="on_request"),
        "service_request": Ground(article="59/2022 art. 19", ends="on_request"),
        "security": Ground(article="own rule", ends="on_request"),
        "card_withdrawn": Ground(article="59/2022 art. 19", ends="when_over"),
        "stay_expired": Ground(article="59/2022 art. 19", ends="when_over"),
        "authority_request": Ground(article="59/2022 art. 19", ends="by_authority"),
        "death": Ground(article="59/2022 art. 19", ends="never"),
    }
)
"""In the order of their weight: of two grounds, the later one is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where an event leads: the state after it, and the level or None where it stays."""

    state: State
    level: int | None = None


LIFE_CYCLE: Mapping[tuple[State, Event], Step] = MappingProxyType(
    {
        ("registered", "proofed_remotely"): Step(state="active", level=1),
        ("registered", "proofed_at_counter"): Step(state="active", level=2),
        ("registered", "number_replaced"): Step(state="registered"),
        ("registered", "number_cancelled"): Step(state="registered"),
        ("registered", "recovered_without_card"): Step(state="registered"),
        ("registered", "locked"): Step(state="locked"),
        ("registered", "closed"): Step(state="closed", level=0),
        ("active", "proofed_at_counter"): Step(state="active", level=2),
        ("active", "number_replaced"): Step(state="active"),
        ("active", "number_cancelled"): Step(state="expired", level=0),
        ("active", "document_expired"): Step(state="expired", level=0),
        ("active", "card_lost"): Step(state="expired", level=0),
        ("active", "recovered_without_card"): Step(state="expired", level=0),
        ("active", "locked"): Step(state="locked"),
        ("active", "closed"): Step(state="closed", level=0),
        ("expired", "proofed_remotely"): Step(state="active", level=1),
        ("expired", "proofed_at_counter"): Step(state="active", level=2),
        ("expired", "number_replaced"): Step(state="expired"),
        ("expired", "number_cancelled"): Step(state="expired"),
        ("expired", "recovered_without_card"): Step(state="expired"),
        ("expired", "locked"): Step(state="locked"),
        ("expired", "closed"): Step(state="closed", level=0),
        ("locked", "recovered_without_card"): Step(state="locked", level=0),
        ("locked", "locked"): Step(state="locked"),
        ("locked", "unlocked"): Step(state="active"),
        ("locked", "number_replaced"): Step(state="locked"),
        ("locked", "number_cancelled"): Step(state="locked", level=0),
        ("locked", "document_expired"): Step(state="locked", level=0),
        ("locked", "card_lost"): Step(state="locked", level=0),
        ("locked", "closed"): Step(state="closed", level=0),
    }
)
NUMBER = re.compile(r"[0-9]{12}", re.ASCII)
_PROOFS = frozenset({"proofed_remotely", "proofed_at_counter"})


def move(
    account: Account,
    event: Event,
    *,
    at: datetime,
    holder_match: HolderMatch = "none",
    source: Source | None = None,
    ground: LockGround = "own_request",
) -> Account:
    """The account after ``event``, or AccountError ``account.impossible_move``.

    A level by proofing at the counter needs a holder match: a chip never raises an account by
    itself. ``ground`` says why it is locked; one that never ends is ``account.locked_for_good``.
    """
    step = LIFE_CYCLE.get((account.state, event))
    if step is None:
        raise AccountError(
            "The account's state does not allow this step.",
            code="account.impossible_move",
            state=account.state,
            event=event,
        )
    level = account.level if step.level is None else step.level
    state: State = "registered" if step.state == "active" and level == 0 else step.state
    if event in _PROOFS:
        return _proofed(account, event, level, at=at, holder_match=holder_match, source=source)
    return replace(
        account,
        state=state,
        level=level,
        holder_match=account.holder_match if level else "none",
        lock_ground=_ground(account, event, ground),
        profile=_without_number(account) if event == "number_cancelled" else account.profile,
    )


def replace_number(account: Account, number: str, *, at: datetime) -> Account:
    """The account after the state replaced its person's number (Decree 70/2024 art. 11).

    FormatError ``account.number`` for one that is no number, AccountError ``account.no_person``
    for an account without a person, or an impossible move. The level stays: it is the same person.
    """
    if not NUMBER.fullmatch(number):
        raise FormatError("A personal number has twelve digits.", code="account.number")
    if account.profile is None:
        raise AccountError("The account has no person yet.", code="account.no_person")
    moved = move(account, "number_replaced", at=at)
    return replace(moved, profile=replace(account.profile, personal_number=number))


def _without_number(account: Account) -> Profile | None:
    """A cancelled number is nobody's."""
    profile = account.profile
    return None if profile is None else replace(profile, personal_number="")


def _proofed(
    account: Account,
    event: Event,
    level: int,
    *,
    at: datetime,
    holder_match: HolderMatch,
    source: Source | None,
) -> Account:
    if event == "proofed_at_counter" and holder_match == "none":
        raise AccountError(
            "Level 2 needs a match of the holder, by an officer or the face port.",
            code="account.holder_match_missing",
        )
    return replace(
        account,
        state="active",
        level=level,
        holder_match=holder_match,
        source=account.source if source is None else source,
        proofed_at=at,
    )


def _ground(account: Account, event: Event, given: LockGround) -> LockGround | None:
    """Why the account is locked after the event: of two grounds the weightier one stays."""
    known = account.lock_ground
    if event == "locked":
        weights = tuple(LOCK_GROUNDS)
        return given if known is None or weights.index(given) > weights.index(known) else known
    if event == "unlocked" and known is not None and LOCK_GROUNDS[known].ends == "never":
        raise AccountError(
            "This account is locked for good.", code="account.locked_for_good", ground=known
        )
    return None if event in {"unlocked", "closed"} else known


def profile_from_card(card: VerifiedCard) -> Profile:
    """The personal data of a verified card; the address and issue date need DG13."""
    dg13 = card.dg13
    return Profile(
        name=card.holder.name,
        birth_date=card.holder.birth_date,
        personal_number=card.holder.personal_number,
        sex=card.holder.sex,
        nationality=card.holder.nationality,
        address=(dg13.residence or "") if dg13 else "",
        document_number=card.holder.document_number,
        issue_date=_iso(dg13.issue_date) if dg13 else "",
        expiry=card.expires.isoformat() if card.expires else "",
        issuing_state=card.mrz.issuing_state,
    )


def _iso(text: str | None) -> str:
    """The ISO date of a ``dd/mm/yyyy`` of DG13; empty if it is none."""
    day, month, year = text.split("/") if text and text.count("/") == 2 else ("", "", "")
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return ""

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

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from eid.errors import AccountError
from eid.levels.assurance import HolderMatch, Source

if TYPE_CHECKING:
    from eid.chip.verify import VerifiedCard

State = Literal["registered", "active", "locked", "expired", "closed"]
Event = Literal[
    "proofed_remotely", "proofed_at_counter", "locked", "unlocked", "document_expired", "closed"
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
    ``officer`` and the like. ``version`` counts the stored writes.
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
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where an event leads: the state after it, and the level or None where it stays."""

    state: State
    level: int | None = None


LIFE_CYCLE: Mapping[tuple[State, Event], Step] = MappingProxyType(
    {
        ("registered", "proofed_remotely"): Step(state="active", level=1),
        ("registered", "proofed_at_counter"): Step(state="active", level=2),
        ("registered", "locked"): Step(state="locked"),
        ("registered", "closed"): Step(state="closed", level=0),
        ("active", "proofed_at_counter"): Step(state="active", level=2),
        ("active", "document_expired"): Step(state="expired", level=0),
        ("active", "locked"): Step(state="locked"),
        ("active", "closed"): Step(state="closed", level=0),
        ("expired", "proofed_remotely"): Step(state="active", level=1),
        ("expired", "proofed_at_counter"): Step(state="active", level=2),
        ("expired", "locked"): Step(state="locked"),
        ("expired", "closed"): Step(state="closed", level=0),
        ("locked", "unlocked"): Step(state="active"),
        ("locked", "closed"): Step(state="closed", level=0),
    }
)


def move(
    account: Account,
    event: Event,
    *,
    at: datetime,
    holder_match: HolderMatch = "none",
    source: Source | None = None,
) -> Account:
    """The account after ``event``, or AccountError ``account.impossible_move``.

    A level by proofing at the counter needs a holder match: a chip never raises an account by
    itself.
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
    if event not in {"proofed_remotely", "proofed_at_counter"}:
        match = account.holder_match if level else "none"
        return replace(account, state=state, level=level, holder_match=match)
    if event == "proofed_at_counter" and holder_match == "none":
        raise AccountError(
            "Level 2 needs a match of the holder, by an officer or the face port.",
            code="account.holder_match_missing",
        )
    return replace(
        account,
        state=state,
        level=level,
        holder_match=holder_match,
        source=account.source if source is None else source,
        proofed_at=at,
    )


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

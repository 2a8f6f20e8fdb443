"""What has had its time goes, by rule (rows D-004, D-008): safe to kill and to run again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete

from eid.levels.rules import VIETNAM, Rules
from eid.store.accounts import Accounts
from eid.store.audit import Audit
from eid.store.database import Database
from eid.store.grants import Grants
from eid.store.schema import openings

GRACE = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retained:
    """How many rows of each kind went."""

    grants: int
    throttles: int
    openings: int
    audit_rows: int


def retain(
    database: Database,
    grants: Grants,
    accounts: Accounts,
    audit: Audit,
    *,
    rules: Rules,
    at: datetime,
) -> Retained:
    """Delete expired grants and counts of failures, and usage older than its rule asks.

    Each step is its own transaction: killed half-way, the next run goes on where it stopped, and
    the chain of the record has no gap. Where no rule sets a time, nothing of it goes.
    """
    expired = grants.purge(before=at - GRACE)
    throttles = accounts.purge(before=at)
    before = oldest_kept(rules, at)
    if before is None:
        return Retained(grants=expired, throttles=throttles, openings=0, audit_rows=0)
    with database.write() as connection:
        old = delete(openings).where(openings.c.at < int(before.timestamp()))
        opened = connection.execute(old).rowcount
    rows = 0
    while gone := audit.let_go(before=before, at=at):
        rows += gone
    return Retained(grants=expired, throttles=throttles, openings=opened, audit_rows=rows)


def oldest_kept(rules: Rules, at: datetime) -> datetime | None:
    """The moment before which usage goes, or None where no rule sets a time."""
    years = rules.at(at).number("retention.usage", "years")
    if years is None:
        return None
    local = at.astimezone(VIETNAM)
    return local.replace(year=local.year - years, day=min(local.day, 28))

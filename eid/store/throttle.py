"""Guessing made slow: failures counted in the database, so over nodes and restarts (row O-053).

An attempt is counted before the secret is checked, so that parallel guesses cannot pass together.
After its allowance a scope is blocked for a time that doubles up to fifteen minutes: soft, so
that nobody can lock a person out for good.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from eid.errors import AccountError
from eid.store.schema import throttles

FORGET_S = 24 * 3600
LONGEST_S = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How many failures in a row are free, and how long the first block lasts.

    Where people share a scope, one failure is forgiven every ``forgive_s`` seconds: successes of
    some do not make up for the slips of others, and those would add up for good.
    """

    failures: int
    block_s: int
    forgive_s: int | None = None

    def still_counted(self, failures: int, since: int, now: int) -> tuple[int, int]:
        """How many failures are left now, and from when on the next is being forgiven."""
        if self.forgive_s is None:
            return failures, now
        forgiven = max(now - since, 0) // self.forgive_s
        if forgiven >= failures:
            return 0, now
        return failures - forgiven, since + forgiven * self.forgive_s

    def blocked_for(self, failures: int) -> int:
        """Seconds of blocking after this many failures in a row."""
        if failures < self.failures:
            return 0
        return int(min(self.block_s << min(failures - self.failures, 10), LONGEST_S))


PER_ACCOUNT = Allowance(failures=5, block_s=30)
PER_ADDRESS = Allowance(failures=100, block_s=30, forgive_s=30)


def reserve(connection: Connection, scope: bytes, allowance: Allowance, now: int) -> None:
    """Count one attempt as failed, or AccountError ``login.throttled`` with ``retry_after``."""
    row = _lock(connection, scope, now)
    if row.blocked_until > now:
        raise AccountError(
            "Too many attempts; try again later.",
            code="login.throttled",
            retry_after=row.blocked_until - now,
        )
    left, since = allowance.still_counted(row.failures, row.forget_at - FORGET_S, now)
    failures = 1 if row.forget_at <= now else left + 1
    wait = allowance.blocked_for(failures)
    connection.execute(
        update(throttles)
        .where(throttles.c.scope == scope)
        .values(
            failures=failures,
            blocked_until=now + wait if wait else 0,  # a clock set back blocks nobody
            forget_at=since + FORGET_S,
        )
    )


def clear(connection: Connection, scope: bytes) -> None:
    """Forget a scope's failures after a success."""
    connection.execute(delete(throttles).where(throttles.c.scope == scope))


def release(connection: Connection, scope: bytes) -> None:
    """Take back one counted attempt of a scope that many people share."""
    left = throttles.c.failures - 1
    connection.execute(
        update(throttles)
        .where(throttles.c.scope == scope)
        .values(failures=case((left < 0, 0), else_=left), blocked_until=0)
    )


def forget(connection: Connection, now: int) -> int:
    """Delete what was to be forgotten before now (row D-004)."""
    return connection.execute(delete(throttles).where(throttles.c.forget_at < now)).rowcount


def _lock(connection: Connection, scope: bytes, now: int) -> Row[*tuple[object, ...]]:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    fresh = {"scope": scope, "failures": 0, "blocked_until": 0, "forget_at": now + FORGET_S}
    connection.execute(dialect.insert(throttles).values(fresh).on_conflict_do_nothing())
    query = select(throttles).where(throttles.c.scope == scope).with_for_update()
    return connection.execute(query).one()

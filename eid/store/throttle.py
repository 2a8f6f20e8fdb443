"""Guessing made slow: failures counted in the database, so over nodes and restarts (row O-053).

No attempt learns what its secret was worth before its scopes are locked and found free, so that
parallel guesses cannot pass together.
After its allowance a scope is blocked for a time that doubles up to fifteen minutes: soft, so
that nobody can lock a person out for good.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, bindparam, case, delete, false, func, or_, select, update

from eid.errors import AccountError
from eid.store.database import Database
from eid.store.prepared import Place, Prepared, PreparedInsert, Values
from eid.store.schema import throttles

_THIS = throttles.c.scope == bindparam("this_scope")
_LEFT = throttles.c.failures - 1
_COUNT = Prepared(
    update(throttles)
    .where(_THIS)
    .values(
        failures=bindparam("new_failures"),
        blocked_until=bindparam("new_blocked_until"),
        forget_at=bindparam("new_forget_at"),
    )
)
_CLEAR = Prepared(delete(throttles).where(_THIS))
_RELEASE = Prepared(
    update(throttles)
    .where(_THIS)
    .values(failures=case((_LEFT < 0, 0), else_=_LEFT), blocked_until=0)
)
_BOTH = or_(throttles.c.scope == bindparam("first"), throttles.c.scope == bindparam("second"))
_ROWS = Prepared(select(throttles).where(_BOTH))
_BLOCKED = Prepared(
    select(func.max(throttles.c.blocked_until)).where(
        _BOTH,
        throttles.c.blocked_until > bindparam("now"),
        throttles.c.blocked_until <= bindparam("latest"),
    )
)


def _locking(*names: str) -> PreparedInsert:
    """Make the rows that are not there and lock all, in this order.

    A ``SELECT … FOR UPDATE`` would lock nothing while there is no row. The update of a row that is
    there only locks it (on PostgreSQL; on SQLite the transaction is the lock): nothing is written.
    """
    fresh = {"failures": 0, "blocked_until": 0, "forget_at": bindparam("new_forget_at")}
    rows = [{"scope": bindparam(name), **fresh} for name in names]
    return PreparedInsert(
        throttles,
        lambda new: new.values(rows).on_conflict_do_update(
            index_elements=[throttles.c.scope],
            set_={"failures": throttles.c.failures},
            where=false(),
        ),
    )


_LOCK = _locking("first")
_LOCK_BOTH = _locking("first", "second")
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


@dataclass(frozen=True, slots=True)
class Counter:
    """A scope's row, as it is while it is locked."""

    scope: bytes
    failures: int
    blocked_until: int
    forget_at: int

    def check(self, now: int) -> None:
        """AccountError ``login.throttled`` while the scope is blocked."""
        if now < self.blocked_until <= now + LONGEST_S:  # a later end was written by a clock ahead
            raise _throttled(self.blocked_until - now)


def check(database: Database, scopes: tuple[bytes, bytes], now: int) -> None:
    """A look before the work of hashing; AccountError ``login.throttled`` with ``retry_after``."""
    values = {"first": scopes[0], "second": scopes[1], "now": now, "latest": now + LONGEST_S}
    row = database.row(_BLOCKED, values)
    until = cast("int | None", row[0]) if row else None
    if until is not None:
        raise _throttled(until - now)


def lock(place: Place, scopes: tuple[bytes, bytes], now: int) -> tuple[Counter, Counter]:
    """Two scopes, ours until the end; whoever takes both takes them in the same order."""
    these = {"first": scopes[0], "second": scopes[1]}
    _LOCK_BOTH.run(place, {**these, "new_forget_at": now + FORGET_S})
    found = {one.scope: one for one in _counters(place, these)}
    return found[scopes[0]], found[scopes[1]]


def count(place: Place, counter: Counter, allowance: Allowance, now: int) -> None:
    """Count one failure of a locked scope."""
    left, since = allowance.still_counted(
        counter.failures, min(counter.forget_at - FORGET_S, now), now
    )
    failures = 1 if counter.forget_at <= now else left + 1
    wait = allowance.blocked_for(failures)
    values = {
        "this_scope": counter.scope,
        "new_failures": failures,
        "new_blocked_until": now + wait if wait else 0,  # a clock set back blocks nobody
        "new_forget_at": since + FORGET_S,
    }
    _COUNT.run(place, values)


def reserve(place: Place, scope: bytes, allowance: Allowance, now: int) -> None:
    """Count one attempt as failed, or AccountError ``login.throttled`` with ``retry_after``."""
    _LOCK.run(place, {"first": scope, "new_forget_at": now + FORGET_S})
    (counter,) = _counters(place, {"first": scope, "second": scope})
    counter.check(now)
    count(place, counter, allowance, now)


def clear(place: Place, scope: bytes) -> None:
    """Forget a scope's failures after a success."""
    _CLEAR.run(place, {"this_scope": scope})


def release(place: Place, scope: bytes) -> None:
    """Take back one counted attempt of a scope that many people share."""
    _RELEASE.run(place, {"this_scope": scope})


def forget(connection: Connection, now: int) -> int:
    """Delete what was to be forgotten before now (row D-004); how many rows.

    A row that somebody holds waits for the next time, so that this waits for nobody.
    """
    old = select(throttles.c.scope).where(throttles.c.forget_at < now)
    free = old.with_for_update(skip_locked=True)
    return connection.execute(delete(throttles).where(throttles.c.scope.in_(free))).rowcount


def _counters(place: Place, these: Values) -> list[Counter]:
    rows = cast("Iterable[tuple[bytes, int, int, int]]", _ROWS.run(place, these).fetchall())
    return [Counter(*row) for row in rows]


def _throttled(wait_s: int) -> AccountError:
    return AccountError(
        "Too many attempts; try again later.", code="login.throttled", retry_after=wait_s
    )

"""Guessing made slow: failures counted in the database, so over nodes and restarts (row O-053).

An attempt is counted before the secret is checked, so that parallel guesses cannot pass together.
After its allowance a scope is blocked for a time that doubles up to fifteen minutes: soft, so
that nobody can lock a person out for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, bindparam, case, delete, update

from eid.errors import AccountError
from eid.store.prepared import Place, Prepared, PreparedInsert
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
_LOCK = PreparedInsert(
    throttles,
    # the update changes nothing: it locks the row that is there, and lets it be returned
    lambda new: new.on_conflict_do_update(
        index_elements=[throttles.c.scope], set_={"failures": throttles.c.failures}
    ).returning(throttles.c.failures, throttles.c.blocked_until, throttles.c.forget_at),
)
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


def reserve(place: Place, scope: bytes, allowance: Allowance, now: int) -> None:
    """Count one attempt as failed, or AccountError ``login.throttled`` with ``retry_after``."""
    failures, blocked_until, forget_at = _lock(place, scope, now)
    if now < blocked_until <= now + LONGEST_S:  # a later end was written by a clock ahead
        raise AccountError(
            "Too many attempts; try again later.",
            code="login.throttled",
            retry_after=blocked_until - now,
        )
    left, since = allowance.still_counted(failures, min(forget_at - FORGET_S, now), now)
    failures = 1 if forget_at <= now else left + 1
    wait = allowance.blocked_for(failures)
    values = {
        "this_scope": scope,
        "new_failures": failures,
        "new_blocked_until": now + wait if wait else 0,  # a clock set back blocks nobody
        "new_forget_at": since + FORGET_S,
    }
    _COUNT.run(place, values)


def clear(place: Place, scope: bytes) -> None:
    """Forget a scope's failures after a success."""
    _CLEAR.run(place, {"this_scope": scope})


def release(place: Place, scope: bytes) -> None:
    """Take back one counted attempt of a scope that many people share."""
    _RELEASE.run(place, {"this_scope": scope})


def forget(connection: Connection, now: int) -> int:
    """Delete what was to be forgotten before now (row D-004)."""
    return connection.execute(delete(throttles).where(throttles.c.forget_at < now)).rowcount


def _lock(place: Place, scope: bytes, now: int) -> tuple[int, int, int]:
    """Failures, blocked until, forget at; the row is made if need be, and is ours until the end."""
    fresh = {"scope": scope, "failures": 0, "blocked_until": 0, "forget_at": now + FORGET_S}
    row = _LOCK.run(place, fresh).fetchone()
    return cast("tuple[int, int, int]", row)

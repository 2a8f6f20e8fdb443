"""Whose a personal number is, and was: keyed hashes with a beginning and an end (contracts §8).

A number is never an account's key. It can be replaced or cancelled; what is over stays as
history, so that an old number still leads to the person it belonged to then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from eid.errors import AccountError
from eid.levels.account import Account
from eid.store.database import Database
from eid.store.schema import identifiers
from eid.store.sealed import AccountSeal

_NEW = insert(identifiers)
_LIVE = and_(identifiers.c.account == bindparam("this_id"), identifiers.c.until.is_(None))
_NUMBER_OF = select(identifiers.c.number_hash).where(_LIVE)
_END = update(identifiers).where(_LIVE).values(until=bindparam("now"))
_REOPEN = (
    # the same number within the same second: its row is there already
    update(identifiers)
    .where(
        identifiers.c.account == bindparam("this_id"),
        identifiers.c.number_hash == bindparam("this_hash"),
        identifiers.c.since == bindparam("now"),
    )
    .values(until=None)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """An account that held a number for a time; ``until`` is None where it still does."""

    account: str
    since: datetime
    until: datetime | None


class Numbers:
    """The history of numbers."""

    def __init__(self, database: Database, seal: AccountSeal) -> None:
        self._database = database
        self._seal = seal

    def holders(self, number: str) -> tuple[Holding, ...]:
        """Every account that ever held this number, the first first; erased people are not in it."""
        this = identifiers.c.number_hash == self._seal.number_hash(number)
        return self._found(this)

    def of_account(self, account_id: str) -> tuple[Holding, ...]:
        """Since when the account has its number, and when it had others; no number is told."""
        return self._found(identifiers.c.account == account_id)

    def bind(
        self, connection: Connection, account: Account, at: datetime, *, new: bool = False
    ) -> None:
        """Keep the history in step with the profile, in the caller's transaction.

        An account without a number ends its last one. AccountError ``account.number_taken``.
        """
        number = account.profile.personal_number if account.profile else ""
        wanted = self._seal.number_hash(number) if number else None
        this = {"this_id": account.id}
        current = None
        if not new:
            current = connection.execute(_NUMBER_OF, this).scalar_one_or_none()
        if current == wanted:
            return
        now = int(at.timestamp())
        if current is not None:
            connection.execute(_END, {**this, "now": now})
        if wanted is None:
            return
        row = {"number_hash": wanted, "account": account.id, "since": now}
        again = {**this, "this_hash": wanted, "now": now}
        try:
            if new or connection.execute(_REOPEN, again).rowcount != 1:
                connection.execute(_NEW, row)
        except IntegrityError:
            raise AccountError(
                "The personal number belongs to another account.", code="account.number_taken"
            ) from None

    def _found(self, this: ColumnElement[bool]) -> tuple[Holding, ...]:
        query = select(identifiers).where(this)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(identifiers.c.since)).all()
        return tuple(
            Holding(
                account=row.account,
                since=datetime.fromtimestamp(row.since, UTC),
                until=None if row.until is None else datetime.fromtimestamp(row.until, UTC),
            )
            for row in rows
        )

"""Looks at people: what is shown and the row that says so are one transaction (contracts §8).

A look that finds nobody is on record too, without naming whom it looked for.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, select

from eid.errors import FormatError
from eid.levels.account import Account
from eid.levels.username import normalize_username
from eid.oidc.ports import AuditEvent
from eid.store.audit import Audit, AuditRow, rows_of
from eid.store.database import Database
from eid.store.schema import accounts, identifiers, person_keys
from eid.store.sealed import AccountSeal

MAX_LOG = 10_000
_ACCOUNT = select(accounts, person_keys.c.sealed.label("person_key")).select_from(
    accounts.outerjoin(person_keys, person_keys.c.account == accounts.c.id)
)


class Looks:
    """What officers see of people, each time on record: who looked, why, when."""

    def __init__(self, database: Database, audit: Audit, seal: AccountSeal) -> None:
        self._database = database
        self._audit = audit
        self._seal = seal

    def by_id(self, account_id: str, *, by: str, reason: str, at: datetime) -> Account | None:
        """The account with this internal id."""
        return self._one(accounts.c.id == account_id, by=by, reason=reason, at=at)

    def by_username(self, username: str, *, by: str, reason: str, at: datetime) -> Account | None:
        """The account with this login name, in any spelling that normalises to it."""
        try:
            name = normalize_username(username)
        except FormatError:
            name = ""
        return self._one(accounts.c.username == name, by=by, reason=reason, at=at)

    def by_number(self, number: str, *, by: str, reason: str, at: datetime) -> Account | None:
        """The account of the person who holds this personal number now."""
        live = and_(
            identifiers.c.number_hash == self._seal.number_hash(number),
            identifiers.c.until.is_(None),
        )
        holder = select(identifiers.c.account).where(live).scalar_subquery()
        return self._one(accounts.c.id == holder, by=by, reason=reason, at=at)

    def log(self, account_id: str, *, by: str, reason: str, at: datetime) -> tuple[AuditRow, ...]:
        """What the record says of the account, newest first; this look is its first row."""
        with self._database.write() as connection:
            self._audit.append(connection, [_seen(account_id, by, reason, at)])
            return rows_of(connection, account_id, limit=MAX_LOG)

    def _one(
        self, this: ColumnElement[bool], *, by: str, reason: str, at: datetime
    ) -> Account | None:
        with self._database.write() as connection:
            row = connection.execute(_ACCOUNT.where(this)).one_or_none()
            found = None if row is None else self._seal.account(row)
            seen = _seen(found.id if found else None, by, reason, at)
            self._audit.append(connection, [seen])
        return found


def _seen(account_id: str | None, by: str, reason: str, at: datetime) -> AuditEvent:
    kind = "account.looked_at" if account_id else "account.looked_for"
    return AuditEvent(kind=kind, at=at, account=account_id, detail={"by": by, "reason": reason})

"""Notices to people that wait to be sent: entered with the change that they tell of, never lost.

A row for each address that counts at that moment, in the transaction of the change. So an address
that is removed by it is told too, and a notice that cannot be sent undoes nothing: it is tried
again, less and less often, for a day, by whichever node comes first. The address lies sealed under
the person's key, as the channel's own row has it, and goes with the notice.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update

from eid.errors import EidError
from eid.keys import Envelope, encode_base64url, parse_json_object
from eid.levels.factors.code import Channel, ChannelKind
from eid.oidc.ports import AuditEvent
from eid.store.audit import Audit
from eid.store.database import Database
from eid.store.schema import factors, notices, person_keys
from eid.store.sealed import AccountSeal

if TYPE_CHECKING:
    from eid.levels.notices import Occasion

FIRST_AGAIN_S = 120  # longer than one message takes, or another node would send it too
LONGEST_S = 6 * 3600
LIVES = timedelta(days=1)
BATCH = 20
_log = logging.getLogger("eid.store")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notice on its way to one address."""

    occasion: Occasion
    channel: Channel = field(repr=False)
    at: datetime


Send = Callable[[Notice], None]
"""Sends a notice; Unavailable when it cannot now."""


def enter(
    connection: Connection,
    account_id: str,
    occasion: Occasion,
    *,
    besides: str = "",
    at: datetime,
) -> None:
    """Let every channel that counts know, within the transaction of what happened.

    ``besides`` is the factor that it is about, where that one need not be told.
    """
    these = and_(
        factors.c.account == account_id,
        factors.c.method == "code",
        factors.c.used_at.is_not(None),
        factors.c.removed_at.is_(None),
        factors.c.suspended_at.is_(None),
        factors.c.id != besides,
    )
    found = connection.execute(select(factors.c.id, factors.c.secret).where(these)).all()
    now = int(at.timestamp())
    rows = [
        {
            "id": encode_base64url(secrets.token_bytes(12)),
            "account": account_id,
            "occasion": occasion,
            "factor": row.id,
            "sealed": row.secret,
            "created_at": now,
            "due_at": now,
            "tries": 0,
        }
        for row in found
    ]
    if rows:
        connection.execute(insert(notices), rows)


class Notices:
    """What waits, and its way out."""

    def __init__(self, database: Database, audit: Audit, seal: AccountSeal) -> None:
        self._database = database
        self._audit = audit
        self._seal = seal

    def waiting(self) -> int:
        """How many notices are not sent yet."""
        with self._database.read() as connection:
            return connection.execute(select(func.count()).select_from(notices)).scalar_one()

    def deliver(self, send: Send, *, at: datetime) -> int:
        """Send what is due, the oldest first; how many were sent. Safe on several nodes at once.

        A notice that was sent may be sent once more when the process is killed just then. One that
        cannot be opened holds no other up, and is given up as one that cannot be sent.
        """
        begun = time.monotonic()

        def now() -> datetime:  # each message may take seconds
            return at + timedelta(seconds=time.monotonic() - begun)

        due = select(notices).where(notices.c.due_at <= int(at.timestamp()))
        with self._database.read() as connection:
            rows = connection.execute(due.order_by(notices.c.due_at).limit(BATCH)).all()
        return sum(self._deliver(row, send, now()) for row in rows if self._claim(row, now()))

    def _claim(self, row: Row[*tuple[object, ...]], at: datetime) -> bool:
        """Of all nodes one goes on; the others find it due again when this one fails."""
        again = int(at.timestamp()) + min(FIRST_AGAIN_S << (2 * min(row.tries, 8)), LONGEST_S)
        same = and_(notices.c.id == row.id, notices.c.tries == row.tries)
        moved = update(notices).where(same).values(tries=row.tries + 1, due_at=again)
        with self._database.write() as connection:
            return connection.execute(moved).rowcount == 1

    def _deliver(self, row: Row[*tuple[object, ...]], send: Send, at: datetime) -> bool:
        created = datetime.fromtimestamp(row.created_at, UTC)
        try:
            channel = self._channel(row)
            tellable = channel is not None and channel.kind != "letter"  # at the counter: no news
            if channel is not None and tellable:
                occasion = cast("Occasion", row.occasion)
                send(Notice(occasion=occasion, channel=channel, at=created))
        except EidError as error:
            _log.warning("notice not sent code=%s", error.code)
            if at - created >= LIVES:
                self._end(row, "notice.given_up", at)
            elif row.tries == 0:
                self._audit.record([_event("notice.delayed", row, at)])
            return False
        self._end(row, "notice.sent" if tellable else None, at)
        return tellable

    def _end(self, row: Row[*tuple[object, ...]], kind: str | None, at: datetime) -> None:
        with self._database.write() as connection:
            gone = connection.execute(delete(notices).where(notices.c.id == row.id)).rowcount
            if gone and kind is not None:
                self._audit.append(connection, [_event(kind, row, at)])

    def _channel(self, row: Row[*tuple[object, ...]]) -> Channel | None:
        """Where to; None when the person was erased meanwhile."""
        query = select(person_keys.c.sealed).where(person_keys.c.account == row.account)
        with self._database.read() as connection:
            sealed = connection.execute(query).scalar_one_or_none()
        if sealed is None:
            return None
        key = Envelope(self._seal.data_key(row.account, sealed))
        opened = parse_json_object(key.open(row.sealed, context=b"factor:" + row.factor.encode()))
        return Channel(kind=cast("ChannelKind", opened["kind"]), address=str(opened["address"]))


def _event(kind: str, row: Row[*tuple[object, ...]], at: datetime) -> AuditEvent:
    detail = {"what": row.occasion, "factor": row.factor}
    return AuditEvent(kind=kind, at=at, account=row.account, detail=detail)

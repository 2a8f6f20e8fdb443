"""What a recovery does to factors: whoever had the account may have enrolled some of them.

A suspended factor proves nothing, and no code is sent to it, until whoever holds it shows it once
more in My account (:mod:`eid.oidc.account.suspended`). A PIN is only knowledge, which a thief may
share: it is removed, and its secret destroyed.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, select, update

from eid.oidc.ports import AuditEvent
from eid.store.schema import factors


def suspend_all(
    connection: Connection, account_id: str, *, by: str, at: datetime
) -> list[AuditEvent]:
    """Suspend every factor that works, within the caller's transaction; the rows of the record."""
    working = and_(
        factors.c.account == account_id,
        factors.c.removed_at.is_(None),
        factors.c.suspended_at.is_(None),
    )
    pins, others = factors.c.method == "pin", factors.c.method != "pin"
    found = select(factors.c.id, factors.c.method).where(working).order_by(factors.c.id)
    rows = connection.execute(found).all()
    now = int(at.timestamp())
    gone = {"removed_at": now, "secret": None}
    connection.execute(update(factors).where(working, pins).values(gone))
    connection.execute(update(factors).where(working, others).values(suspended_at=now))
    return [
        AuditEvent(
            kind="factor.removed" if row.method == "pin" else "factor.suspended",
            at=at,
            account=account_id,
            detail={"factor": row.id, "method": row.method, "by": by},
        )
        for row in rows
    ]

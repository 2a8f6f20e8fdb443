"""The ledger of consents: what, for whom, why, by which explicit act, until when (contracts §8).

>>> ACTS
('pressed_agree', 'signed_on_paper', 'said_to_officer')
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Row, and_, insert, select, update

from eid.errors import AccountError
from eid.keys import canonical_json
from eid.levels.consent import (
    ACTS as ACTS,
    Act as Act,
    Channel as Channel,
    Consent as Consent,
)
from eid.oidc.ports import AuditEvent
from eid.store.audit import Audit
from eid.store.database import Database
from eid.store.prepared import Place, Prepared
from eid.store.schema import consents

_GIVE = Prepared(insert(consents))


class Consents:
    """The ledger, over the record: every line is written with its audit row."""

    def __init__(self, database: Database, audit: Audit) -> None:
        self._database = database
        self._audit = audit

    def give(self, consent: Consent, *, events: Sequence[AuditEvent] = ()) -> None:
        """Enter a consent."""
        with self._database.write() as connection:
            self._audit.append(connection, [*enter(connection, [consent]), *events])

    def withdraw(self, consent_id: str, *, by: str, at: datetime) -> Consent:
        """End a consent, once; AccountError ``consent.unknown`` or ``consent.withdrawn``.

        The receipt stays (row D-001). What was issued under it is the caller's to revoke.
        """
        this = and_(consents.c.id == consent_id, consents.c.withdrawn_at.is_(None))
        with self._database.write() as connection:
            ended = update(consents).where(this).values(withdrawn_at=int(at.timestamp()))
            done = connection.execute(ended).rowcount
            query = select(consents).where(consents.c.id == consent_id)
            row = connection.execute(query).one_or_none()
            if row is None:
                raise AccountError("There is no such consent.", code="consent.unknown")
            if done != 1:
                raise AccountError("The consent was withdrawn before.", code="consent.withdrawn")
            consent = _consent(row)
            self._audit.append(connection, [_event(consent, "consent.withdrawn", at, by)])
        return consent

    def live(self, account_id: str, client: str, *, at: datetime) -> tuple[Consent, ...]:
        """The consents to a service that hold at a moment."""
        mine = self.of_account(account_id)
        return tuple(one for one in mine if one.client == client and one.is_live(at))

    def of_account(self, account_id: str) -> tuple[Consent, ...]:
        """Everything that a person agreed to, newest first."""
        query = select(consents).where(consents.c.account == account_id)
        ordered = query.order_by(consents.c.given_at.desc(), consents.c.id)
        with self._database.read() as connection:
            return tuple(map(_consent, connection.execute(ordered)))


def enter(place: Place, given: Sequence[Consent]) -> list[AuditEvent]:
    """Enter consents within the caller's write transaction; the rows of the record for them."""
    if given:
        _GIVE.run_many(place, [_row(consent) for consent in given])
    return [_event(one, "consent.given", one.given_at, one.channel) for one in given]


def _event(consent: Consent, kind: str, at: datetime, by: str) -> AuditEvent:
    detail = {
        "consent": consent.id,
        "what": " ".join(consent.what),
        "purpose": consent.purpose,
        "text_version": consent.text_version,
        "act": consent.act,
        "by": by,
    }
    return AuditEvent(
        kind=kind, at=at, account=consent.account, client=consent.client, detail=detail
    )


def _row(consent: Consent) -> dict[str, object]:
    return {
        "id": consent.id,
        "account": consent.account,
        "client": consent.client,
        "what": canonical_json(list(consent.what)).decode(),
        "purpose": consent.purpose,
        "channel": consent.channel,
        "text_version": consent.text_version,
        "act": consent.act,
        "given_at": int(consent.given_at.timestamp()),
        "until": int(consent.until.timestamp()),
    }


def _consent(row: Row[*tuple[object, ...]]) -> Consent:
    return Consent(
        id=row.id,
        account=row.account,
        client=row.client,
        what=tuple(json.loads(row.what)),
        purpose=row.purpose,
        channel=cast("Channel", row.channel),
        text_version=row.text_version,
        act=cast("Act", row.act),
        given_at=datetime.fromtimestamp(row.given_at, UTC),
        until=datetime.fromtimestamp(row.until, UTC),
        withdrawn_at=(
            None if row.withdrawn_at is None else datetime.fromtimestamp(row.withdrawn_at, UTC)
        ),
    )

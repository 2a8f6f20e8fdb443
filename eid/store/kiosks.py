"""Enrolled kiosks, their batches, and visits: implements :class:`eid.oidc.kiosk_ports.Kiosks`.

What a visit holds of a person is sealed under the installation's envelope; the columns beside it
say nothing about anybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from sqlalchemy import Connection, Row, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from eid.errors import Unavailable
from eid.keys import (
    JSON,
    Envelope,
    canonical_json,
    decode_base64url,
    encode_base64url,
    parse_json_object,
)
from eid.levels.visit import Batch, Head, Place, VisitRecord
from eid.oidc.kiosk_ports import EnrolledKiosk, TakenVisit
from eid.oidc.ports import AuditEvent
from eid.store.audit import Audit
from eid.store.database import Database
from eid.store.schema import kiosk_batches, kiosks, visits

KEEP_BATCHES = timedelta(days=90)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_JSON = 16 * 1024
_MAX_SEALED = 512 * 1024


class Kiosks:
    """The register of kiosks and what came from them."""

    def __init__(self, database: Database, audit: Audit, envelope: Envelope) -> None:
        self._database = database
        self._audit = audit
        self._envelope = envelope

    def add(self, kiosk: EnrolledKiosk, *, events: Sequence[AuditEvent] = ()) -> None:
        """Store a new kiosk; Unavailable ``kiosk.exists`` when its id is taken."""
        row = {
            "id": kiosk.id,
            "name": kiosk.name,
            "jwk": canonical_json(kiosk.jwk).decode(),
            "enrolled_at": int(kiosk.enrolled_at.timestamp()),
            "health": canonical_json(kiosk.health).decode(),
            "counter": kiosk.head.counter,
            "link": kiosk.head.link,
        }
        try:
            with self._database.write() as connection:
                connection.execute(insert(kiosks).values(row))
                self._audit.append(connection, events)
        except IntegrityError:
            raise Unavailable("There is such a kiosk already.", code="kiosk.exists") from None

    def by_id(self, kiosk_id: str) -> EnrolledKiosk | None:
        """The kiosk with this id, revoked or not."""
        with self._database.read() as connection:
            row = connection.execute(select(kiosks).where(kiosks.c.id == kiosk_id)).one_or_none()
        return None if row is None else _kiosk(row)

    def list(self) -> tuple[EnrolledKiosk, ...]:
        """All of them, the oldest first."""
        ordered = select(kiosks).order_by(kiosks.c.enrolled_at, kiosks.c.id)
        with self._database.read() as connection:
            return tuple(map(_kiosk, connection.execute(ordered)))

    def revoke(self, kiosk_id: str, *, at: datetime, events: Sequence[AuditEvent] = ()) -> bool:
        """End a kiosk's rights, for good; False if there is none, or it has none left."""
        ending = (
            update(kiosks)
            .where(kiosks.c.id == kiosk_id, kiosks.c.revoked_at.is_(None))
            .values(revoked_at=int(at.timestamp()))
        )
        with self._database.write() as connection:
            done = connection.execute(ending).rowcount == 1
            if done:
                self._audit.append(connection, events)
        return done

    def seen(self, kiosk_id: str, health: Mapping[str, JSON], *, at: datetime) -> None:
        """Keep a kiosk's last report."""
        report = canonical_json(health).decode()
        values = {"seen_at": int(at.timestamp()), "health": report[:_MAX_JSON]}
        with self._database.write() as connection:
            connection.execute(update(kiosks).where(kiosks.c.id == kiosk_id).values(values))

    def put_batch(self, batch: Batch, *, events: Sequence[AuditEvent] = ()) -> None:
        """Store what a kiosk was given for a day."""
        row = {
            "id": batch.id,
            "kiosk": batch.kiosk,
            "sealed": self._envelope.seal(batch.random, context=b"batch:" + batch.id.encode()),
            "most": batch.most,
            "issued_at": int(batch.issued_at.timestamp()),
            "expires_at": int(batch.expires_at.timestamp()),
        }
        with self._database.write() as connection:
            connection.execute(insert(kiosk_batches).values(row))
            self._audit.append(connection, events)

    def batch(self, batch_id: str) -> Batch | None:
        """The batch with this id."""
        asked = select(kiosk_batches).where(kiosk_batches.c.id == batch_id)
        with self._database.read() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None:
            return None
        return Batch(
            id=row.id,
            kiosk=row.kiosk,
            random=self._envelope.open(bytes(row.sealed), context=b"batch:" + row.id.encode()),
            most=row.most,
            issued_at=_moment(row.issued_at),
            expires_at=_moment(row.expires_at),
        )

    def take(
        self,
        visit: TakenVisit,
        *,
        before: Head,
        after: Head,
        events: Sequence[AuditEvent] = (),
    ) -> bool:
        """Store a visit and move its kiosk's head from ``before`` to ``after``, atomically.

        False when the visit is there already, the head is another or the kiosk was revoked:
        nothing is written then.
        """
        row = self._visit_row(visit)
        try:
            with self._database.write() as connection:
                if not _move(connection, visit.record.kiosk, before, after):
                    return False
                connection.execute(insert(visits).values(row))
                self._audit.append(connection, events)
        except IntegrityError:
            return False
        return True

    def visit(self, visit_id: str) -> TakenVisit | None:
        """The visit with this id."""
        with self._database.read() as connection:
            row = connection.execute(select(visits).where(visits.c.id == visit_id)).one_or_none()
        return None if row is None else self._visit(row)

    def visits(self, *, since: datetime, most: int = 100) -> tuple[TakenVisit, ...]:
        """What was received from a moment on, in the order it came."""
        asked = (
            select(visits)
            .where(visits.c.received_us >= _microseconds(since))
            .order_by(visits.c.received_us, visits.c.counter, visits.c.id)
            .limit(most)
        )
        with self._database.read() as connection:
            return tuple(map(self._visit, connection.execute(asked)))

    def let_go(self, *, before: datetime, at: datetime) -> int:
        """Delete visits received before a moment, and batches long over; how many visits."""
        over = int((at - KEEP_BATCHES).timestamp())
        with self._database.write() as connection:
            old = delete(visits).where(visits.c.received_us < _microseconds(before))
            gone = connection.execute(old).rowcount
            connection.execute(delete(kiosk_batches).where(kiosk_batches.c.expires_at < over))
        return gone

    def _visit_row(self, visit: TakenVisit) -> dict[str, object]:
        record = visit.record
        evidence = None if visit.evidence is None else encode_base64url(visit.evidence)
        content = canonical_json({"record": record.to_json(), "evidence": evidence})
        return {
            "id": record.id,
            "kiosk": record.kiosk,
            "received_us": _microseconds(visit.received_at),
            "counter": record.counter,
            "verdict": visit.verdict,
            "code": visit.code[:64],
            "place": visit.place,
            "sealed": self._envelope.seal(content, context=b"visit:" + record.id.encode()),
        }

    def _visit(self, row: Row[tuple[object, ...]]) -> TakenVisit:
        sealed = self._envelope.open(bytes(row.sealed), context=b"visit:" + row.id.encode())
        content = parse_json_object(sealed, max_size=_MAX_SEALED)
        evidence = content["evidence"]
        return TakenVisit(
            record=VisitRecord.from_json(cast("Mapping[str, JSON]", content["record"])),
            evidence=None if evidence is None else decode_base64url(str(evidence)),
            verdict=row.verdict,
            code=row.code,
            place=cast("Place | None", row.place),
            received_at=_EPOCH + timedelta(microseconds=row.received_us),
        )


def _move(connection: Connection, kiosk_id: str, before: Head, after: Head) -> bool:
    """Also where the head stays: the row is held, so that deliveries of one kiosk queue up."""
    stands = and_(
        kiosks.c.id == kiosk_id,
        kiosks.c.revoked_at.is_(None),
        kiosks.c.counter == before.counter,
        kiosks.c.link == before.link,
    )
    moving = update(kiosks).where(stands).values(counter=after.counter, link=after.link)
    return connection.execute(moving).rowcount == 1


def _kiosk(row: Row[tuple[object, ...]]) -> EnrolledKiosk:
    return EnrolledKiosk(
        id=row.id,
        name=row.name,
        jwk=parse_json_object(row.jwk.encode(), max_size=_MAX_JSON),
        enrolled_at=_moment(row.enrolled_at),
        head=Head(counter=row.counter, link=bytes(row.link)),
        revoked_at=None if row.revoked_at is None else _moment(row.revoked_at),
        seen_at=None if row.seen_at is None else _moment(row.seen_at),
        health=parse_json_object(row.health.encode(), max_size=_MAX_JSON),
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)

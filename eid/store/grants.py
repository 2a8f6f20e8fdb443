"""One-time state over nodes: each grant is used by one atomic statement (rows O-001, O-068).

Payloads are sealed, handles are stored as SHA-256 only.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from eid.errors import Unavailable
from eid.keys import Envelope, canonical_json, parse_json_object
from eid.oidc.ports import AuditEvent, Grant
from eid.store.audit import Audit
from eid.store.database import Database
from eid.store.schema import grants

MAX_PAYLOAD = 512 * 1024
KEY_SIZE = 32


class Grants:
    """Implements :class:`eid.oidc.ports.Grants`."""

    def __init__(self, database: Database, audit: Audit, envelope: Envelope) -> None:
        self._database = database
        self._audit = audit
        self._envelope = envelope

    def put(self, grant: Grant, *, events: Sequence[AuditEvent] = ()) -> None:
        """Store a new grant; a handle that exists already is never taken over."""
        try:
            with self._database.write() as connection:
                connection.execute(insert(grants), self._row(grant))
                self._audit.append(connection, events)
        except IntegrityError:
            raise Unavailable("The grant exists already.", code="grant.exists") from None

    def get(self, kind: str, key: bytes, *, at: datetime) -> Grant | None:
        """The grant if it is neither used nor revoked nor expired."""
        with self._database.read() as connection:
            row = connection.execute(select(grants).where(_is(kind, key), _live(at))).one_or_none()
        return self._open(row) if row else None

    def consume(
        self,
        kind: str,
        key: bytes,
        *,
        at: datetime,
        issue: Sequence[Grant] = (),
        events: Sequence[AuditEvent] = (),
    ) -> Grant | None:
        """Use the grant up; of all callers, on all nodes, one gets it, and ``issue`` is stored.

        A caller that loses waits for the winner's transaction: what was issued is there for it to
        revoke.
        """
        statement = (
            update(grants)
            .where(_is(kind, key), _live(at))
            .values(used_at=int(at.timestamp()))
            .returning(*grants.c)
        )
        with self._database.write() as connection:
            row = connection.execute(statement).one_or_none()
            if row is not None:
                if issue:
                    connection.execute(insert(grants), [self._row(grant) for grant in issue])
                self._audit.append(connection, events)
        return self._open(row) if row else None

    def was_used(self, kind: str, key: bytes) -> Grant | None:
        """The grant if it was consumed before, however long ago: a replay."""
        with self._database.read() as connection:
            row = connection.execute(
                select(grants).where(_is(kind, key), grants.c.used_at.is_not(None))
            ).one_or_none()
        return self._open(row) if row else None

    def replace(
        self, grant: Grant, *, version: int, at: datetime, events: Sequence[AuditEvent] = ()
    ) -> bool:
        """Write payload and expiry if the stored version is ``version``; it becomes one more."""
        statement = (
            update(grants)
            .where(_is(grant.kind, grant.key), _live(at), grants.c.version == version)
            .values(
                payload=self._seal(grant),
                expires_at=int(grant.expires_at.timestamp()),
                version=version + 1,
            )
        )
        with self._database.write() as connection:
            done = connection.execute(statement).rowcount == 1
            if done:
                self._audit.append(connection, events)
        return done

    def revoke_family(
        self, family: str, *, at: datetime, events: Sequence[AuditEvent] = ()
    ) -> int:
        """Revoke every grant of the family that is not revoked yet, used ones too."""
        statement = (
            update(grants)
            .where(grants.c.family == family, grants.c.revoked_at.is_(None))
            .values(revoked_at=int(at.timestamp()))
        )
        with self._database.write() as connection:
            count = connection.execute(statement).rowcount
            self._audit.append(connection, events)
        return count

    def record(self, events: Sequence[AuditEvent]) -> None:
        """Append to the record."""
        self._audit.record(events)

    def purge(self, *, before: datetime) -> int:
        """Delete what expired before a moment (row D-004); how many rows."""
        statement = delete(grants).where(grants.c.expires_at < int(before.timestamp()))
        with self._database.write() as connection:
            return connection.execute(statement).rowcount

    def _row(self, grant: Grant) -> dict[str, object]:
        return {
            "kind": grant.kind,
            "key": grant.key,
            "payload": self._seal(grant),
            "family": grant.family,
            "expires_at": int(grant.expires_at.timestamp()),
            "version": grant.version,
        }

    def _seal(self, grant: Grant) -> bytes:
        payload = canonical_json(grant.payload)
        if len(payload) > MAX_PAYLOAD or len(grant.key) != KEY_SIZE:
            raise ValueError("a grant's key is a SHA-256 and its payload is bounded")
        return self._envelope.seal(payload, context=_context(grant.kind, grant.key))

    def _open(self, row: Row[*tuple[object, ...]]) -> Grant:
        payload = self._envelope.open(row.payload, context=_context(row.kind, row.key))
        return Grant(
            kind=row.kind,
            key=row.key,
            payload=parse_json_object(payload, max_size=MAX_PAYLOAD),
            family=row.family,
            expires_at=datetime.fromtimestamp(row.expires_at, UTC),
            version=row.version,
        )


def _is(kind: str, key: bytes) -> ColumnElement[bool]:
    return and_(grants.c.kind == kind, grants.c.key == key)


def _live(at: datetime) -> ColumnElement[bool]:
    return and_(
        grants.c.used_at.is_(None),
        grants.c.revoked_at.is_(None),
        grants.c.expires_at > int(at.timestamp()),
    )


def _context(kind: str, key: bytes) -> bytes:
    return b"grant:" + kind.encode() + b":" + key

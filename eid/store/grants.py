"""One-time state over nodes: each grant is used by one atomic statement (rows O-001, O-068).

Payloads are sealed, handles are stored as SHA-256 only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import BigInteger, and_, bindparam, delete, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from eid.errors import Unavailable
from eid.keys import JSON, Envelope, canonical_json, parse_json_object
from eid.levels.consent import Consent
from eid.oidc.ports import AuditEvent, Grant, Spent
from eid.store.audit import Audit
from eid.store.consents import enter
from eid.store.database import Database
from eid.store.prepared import Place, Prepared, PreparedInsert, Work
from eid.store.schema import grants

_Row = tuple[str, bytes, bytes, str | None, int, int | None, int | None, int]
MAX_PAYLOAD = 512 * 1024
KEY_SIZE = 32

# Built once: building a statement costs as much as running it.
_THIS = and_(grants.c.kind == bindparam("this_kind"), grants.c.key == bindparam("this_key"))
_LIVE = and_(
    grants.c.used_at.is_(None),
    grants.c.revoked_at.is_(None),
    grants.c.expires_at > bindparam("now"),
)
_PUT = Prepared(insert(grants))
_GET = Prepared(select(grants).where(_THIS, _LIVE))
_LOOK = Prepared(select(grants).where(_THIS))
_GET_USED = Prepared(select(grants).where(_THIS, grants.c.used_at.is_not(None)))
_CONSUME = Prepared(
    update(grants).where(_THIS, _LIVE).values(used_at=bindparam("now")).returning(*grants.c)
)
_END = Prepared(
    update(grants)
    .where(_THIS, _LIVE, grants.c.version == bindparam("this_version"))
    .values(used_at=bindparam("now"))
)
_REPLACE = Prepared(
    update(grants)
    .where(_THIS, _LIVE, grants.c.version == bindparam("this_version"))
    .values(
        payload=bindparam("new_payload"),
        expires_at=bindparam("new_expiry"),
        family=bindparam("new_family"),
        version=grants.c.version + 1,
    )
)
_REVOKE = Prepared(
    update(grants)
    .where(grants.c.family == bindparam("this_family"), grants.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_CLAIM = PreparedInsert(grants, lambda new: new.on_conflict_do_nothing())
_TOUCH = Prepared(update(grants).where(_THIS, _LIVE).values(version=grants.c.version + 1))
_FAMILY = Prepared(
    select(grants).where(
        grants.c.family == bindparam("this_family"),
        grants.c.kind == bindparam("this_kind"),
        _LIVE,
    )
)
# A card's evidence is personal data: what is left of a used handle is that it was used.
_FORGOTTEN = frozenset({"handle", "sign_up", "counter_handle", "counter_visit"})
_FORGET = Prepared(update(grants).where(_THIS).values(payload=bindparam("new_payload")))
BATCH = 500
_EXPIRED = (
    select(grants.c.kind, grants.c.key)
    .where(grants.c.expires_at < bindparam("now"))
    .order_by(grants.c.expires_at)
    .limit(bindparam("most", type_=BigInteger))
)
_PURGE = Prepared(delete(grants).where(tuple_(grants.c.kind, grants.c.key).in_(_EXPIRED)))


class Grants:
    """Implements :class:`eid.oidc.ports.Grants`."""

    def __init__(self, database: Database, audit: Audit, envelope: Envelope) -> None:
        self._database = database
        self._audit = audit
        self._envelope = envelope

    def put(self, *grants: Grant, events: Sequence[AuditEvent] = ()) -> None:
        """Store new grants; a handle that exists already is never taken over."""
        rows = [self._row(grant) for grant in grants]
        with _new_grants(), self._database.transaction() as work:
            _PUT.run_many(work, rows)
            self._audit.append(work, events)

    def claim(self, grant: Grant, *, events: Sequence[AuditEvent] = ()) -> bool:
        """Store the grant unless its key exists; of all callers one gets True."""
        row = self._row(grant)
        with self._database.transaction() as work:
            first = _CLAIM.run(work, row).rowcount == 1
            if first:
                self._audit.append(work, events)
        return first

    def issue_beside(
        self,
        kind: str,
        key: bytes,
        *,
        at: datetime,
        issue: Sequence[Grant],
        events: Sequence[AuditEvent] = (),
    ) -> bool:
        """Store ``issue`` while the grant is live and locked, so that no revocation misses it."""
        rows = [self._row(grant) for grant in issue]
        with _new_grants(), self._database.transaction() as work:
            live = _TOUCH.run(work, _this(kind, key, at)).rowcount == 1
            if live:
                _PUT.run_many(work, rows)
                self._audit.append(work, events)
        return live

    def family(self, kind: str, family: str, *, at: datetime) -> tuple[Grant, ...]:
        """The live grants of one kind in a family."""
        values = {"this_kind": kind, "this_family": family, "now": int(at.timestamp())}
        return tuple(map(self._open, self._database.rows(_FAMILY, values)))

    def get(self, kind: str, key: bytes, *, at: datetime) -> Grant | None:
        """The grant if it is neither used nor revoked nor expired."""
        row = self._database.row(_GET, _this(kind, key, at))
        return self._open(row) if row else None

    def look(self, kind: str, key: bytes, *, at: datetime) -> Grant | Spent | None:
        """The grant while it counts; Spent while its row is kept after that."""
        row = self._database.row(_LOOK, {"this_kind": kind, "this_key": key})
        if row is None:
            return None
        *_, expires_at, used_at, revoked_at, _version = cast("_Row", row)
        if used_at is None and revoked_at is None and expires_at > int(at.timestamp()):
            return self._open(row)
        return Spent()

    def consume(
        self,
        kind: str,
        key: bytes,
        *,
        at: datetime,
        issue: Sequence[Grant] = (),
        events: Sequence[AuditEvent] = (),
        consents: Sequence[Consent] = (),
    ) -> Grant | None:
        """Use the grant up; of all callers, on all nodes, one gets it, and ``issue`` is stored.

        A caller that loses waits for the winner's transaction: what was issued is there for it to
        revoke.
        """
        with _new_grants(), self._database.transaction() as work:
            row = _CONSUME.run(work, _this(kind, key, at)).fetchone()
            if row is not None:
                if issue:
                    _PUT.run_many(work, [self._row(grant) for grant in issue])
                if kind in _FORGOTTEN:
                    nothing = self._seal_payload(kind, key, {})
                    this = {"this_kind": kind, "this_key": key, "new_payload": nothing}
                    _FORGET.run(work, this)
                self._audit.append(work, [*enter(work, consents), *events])
        return self._open(row) if row else None

    def end(
        self,
        kind: str,
        key: bytes,
        *families: str,
        version: int,
        at: datetime,
        events: Sequence[AuditEvent] = (),
    ) -> bool:
        """Use the grant up, once, and revoke these families with it: none outlives it.

        Only if nothing was issued beside it (:meth:`issue_beside`) since it had ``version``.
        """
        this = {**_this(kind, key, at), "this_version": version}
        with self._database.transaction() as work:
            ended = _END.run(work, this).rowcount == 1
            if ended:
                for family in sorted(families):
                    end_family(work, family, at=at)
                self._audit.append(work, events)
        return ended

    def was_used(self, kind: str, key: bytes) -> Grant | None:
        """The grant if it was consumed before, however long ago: a replay.

        A used ``handle`` comes back without its payload: the evidence is forgotten with its use.
        """
        this = {"this_kind": kind, "this_key": key}
        row = self._database.row(_GET_USED, this)
        return self._open(row) if row else None

    def replace(
        self, grant: Grant, *, version: int, at: datetime, events: Sequence[AuditEvent] = ()
    ) -> bool:
        """Write payload, expiry and family if the stored version is ``version``; it becomes one more.

        Version 0 is of a grant that was never stored: as :meth:`claim`.
        """
        with self._database.transaction() as work:
            done = self.write(work, grant, version=version, at=at)
            if done:
                self._audit.append(work, events)
        return done

    def write(self, work: Work, grant: Grant, *, version: int, at: datetime) -> bool:
        """As :meth:`replace`, in the caller's transaction."""
        if not version:
            return _CLAIM.run(work, self._row(grant)).rowcount == 1
        values = {
            **_this(grant.kind, grant.key, at),
            "this_version": version,
            "new_payload": self._seal(grant),
            "new_expiry": int(grant.expires_at.timestamp()),
            "new_family": grant.family,
        }
        return _REPLACE.run(work, values).rowcount == 1

    def revoke_family(
        self, *families: str, at: datetime, events: Sequence[AuditEvent] = ()
    ) -> int:
        """Revoke every grant of the families that is not revoked yet, used ones too; all or none.

        Each round waits for whoever holds a row of a family; what he then left behind is seen
        by the next. A round that finds nothing proves that nobody can add to the family any more.
        """
        with self._database.transaction() as work:
            count = sum(end_family(work, family, at=at) for family in sorted(families))
            self._audit.append(work, events)
        return count

    def record(self, events: Sequence[AuditEvent]) -> None:
        """Append to the record."""
        self._audit.record(events)

    def purge(self, *, before: datetime) -> int:
        """Delete what expired before a moment (row D-004), oldest first; how many rows.

        In short transactions of at most ``BATCH`` rows, so that no login waits for it.
        """
        values, gone = {"now": int(before.timestamp()), "most": BATCH}, 0
        while True:
            with self._database.transaction() as work:
                count = _PURGE.run(work, values).rowcount
            gone += count
            if count < BATCH:
                return gone

    def _row(self, grant: Grant) -> dict[str, object]:
        return {
            "kind": grant.kind,
            "key": grant.key,
            "payload": self._seal(grant),
            "family": grant.family,
            "expires_at": int(grant.expires_at.timestamp()),
            "version": grant.version,
            "used_at": None if grant.used_at is None else int(grant.used_at.timestamp()),
        }

    def _seal(self, grant: Grant) -> bytes:
        return self._seal_payload(grant.kind, grant.key, grant.payload)

    def _seal_payload(self, kind: str, key: bytes, payload: Mapping[str, JSON]) -> bytes:
        data = canonical_json(payload)
        if len(data) > MAX_PAYLOAD or len(key) != KEY_SIZE:
            raise ValueError("a grant's key is a SHA-256 and its payload is bounded")
        return self._envelope.seal(data, context=_context(kind, key))

    def _open(self, row: Sequence[object]) -> Grant:
        kind, key, sealed, family, expires_at, used_at, _revoked_at, version = cast("_Row", row)
        payload = self._envelope.open(bytes(sealed), context=_context(kind, bytes(key)))
        return Grant(
            kind=kind,
            key=bytes(key),
            payload=parse_json_object(payload, max_size=MAX_PAYLOAD),
            family=family,
            expires_at=datetime.fromtimestamp(expires_at, UTC),
            version=version,
            used_at=None if used_at is None else datetime.fromtimestamp(used_at, UTC),
        )


def use_up(place: Place, kind: str, key: bytes, *, at: datetime) -> bool:
    """Use a grant up within the caller's transaction; False for all callers but one."""
    return _CONSUME.run(place, _this(kind, key, at)).fetchone() is not None


def end_family(place: Place, family: str, *, at: datetime) -> int:
    """As :meth:`Grants.revoke_family`, within the caller's transaction."""
    values, count = {"this_family": family, "now": int(at.timestamp())}, 0
    while found := _REVOKE.run(place, values).rowcount:
        count += found
    return count


def _this(kind: str, key: bytes, at: datetime) -> dict[str, object]:
    return {"this_kind": kind, "this_key": key, "now": int(at.timestamp())}


@contextmanager
def _new_grants() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise Unavailable("The grant exists already.", code="grant.exists") from None


def _context(kind: str, key: bytes) -> bytes:
    return b"grant:" + kind.encode() + b":" + key

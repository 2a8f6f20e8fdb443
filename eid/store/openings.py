"""What opens the commitments of the record, kept under the person's key until erasure.

The record holds salted commitments only. As long as the person is not erased, the salt and the
digest can be shown beside a row, and anyone can compute the commitment again (contracts §8).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from sqlalchemy import bindparam, select

from eid.keys import Envelope
from eid.oidc.ports import AuditEvent
from eid.store.database import Database
from eid.store.prepared import Place, Prepared, PreparedInsert
from eid.store.schema import openings, person_keys
from eid.store.sealed import AccountSeal

MAX_OPENING = 256
_NEW = PreparedInsert(openings, lambda new: new.on_conflict_do_nothing())
_KEY_OF = Prepared(
    select(person_keys.c.sealed).where(person_keys.c.account == bindparam("this_id"))
)


class Openings:
    """The kept openings, sealed."""

    def __init__(self, database: Database, seal: AccountSeal) -> None:
        self._database = database
        self._seal = seal

    def keep(self, place: Place, events: Iterable[AuditEvent]) -> None:
        """Seal the openings of events that are about a person, in the caller's transaction."""
        for event in events:
            if event.opening is None or event.commitment is None or event.account is None:
                continue
            if len(event.opening) > MAX_OPENING:
                raise ValueError("an opening is a salt and a digest")
            key = self._key(place, event.account)
            if key is None:
                continue
            row = {
                "commitment": event.commitment,
                "account": event.account,
                "at": int(event.at.timestamp()),
                "sealed": key.seal(event.opening, context=_context(event.commitment)),
            }
            _NEW.run(place, row)

    def find(self, commitment: bytes) -> bytes | None:
        """The salt and digest behind a commitment; None after erasure."""
        query = select(openings).where(openings.c.commitment == commitment)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
            key = None if row is None else self._key(connection, row.account)
        if row is None or key is None:
            return None
        return key.open(row.sealed, context=_context(commitment))

    def _key(self, place: Place, account_id: str) -> Envelope | None:
        found = _KEY_OF.run(place, {"this_id": account_id}).fetchone()
        if found is None:
            return None
        return Envelope(self._seal.data_key(account_id, bytes(cast("bytes", found[0]))))


def _context(commitment: bytes) -> bytes:
    return b"opening:" + commitment

"""What opens the commitments of the record, kept under the person's key until erasure.

The record holds salted commitments only. As long as the person is not erased, the salt and the
digest can be shown beside a row, and anyone can compute the commitment again (contracts §8).
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, insert, select

from eid.keys import Envelope
from eid.oidc.ports import AuditEvent
from eid.store.database import Database
from eid.store.schema import openings, person_keys
from eid.store.sealed import AccountSeal

MAX_OPENING = 256
_NEW = insert(openings)
_KNOWN = select(openings.c.at).where(openings.c.commitment == bindparam("this_commitment"))
_KEY_OF = select(person_keys.c.sealed).where(person_keys.c.account == bindparam("this_id"))


class Openings:
    """The kept openings, sealed."""

    def __init__(self, database: Database, seal: AccountSeal) -> None:
        self._database = database
        self._seal = seal

    def keep(self, connection: Connection, events: Iterable[AuditEvent]) -> None:
        """Seal the openings of events that are about a person, in the caller's transaction."""
        for event in events:
            if event.opening is None or event.commitment is None or event.account is None:
                continue
            if len(event.opening) > MAX_OPENING:
                raise ValueError("an opening is a salt and a digest")
            key = self._key(connection, event.account)
            if key is None:
                continue
            known = {"this_commitment": event.commitment}
            if connection.execute(_KNOWN, known).one_or_none() is not None:
                continue
            row = {
                "commitment": event.commitment,
                "account": event.account,
                "at": int(event.at.timestamp()),
                "sealed": key.seal(event.opening, context=_context(event.commitment)),
            }
            connection.execute(_NEW, row)

    def find(self, commitment: bytes) -> bytes | None:
        """The salt and digest behind a commitment; None after erasure."""
        query = select(openings).where(openings.c.commitment == commitment)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
            key = None if row is None else self._key(connection, row.account)
        if row is None or key is None:
            return None
        return key.open(row.sealed, context=_context(commitment))

    def _key(self, connection: Connection, account_id: str) -> Envelope | None:
        this = {"this_id": account_id}
        sealed = connection.execute(_KEY_OF, this).scalar_one_or_none()
        return None if sealed is None else Envelope(self._seal.data_key(account_id, sealed))


def _context(commitment: bytes) -> bytes:
    return b"opening:" + commitment

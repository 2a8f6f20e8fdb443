"""The registered services, as RFC 7591 metadata with hashed secrets.

>>> RegistryEvent.__args__
('client.added', 'client.changed')
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Literal

from sqlalchemy import bindparam, delete, insert, select

from eid.keys import canonical_json, parse_json_object
from eid.oidc.clients import Client, client_from_metadata
from eid.oidc.ports import AuditEvent
from eid.store.audit import Audit
from eid.store.database import Database
from eid.store.prepared import Prepared
from eid.store.schema import clients

KEPT = 1024
_BY_ID = Prepared(select(clients.c.metadata).where(clients.c.client_id == bindparam("this_id")))
RegistryEvent = Literal["client.added", "client.changed"]


class Clients:
    """Implements :class:`eid.oidc.clients.Clients`; ``legal_entity`` is the operator's."""

    def __init__(self, database: Database, *, audit: Audit, legal_entity: str) -> None:
        self._database = database
        self._audit = audit
        self._legal_entity = legal_entity

    def by_id(self, client_id: str) -> Client | None:
        """The client with exactly this id."""
        row = self._database.row(_BY_ID, {"this_id": client_id})
        return None if row is None else self._client(str(row[0]))

    def all(self) -> tuple[Client, ...]:
        """Every client, by id."""
        query = select(clients.c.metadata).order_by(clients.c.client_id)
        with self._database.read() as connection:
            return tuple(self._client(row) for row in connection.execute(query).scalars())

    def put(self, registered: Iterable[Client], *, at: datetime) -> None:
        """Add or replace clients, all or none of them, with an audit row each."""
        with self._database.write() as connection:
            for client in registered:
                same = clients.c.client_id == client.client_id
                known = connection.execute(delete(clients).where(same)).rowcount
                row = {
                    "client_id": client.client_id,
                    "metadata": canonical_json(client.to_metadata()).decode(),
                    "updated_at": int(at.timestamp()),
                }
                connection.execute(insert(clients).values(row))
                kind: RegistryEvent = "client.changed" if known else "client.added"
                event = AuditEvent(kind=kind, at=at, client=client.client_id)
                self._audit.append(connection, [event])

    def _client(self, stored: str) -> Client:
        return _read(stored, self._legal_entity)


@lru_cache(maxsize=KEPT)
def _read(stored: str, legal_entity: str) -> Client:
    """The client of a row; the same row is read once."""
    return client_from_metadata(parse_json_object(stored.encode()), legal_entity=legal_entity)

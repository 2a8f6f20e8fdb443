"""Reading the record: proofs of single rows, exports, and whom a window of time concerned.

A proof convinces whoever has the audit key and a head, without the other rows (contracts §8).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, and_, select

from eid.errors import FormatError
from eid.keys import (
    JSON,
    JwkSet,
    canonical_json,
    decode_base64url,
    encode_base64url,
    parse_json_object,
)
from eid.store.audit import Audit
from eid.store.audit_chain import START, broken, chain_hash, read_head
from eid.store.database import Database
from eid.store.merkle import BLOCK, inclusion_path, root_from_path
from eid.store.schema import audit_blocks, audit_heads, audit_rows

_MEMBERS = frozenset({"row", "previous", "path", "head"})
COLUMNS = (
    "node", "seq", "at", "kind", "account", "client", "interaction", "detail", "commitment",
)  # fmt: skip
MAX_PATH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class InclusionProof:
    """One row, the hash before it, the path to the root, and the head that signs the root."""

    row: dict[str, JSON]
    previous: bytes
    path: tuple[bytes, ...]
    head: str = field(repr=False)

    def to_json(self) -> dict[str, JSON]:
        """For a file or a page; binary values in base64url."""
        return {
            "row": self.row,
            "previous": encode_base64url(self.previous),
            "path": [encode_base64url(step) for step in self.path],
            "head": self.head,
        }

    @classmethod
    def from_json(cls, document: dict[str, JSON]) -> InclusionProof:
        """Read one; FormatError ``audit.proof`` for anything else."""
        row, path = document.get("row"), document.get("path")
        if (
            document.keys() != _MEMBERS
            or not isinstance(row, dict)
            or not isinstance(path, list)
            or set(row) != set(COLUMNS)
            or len(path) > MAX_PATH
        ):
            raise FormatError("The proof is malformed.", code="audit.proof")
        return cls(
            row=dict(row),
            previous=decode_base64url(str(document["previous"])),
            path=tuple(decode_base64url(str(step)) for step in path),
            head=str(document["head"]),
        )


def prove(
    database: Database, audit: Audit, node: str, seq: int, *, at: datetime
) -> InclusionProof:
    """Prove that a row is in the record, under the first head that covers it.

    A head is signed now when none covers it yet. FormatError ``audit.row`` for a row that is not
    there (any more), or of another node without a head.
    """
    head = _head(database, node, seq)
    if head is None:
        audit.sign_head(at)
        head = _head(database, node, seq)
    if head is None:
        raise _no_row()
    size, signed = head
    with database.snapshot() as connection:
        hashes = _hashes(connection, node, seq, size)
        this = and_(audit_rows.c.node == node, audit_rows.c.seq == seq)
        row = connection.execute(select(audit_rows).where(this)).mappings().one_or_none()
        whole = select(audit_blocks.c.block, audit_blocks.c.root).where(
            audit_blocks.c.node == node, audit_blocks.c.block < size // BLOCK
        )
        blocks = {found.block: found.root for found in connection.execute(whole)}
    if row is None or (seq > 1 and seq - 1 not in hashes):
        raise _no_row()
    path = inclusion_path(seq - 1, size, blocks, lambda index: hashes[index + 1])
    shown = {name: row[name] for name in COLUMNS}
    commitment = shown["commitment"]
    shown["commitment"] = None if commitment is None else encode_base64url(commitment)
    return InclusionProof(
        row=shown, previous=hashes[seq - 1] if seq > 1 else START, path=path, head=signed
    )


def check_proof(proof: InclusionProof, keys: JwkSet) -> None:
    """HashMismatch ``audit.head`` or ``audit.altered`` unless the row is under the signed root."""
    head = read_head(proof.head, keys)
    row: dict[str, object] = dict(proof.row)
    if row["commitment"] is not None:
        row["commitment"] = decode_base64url(str(row["commitment"]))
    seq = row["seq"]
    if row["node"] != head.node or type(seq) is not int:
        raise broken("audit.altered", head.node, head.seq)
    leaf = chain_hash(proof.previous, row)
    if root_from_path(leaf, seq - 1, head.seq, proof.path) != head.root:
        raise broken("audit.altered", head.node, seq)


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """One account that a window concerned: how many rows, and which services."""

    account: str
    rows: int
    clients: tuple[str, ...]


def affected(database: Database, start: datetime, end: datetime) -> tuple[Affected, ...]:
    """The accounts with rows from ``start`` up to but not at ``end``, by id: whom to notify."""
    window = and_(
        audit_rows.c.at >= int(start.timestamp()),
        audit_rows.c.at < int(end.timestamp()),
        audit_rows.c.account.is_not(None),
    )
    counted: dict[str, int] = {}
    clients: dict[str, set[str]] = {}
    with database.snapshot() as connection:
        query = select(audit_rows.c.account, audit_rows.c.client).where(window)
        for account, client in connection.execute(query):
            counted[account] = counted.get(account, 0) + 1
            clients.setdefault(account, set()).update({client} - {None})
    return tuple(
        Affected(account=name, rows=count, clients=tuple(sorted(clients[name])))
        for name, count in sorted(counted.items())
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a row says was told to a service: its place, and the recorded grounds."""

    place: str
    account: str | None
    client: str | None
    grounds: str


def told(database: Database, start: datetime, end: datetime) -> Iterator[Told]:
    """Every assertion of a window of time that has its grounds on record, node by node."""
    window = and_(
        audit_rows.c.kind == "code.issued",
        audit_rows.c.at >= int(start.timestamp()),
        audit_rows.c.at < int(end.timestamp()),
    )
    query = select(audit_rows).where(window).order_by(audit_rows.c.node, audit_rows.c.seq)
    with database.snapshot() as connection:
        for row in connection.execution_options(yield_per=1000).execute(query):
            grounds = parse_json_object(row.detail.encode()).get("assertion")
            if isinstance(grounds, str):
                yield Told(
                    place=f"{row.node}/{row.seq}",
                    account=row.account,
                    client=row.client,
                    grounds=grounds,
                )


def export_rows(database: Database) -> Iterator[bytes]:
    """Every row as one line of JSON, node by node in order; binary values in base64url."""
    query = select(audit_rows).order_by(audit_rows.c.node, audit_rows.c.seq)
    with database.snapshot() as connection:
        for row in connection.execution_options(yield_per=1000).execute(query).mappings():
            line: dict[str, JSON] = {name: row[name] for name in COLUMNS}
            for name in ("commitment", "hash"):
                value = row[name]
                line[name] = None if value is None else encode_base64url(value)
            yield canonical_json(line)


def _head(database: Database, node: str, seq: int) -> tuple[int, str] | None:
    covering = and_(audit_heads.c.node == node, audit_heads.c.seq >= seq)
    query = select(audit_heads.c.seq, audit_heads.c.signed).where(covering)
    with database.read() as connection:
        found = connection.execute(query.order_by(audit_heads.c.seq).limit(1)).one_or_none()
    return None if found is None else (found.seq, found.signed)


def _hashes(connection: Connection, node: str, seq: int, size: int) -> dict[int, bytes]:
    """The hashes that a path may need: of the row's own block, and of the tail of the tree."""
    first = (seq - 1) // BLOCK * BLOCK
    tail = size // BLOCK * BLOCK
    near = audit_rows.c.seq.between(first, first + BLOCK)
    end = audit_rows.c.seq.between(tail + 1, size)
    chosen = and_(audit_rows.c.node == node, near | end)
    rows = connection.execute(select(audit_rows.c.seq, audit_rows.c.hash).where(chosen))
    return {row.seq: row.hash for row in rows}


def _no_row() -> FormatError:
    return FormatError("The record holds no such row.", code="audit.row")

"""The record: one hash chain per node, joined by signed heads (contracts §8).

A row is written in the transaction of what it records. Each hash covers the row's fields and the
hash before it, so that an altered, removed or inserted row shows; a head, signed and kept
elsewhere, also shows a cut tail. The hashes are the leaves of a Merkle tree whose root each head
signs, so that one row can be proven to be in the record without showing the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from eid.keys import JSON, JwkSet, SigningKey, canonical_json, parse_json_object, sign_jwt
from eid.oidc.ports import AuditEvent
from eid.store.audit_chain import (
    HEAD_TYPE,
    START,
    START_TYPE,
    Chain,
    broken,
    chain_hash,
    chain_row,
    read_head,
    read_heads,
    walk,
)
from eid.store.database import Database
from eid.store.merkle import BLOCK, peaks_of_blocks, root, split
from eid.store.openings import Openings
from eid.store.prepared import Place, Prepared, PreparedInsert
from eid.store.schema import audit_blocks, audit_chains, audit_heads, audit_rows

HEAD_EVERY = 256
_NODE = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}", re.ASCII)


_THIS_CHAIN = audit_chains.c.node == bindparam("this_node")
_LOCK_END = Prepared(
    select(audit_chains.c.seq, audit_chains.c.hash, audit_chains.c.peaks)
    .where(_THIS_CHAIN)
    .with_for_update()
)
_MOVE_END = Prepared(
    update(audit_chains)
    .where(_THIS_CHAIN)
    .values(seq=bindparam("new_seq"), hash=bindparam("new_hash"), peaks=bindparam("new_peaks"))
)
_APPEND = Prepared(insert(audit_rows))
_BLOCK = Prepared(insert(audit_blocks))
_FIRST_END = PreparedInsert(audit_chains, lambda new: new.on_conflict_do_nothing())
_NEW_HEAD = Prepared(insert(audit_heads))
_HEAD_AT = Prepared(
    select(audit_heads.c.signed).where(
        audit_heads.c.node == bindparam("this_node"), audit_heads.c.seq == bindparam("this_seq")
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One stored row, with its place in its node's chain."""

    node: str
    seq: int
    event: AuditEvent
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSummary:
    """What an untouched record holds: rows per node, and how many signed heads agree."""

    rows: dict[str, int]
    heads: int


class Audit:
    """The record of one node. Several processes of the node share its chain."""

    def __init__(
        self,
        database: Database,
        *,
        node: str,
        key: SigningKey,
        openings: Openings | None = None,
    ) -> None:
        if not _NODE.fullmatch(node):
            raise ValueError("a node's name is a short lower-case word")
        self._database = database
        self._node = node
        self._key = key
        self._openings = openings

    def record(self, events: Sequence[AuditEvent]) -> None:
        """Append in a transaction of their own."""
        if events:
            with self._database.transaction() as work:
                self.append(work, events)

    def append(self, place: Place, events: Sequence[AuditEvent]) -> None:
        """Append within the caller's write transaction."""
        if not events:
            return
        chain = self._lock_chain(place)
        before = chain.seq
        rows = []
        for event in events:
            row = chain_row(self._node, chain.seq + 1, event)
            digest = row["hash"] = chain_hash(chain.hash, row)
            block = chain.add(digest)
            if block is not None:
                done = {"node": self._node, "block": (chain.seq - 1) // BLOCK, "root": block}
                _BLOCK.run(place, done)
            rows.append(row)
        _APPEND.run_many(place, rows)
        end = {
            "this_node": self._node,
            "new_seq": chain.seq,
            "new_hash": chain.hash,
            "new_peaks": b"".join(chain.peaks),
        }
        _MOVE_END.run(place, end)
        if chain.seq // HEAD_EVERY > before // HEAD_EVERY:
            self._sign(place, chain, events[-1].at)
        if self._openings is not None:
            self._openings.keep(place, events)

    def sign_head(self, at: datetime) -> str | None:
        """Sign the end of this node's chain and keep it; None while the chain is empty."""
        with self._database.write() as connection:
            chain = self._lock_chain(connection)
            return self._sign(connection, chain, at) if chain.seq else None

    def let_go(self, *, before: datetime, at: datetime, blocks: int = 40) -> int:
        """Let go of this node's oldest rows, in whole blocks of 256; how many rows (row D-004).

        Only blocks all of whose rows are from ``before`` go, at most ``blocks`` in one
        transaction. Where the chain starts then is signed, and their roots stay: later rows, and
        every proof that was given, verify as before (row D-008).
        """
        with self._database.write() as connection:
            self._lock_chain(connection)
            start, end = self._old_blocks(connection, before)
            end = min(end, start + blocks)
            if end <= start:
                return 0
            last = end * BLOCK
            mine = audit_rows.c.node == self._node
            digest = connection.execute(
                select(audit_rows.c.hash).where(mine, audit_rows.c.seq == last)
            ).scalar_one()
            roots = select(audit_blocks.c.root).where(
                audit_blocks.c.node == self._node, audit_blocks.c.block < end
            )
            kept = connection.execute(roots.order_by(audit_blocks.c.block)).scalars().all()
            signed = self._signed(Chain(last, digest, peaks_of_blocks(kept)), at, START_TYPE)
            count = connection.execute(
                delete(audit_rows).where(mine, audit_rows.c.seq <= last)
            ).rowcount
            connection.execute(
                delete(audit_heads).where(
                    audit_heads.c.node == self._node, audit_heads.c.seq <= last
                )
            )
            connection.execute(
                update(audit_chains).where(audit_chains.c.node == self._node).values(start=signed)
            )
            gone = AuditEvent(kind="audit.let_go", at=at, detail={"through": str(last)})
            self.append(connection, [gone])
        return count

    def _old_blocks(self, connection: Connection, before: datetime) -> tuple[int, int]:
        """The first block that is kept now, and the one that may be the first."""
        mine = audit_rows.c.node == self._node
        first = connection.execute(select(func.min(audit_rows.c.seq)).where(mine)).scalar()
        young = select(func.min(audit_rows.c.seq)).where(
            mine, audit_rows.c.at >= int(before.timestamp())
        )
        oldest_kept = connection.execute(young).scalar()
        whole = select(func.count()).where(audit_blocks.c.node == self._node)
        complete = connection.execute(whole).scalar_one()
        if first is None:
            return 0, 0
        end = complete if oldest_kept is None else (oldest_kept - 1) // BLOCK
        return (first - 1) // BLOCK, end

    def heads(self) -> tuple[str, ...]:
        """Every signed head, oldest first, for an outside witness."""
        ordered = select(audit_heads.c.signed).order_by(audit_heads.c.node, audit_heads.c.seq)
        with self._database.read() as connection:
            return tuple(connection.execute(ordered).scalars())

    def of_account(self, account_id: str, *, limit: int = 200) -> tuple[AuditRow, ...]:
        """What the record says of one account, newest first."""
        with self._database.read() as connection:
            return rows_of(connection, account_id, limit=limit)

    def refusal(self, correlation: str) -> AuditEvent | None:
        """The refused request that was answered with this reference."""
        quoted = f'"correlation":{canonical_json(correlation).decode()}'
        query = (
            select(audit_rows)
            .where(audit_rows.c.kind.in_(("request.refused", "authorize.refused")))
            .where(audit_rows.c.detail.contains(quoted, autoescape=True))
            .order_by(audit_rows.c.at.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _stored(row).event

    def count(self, kind: str) -> int:
        """How many rows of one kind the record holds."""
        query = select(func.count()).select_from(audit_rows).where(audit_rows.c.kind == kind)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def verify(self, *, heads: Iterable[str] = (), keys: JwkSet | None = None) -> AuditSummary:
        """Read the whole record again; HashMismatch names the node and row that is wrong.

        Codes: ``audit.altered`` (also of a row put in between), ``audit.missing`` (a row was
        removed), ``audit.tail`` (the chain ends elsewhere than it should), ``audit.head`` (a
        signed head is another's or disagrees). ``heads`` are heads kept outside, ``keys`` the
        keys that may have signed (default: this node's). Rows that were let go by retention are
        beyond it; heads of that time are authentic, but say nothing that can be compared.
        """
        trusted = keys or JwkSet.of(self._key)
        with self._database.snapshot() as connection:
            kept = connection.execute(select(audit_heads.c.signed)).scalars()
            expected = read_heads([*kept, *heads], trusted)
            tails = {row.node: row for row in connection.execute(select(audit_chains))}
            starts = {
                node: read_head(row.start, trusted, typ=START_TYPE)
                for node, row in tails.items()
                if row.start is not None
            }
            if any(start.node != node for node, start in starts.items()):
                raise broken("audit.head", "", 0)
            chains = walk(connection, starts, expected)
        nothing = Chain(0, START, [])
        expected = {
            place: head
            for place, head in expected.items()
            if place[0] not in starts or starts[place[0]].seq < place[1]
        }
        for node, seq in expected:
            if chains.get(node, nothing).seq < seq:
                raise broken("audit.missing", node, seq)
        for node in tails.keys() | chains.keys():
            _check_tail(node, tails.get(node), chains.get(node, nothing))
        rows = {node: chain.seq for node, chain in chains.items() if chain.seq}
        return AuditSummary(rows=rows, heads=len(expected))

    def _lock_chain(self, place: Place) -> Chain:
        """The chain's end, locked against other processes until the transaction ends."""
        this = {"this_node": self._node}
        found = _LOCK_END.run(place, this).fetchone()
        if found is None:
            first = {"node": self._node, "seq": 0, "hash": START, "peaks": b"", "start": None}
            _FIRST_END.run(place, first)
            found = _LOCK_END.run(place, this).fetchone()
        seq, digest, peaks = cast("tuple[int, bytes, bytes]", found)
        return Chain(seq, bytes(digest), split(bytes(peaks)))

    def _sign(self, place: Place, chain: Chain, at: datetime) -> str:
        signed = self._signed(chain, at, HEAD_TYPE)
        here = {"this_node": self._node, "this_seq": chain.seq}
        kept = _HEAD_AT.run(place, here).fetchone()
        if kept is not None:
            return str(kept[0])
        _NEW_HEAD.run(place, {"node": self._node, "seq": chain.seq, "signed": signed})
        return signed

    def _signed(self, chain: Chain, at: datetime, typ: str) -> str:
        claims: dict[str, JSON] = {
            "node": self._node,
            "seq": chain.seq,
            "hash": chain.hash.hex(),
            "root": root(chain.peaks).hex(),
            "iat": int(at.timestamp()),
        }
        return sign_jwt(claims, self._key, typ=typ)


def rows_of(connection: Connection, account_id: str, *, limit: int) -> tuple[AuditRow, ...]:
    """What the record says of one account, newest first, within the caller's transaction."""
    query = (
        select(audit_rows)
        .where(audit_rows.c.account == account_id)
        .order_by(audit_rows.c.at.desc(), audit_rows.c.node, audit_rows.c.seq.desc())
        .limit(limit)
    )
    return tuple(map(_stored, connection.execute(query)))


def _check_tail(node: str, tail: Row[*tuple[object, ...]] | None, chain: Chain) -> None:
    if tail is None:
        raise broken("audit.tail", node, chain.seq)
    ends = (tail.seq, tail.hash, tail.peaks)
    if ends != (chain.seq, chain.hash, b"".join(chain.peaks)):
        raise broken("audit.tail", node, chain.seq)


def _stored(row: Row[*tuple[object, ...]]) -> AuditRow:
    event = AuditEvent(
        kind=row.kind,
        at=datetime.fromtimestamp(row.at, UTC),
        account=row.account,
        client=row.client,
        interaction=row.interaction,
        detail={
            name: str(value) for name, value in parse_json_object(row.detail.encode()).items()
        },
        commitment=row.commitment,
    )
    return AuditRow(node=row.node, seq=row.seq, event=event, hash=row.hash)

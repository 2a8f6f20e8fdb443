"""The form of the record's hash chain, and the check of one that was stored (contracts §8)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from eid.errors import EidError, HashMismatch
from eid.keys import JwkSet, canonical_json, verify_jws
from eid.oidc.ports import AuditEvent
from eid.store.merkle import BLOCK, peaks_of_blocks, push, root
from eid.store.schema import audit_blocks, audit_rows

HEAD_TYPE = "eid-audit-head+jwt"
START_TYPE = "eid-audit-start+jwt"
_LABEL = b"eid-audit-v1"
MAX_DETAIL = 2048
MAX_NAME = 128
START = bytes(32)
_FIELDS = ("node", "seq", "at", "kind", "account", "client", "interaction", "detail", "commitment")
_ABSENT = b"\xff\xff\xff\xff"
_SMALL = 256
_SIZES = tuple(size.to_bytes(4) for size in range(_SMALL))


def chain_row(node: str, seq: int, event: AuditEvent) -> dict[str, object]:
    """The columns of an event at its place, without the hash; ValueError for a long detail."""
    readable = {name: _readable(value) for name, value in event.detail.items()}
    detail = canonical_json(readable).decode()
    if len(detail) > MAX_DETAIL:
        raise ValueError("an audit row's detail is short")
    return {
        "node": node,
        "seq": seq,
        "at": int(event.at.timestamp()),
        "kind": event.kind,
        "account": event.account,
        "client": _plain(event.client),
        "interaction": _plain(event.interaction),
        "detail": detail,
        "commitment": event.commitment,
    }


def _plain(value: str | None) -> str | None:
    """A name that came from outside; one that is long or not plain ASCII as its hash (O-075)."""
    if value is None or (len(value) <= MAX_NAME and value.isascii() and value.isprintable()):
        return value
    return "sha256:" + hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()


def _readable(value: str) -> str:
    return value.encode("utf-8", "replace").decode()


def chain_hash(previous: bytes, row: Mapping[str, object]) -> bytes:
    """SHA-256 over the hash before and each field with its length; None is not empty."""
    return _link(previous, [row[name] for name in _FIELDS])


def _link(previous: bytes, values: Iterable[object]) -> bytes:
    parts = [_LABEL, previous]
    for value in values:  # the hot loop of every verification
        if value is None:
            parts.append(_ABSENT)
            continue
        if type(value) is str:
            data = value.encode()
        else:
            data = value if isinstance(value, bytes) else str(value).encode()
        size = len(data)
        parts.append(_SIZES[size] if size < _SMALL else size.to_bytes(4))
        parts.append(data)
    return hashlib.sha256(b"".join(parts)).digest()


@dataclass(slots=True)
class Chain:
    """Where a node's chain stands while it is walked: the last row, its hash, the tree's peaks."""

    seq: int
    hash: bytes
    peaks: list[bytes]

    def add(self, digest: bytes) -> bytes | None:
        """Take one more row's hash; the root of a block that it completes."""
        block = push(self.peaks, self.seq, digest)
        self.seq += 1
        self.hash = digest
        return block


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a signed head says: the hash of the last row, and the root of the tree up to it."""

    node: str
    seq: int
    hash: bytes
    root: bytes


def walk(
    connection: Connection, starts: Mapping[str, Head], expected: Mapping[tuple[str, int], Head]
) -> dict[str, Chain]:
    """The end of each chain, after checking every link; HashMismatch at the first that breaks.

    ``starts`` are the signed starts of chains whose first rows were let go.
    """
    chains: dict[str, Chain] = {}
    query = select(*(audit_rows.c[name] for name in _FIELDS), audit_rows.c.hash).order_by(
        audit_rows.c.node, audit_rows.c.seq
    )
    blocks = _blocks(connection)
    for node in starts:
        chains[node] = _started(starts[node], blocks)
    found: dict[tuple[str, int], bytes] = {}
    with closing(connection.execution_options(yield_per=2000).execute(query)) as streamed:
        for row in streamed:
            chain = chains.get(row[0])
            if chain is None:
                chain = chains[row[0]] = Chain(0, START, [])
            block = _next(chain, row)
            if block is not None:
                found[row[0], (chain.seq - 1) // BLOCK] = block
            head = expected.get((row[0], chain.seq))
            if head is not None:
                _check_head(head, chain)
    for place, block in found.items():
        if blocks.get(place) != block:
            raise broken("audit.altered", place[0], (place[1] + 1) * BLOCK)
    return chains


def _next(chain: Chain, row: Row[*tuple[Any, ...]]) -> bytes | None:
    """Check one stored row (the hashed columns, then its hash) as the next of its chain."""
    if row[1] != chain.seq + 1:
        raise broken("audit.missing", row[0], chain.seq + 1)
    digest = _link(chain.hash, row[:-1])
    if digest != row[-1]:
        raise broken("audit.altered", row[0], chain.seq + 1)
    return chain.add(digest)


def _check_head(head: Head, chain: Chain) -> None:
    if head.hash != chain.hash or head.root != root(chain.peaks):
        raise broken("audit.head", head.node, head.seq)


def _blocks(connection: Connection) -> dict[tuple[str, int], bytes]:
    return {(row.node, row.block): row.root for row in connection.execute(select(audit_blocks))}


def _started(start: Head, blocks: Mapping[tuple[str, int], bytes]) -> Chain:
    kept = [blocks.get((start.node, block), b"") for block in range(start.seq // BLOCK)]
    chain = Chain(start.seq, start.hash, peaks_of_blocks(kept))
    _check_head(start, chain)
    return chain


def read_head(token: str, keys: JwkSet, *, typ: str = HEAD_TYPE) -> Head:
    """What an authentic head says; HashMismatch ``audit.head`` for any other."""
    try:
        claims = verify_jws(token, keys, typ=typ)
        return Head(
            node=str(claims["node"]),
            seq=int(str(claims["seq"])),
            hash=bytes.fromhex(str(claims["hash"])),
            root=bytes.fromhex(str(claims["root"])),
        )
    except (EidError, ValueError, KeyError) as error:
        raise broken("audit.head", "", 0) from error


def read_heads(signed: Iterable[str], keys: JwkSet) -> dict[tuple[str, int], Head]:
    """What each authentic head says of its place; HashMismatch ``audit.head``."""
    heads: dict[tuple[str, int], Head] = {}
    for token in signed:
        head = read_head(token, keys)
        place = (head.node, head.seq)
        if heads.setdefault(place, head) != head:
            raise broken("audit.head", *place)
    return heads


def broken(code: str, node: str, seq: int) -> HashMismatch:
    """The error for a record that is not what was written."""
    return HashMismatch(
        "The record was changed after it was written.", code=code, node=node, seq=seq
    )

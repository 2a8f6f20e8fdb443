"""The form of the record's hash chain, and the check of one that was stored (contracts §8)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from contextlib import closing

from sqlalchemy import Connection, RowMapping, select

from eid.errors import EidError, HashMismatch
from eid.keys import JwkSet, canonical_json, verify_jws
from eid.oidc.ports import AuditEvent
from eid.store.schema import audit_rows

HEAD_TYPE = "eid-audit-head+jwt"
MAX_DETAIL = 2048
MAX_NAME = 128
START = bytes(32)
_FIELDS = ("node", "seq", "at", "kind", "account", "client", "interaction", "detail", "commitment")
_ABSENT = b"\xff\xff\xff\xff"


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


def chain_hash(previous: bytes, row: Mapping[str, object] | RowMapping) -> bytes:
    """SHA-256 over the hash before and each field with its length; None is not empty."""
    digest = hashlib.sha256(b"eid-audit-v1" + previous)
    for name in _FIELDS:
        value = row[name]
        if value is None:
            digest.update(_ABSENT)
        else:
            data = value if isinstance(value, bytes) else str(value).encode()
            digest.update(len(data).to_bytes(4) + data)
    return digest.digest()


def walk(
    connection: Connection, expected: Mapping[tuple[str, int], bytes]
) -> dict[str, tuple[int, bytes]]:
    """The end of each chain, after checking every link; HashMismatch at the first that breaks."""
    ends: dict[str, tuple[int, bytes]] = {}
    query = select(audit_rows).order_by(audit_rows.c.node, audit_rows.c.seq)
    with closing(connection.execution_options(yield_per=1000).execute(query)) as streamed:
        for row in streamed.mappings():
            node = row["node"]
            seq, previous = ends.get(node, (0, START))
            ends[node] = (seq + 1, _check(row, seq + 1, previous, expected))
    return ends


def _check(
    row: RowMapping, seq: int, previous: bytes, expected: Mapping[tuple[str, int], bytes]
) -> bytes:
    """The hash of the row, which must be the ``seq``-th of its node."""
    node = str(row["node"])
    if row["seq"] != seq:
        raise broken("audit.missing", node, seq)
    digest = chain_hash(previous, row)
    if not hmac.compare_digest(digest, row["hash"]):
        raise broken("audit.altered", node, seq)
    if expected.get((node, seq), digest) != digest:
        raise broken("audit.head", node, seq)
    return digest


def read_heads(signed: Iterable[str], keys: JwkSet) -> dict[tuple[str, int], bytes]:
    """The hash that each authentic head names for its place; HashMismatch ``audit.head``."""
    heads: dict[tuple[str, int], bytes] = {}
    for token in signed:
        try:
            claims = verify_jws(token, keys, typ=HEAD_TYPE)
            place = (str(claims["node"]), int(str(claims["seq"])))
            digest = bytes.fromhex(str(claims["hash"]))
        except (EidError, ValueError, KeyError) as error:
            raise broken("audit.head", "", 0) from error
        if heads.setdefault(place, digest) != digest:
            raise broken("audit.head", *place)
    return heads


def broken(code: str, node: str, seq: int) -> HashMismatch:
    """The error for a record that is not what was written."""
    return HashMismatch(
        "The record was changed after it was written.", code=code, node=node, seq=seq
    )

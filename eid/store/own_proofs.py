"""The person's own log with proof: each row under one signed head, checked by anyone (contracts §8).

A proof shows that a row is in the record as it was written. It cannot show that no other row was
left out of a list; the record's own verification can.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, select

from eid.errors import FormatError
from eid.keys import JSON, JwkSet, encode_base64url
from eid.store.audit import Audit
from eid.store.audit_chain import START
from eid.store.audit_reading import COLUMNS, InclusionProof, check_proof
from eid.store.database import Database
from eid.store.merkle import BLOCK, inclusion_path
from eid.store.schema import audit_blocks, audit_heads, audit_rows

MOST = 500


def prove_account(
    database: Database, audit: Audit, account_id: str, *, at: datetime, limit: int = MOST
) -> tuple[InclusionProof, ...]:
    """Proofs of the newest rows about an account, the newest first.

    This node's chain is signed now. Left out are rows of another node that no head covers yet,
    and the very first row after older ones were let go: the hash before it went with them.
    """
    audit.sign_head(at)
    mine = select(audit_rows.c.node, audit_rows.c.seq).where(audit_rows.c.account == account_id)
    newest = mine.order_by(audit_rows.c.at.desc(), audit_rows.c.node, audit_rows.c.seq.desc())
    with database.snapshot() as connection:
        places = [(row.node, row.seq) for row in connection.execute(newest.limit(limit))]
        trees = {node: _Tree(connection, node) for node in {node for node, _ in places}}
        proofs = (trees[node].prove(connection, seq) for node, seq in places)
        return tuple(proof for proof in proofs if proof is not None)


def check_proofs(document: JSON, keys: JwkSet) -> tuple[InclusionProof, ...]:
    """The proofs of an export (member ``proofs``), each checked against the audit's public key.

    FormatError ``audit.proof`` for a document without them, HashMismatch for one that does not
    hold, or when they are about several accounts.
    """
    listed = document.get("proofs") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > 10 * MOST:
        raise _none()
    proofs = []
    for one in listed:
        if not isinstance(one, dict):
            raise _none()
        proof = InclusionProof.from_json(dict(one))
        check_proof(proof, keys)
        proofs.append(proof)
    if len({str(proof.row["account"]) for proof in proofs}) > 1:
        raise _none()
    return tuple(proofs)


class _Tree:
    """What one node's proofs share: its newest head, its blocks, and the hashes met so far."""

    def __init__(self, connection: Connection, node: str) -> None:
        self._node = node
        head = select(audit_heads.c.seq, audit_heads.c.signed).where(audit_heads.c.node == node)
        found = connection.execute(head.order_by(audit_heads.c.seq.desc()).limit(1)).one_or_none()
        self._size: int = 0 if found is None else found.seq
        self._signed: str = "" if found is None else found.signed
        whole = select(audit_blocks.c.block, audit_blocks.c.root).where(
            audit_blocks.c.node == node, audit_blocks.c.block < self._size // BLOCK
        )
        self._blocks = {row.block: row.root for row in connection.execute(whole)}
        self._hashes: dict[int, bytes] = {}
        self._read(connection, self._size // BLOCK * BLOCK + 1, self._size)

    def prove(self, connection: Connection, seq: int) -> InclusionProof | None:
        if seq > self._size:
            return None
        first = (seq - 1) // BLOCK * BLOCK
        if first + 1 not in self._hashes or (first and first not in self._hashes):
            self._read(connection, first, min(first + BLOCK, self._size))
        before = self._hashes.get(seq - 1) if seq > 1 else START
        if before is None:
            return None
        this = and_(audit_rows.c.node == self._node, audit_rows.c.seq == seq)
        row = connection.execute(select(audit_rows).where(this)).mappings().one()
        shown = {name: row[name] for name in COLUMNS}
        commitment = shown["commitment"]
        shown["commitment"] = None if commitment is None else encode_base64url(commitment)
        path = inclusion_path(
            seq - 1, self._size, self._blocks, lambda index: self._hashes[index + 1]
        )
        return InclusionProof(row=shown, previous=before, path=path, head=self._signed)

    def _read(self, connection: Connection, first: int, last: int) -> None:
        chosen = and_(audit_rows.c.node == self._node, audit_rows.c.seq.between(first, last))
        rows = connection.execute(select(audit_rows.c.seq, audit_rows.c.hash).where(chosen))
        self._hashes.update({row.seq: bytes(row.hash) for row in rows})


def bundle(proofs: Sequence[InclusionProof]) -> list[JSON]:
    """Proofs for a file, as :func:`check_proofs` reads them."""
    return [proof.to_json() for proof in proofs]


def _none() -> FormatError:
    return FormatError("The file holds no proofs of one account.", code="audit.proof")

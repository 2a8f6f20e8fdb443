from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, update

from eid.errors import FormatError, HashMismatch
from eid.keys import JwkSet, SigningKey, load_or_create_signing_key
from eid.oidc.ports import AuditEvent
from eid.store import audit as audit_module
from eid.store.audit_reading import InclusionProof, affected, check_proof, export_rows, prove
from eid.store.merkle import BLOCK
from eid.store.schema import audit_blocks, audit_chains, audit_heads, audit_rows

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def event(number, **changes):
    given = {"kind": "code.issued", "at": AT + timedelta(seconds=number), "account": f"a{number}"}
    return AuditEvent(**{**given, **changes})


def fill(store, count, first=0):
    for start in range(first, first + count, 100):
        stop = min(start + 100, first + count)
        store.audit.record([event(n) for n in range(start, stop)])


@pytest.fixture
def keys(tmp_path):
    return JwkSet.of(load_or_create_signing_key(tmp_path, "audit"))


def proof(store, seq, node="node-1"):
    return prove(store.database, store.audit, node, seq, at=AT)


def test_one_row_is_proven_without_the_others(store, keys):
    fill(store, 600)
    for seq in (1, 2, 255, 256, 257, 300, 512, 513, 599, 600):
        shown = proof(store, seq)
        assert shown.row["seq"] == seq
        assert len(shown.path) <= 11
        check_proof(shown, keys)
        again = InclusionProof.from_json(json.loads(json.dumps(shown.to_json())))
        assert again == shown
        check_proof(again, keys)


def test_a_row_with_a_commitment(store, keys):
    store.audit.record([event(1, commitment=b"\x07" * 32, client="bank", detail={"a": "é"})])
    check_proof(proof(store, 1), keys)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"},
        {"seq": 4},
        {"seq": "3"},
        {"node": "node-2"},
        {"account": None},
        {"commitment": "AAAA"},
    ],
)
def test_altered_proofs_prove_nothing(sqlite_store, keys, change):
    store = sqlite_store
    fill(store, 10)
    shown = proof(store, 3)
    with pytest.raises(HashMismatch):
        check_proof(replace(shown, row={**shown.row, **change}), keys)
    for other in (
        replace(shown, previous=bytes(32)),
        replace(shown, path=shown.path[:-1]),
        replace(shown, path=()),
        replace(shown, head=proof(store, 3).head[:-4] + "AAAA"),
    ):
        with pytest.raises(HashMismatch):
            check_proof(other, keys)
    with pytest.raises(HashMismatch):
        check_proof(shown, JwkSet.of(SigningKey.generate("audit")))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"row": {}, "previous": "", "path": [], "head": ""},
        {"row": [], "previous": "", "path": [], "head": ""},
        {"row": {}, "previous": "", "path": 3, "head": ""},
    ],
)
def test_malformed_proofs(document):
    with pytest.raises(FormatError):
        InclusionProof.from_json(document)


def test_rows_that_are_not_there(store):
    fill(store, 3)
    for node, seq in (("node-1", 4), ("node-1", 0), ("node-9", 1)):
        with pytest.raises((FormatError, ValueError)):
            proof(store, seq, node)


def test_a_wrong_stored_block_shows(store):
    fill(store, 300)
    with store.database.write() as connection:
        connection.execute(update(audit_blocks).values(root=bytes(32)))
    with pytest.raises(HashMismatch) as caught:
        store.audit.verify()
    assert caught.value.code == "audit.altered"


def test_affected_by_a_window(store):
    store.audit.record(
        [
            event(0, account="x", client="bank"),
            event(10, account="x", client="shop"),
            event(10, account="x", client="bank"),
            event(11, account="y"),
            event(12, account=None),
            event(20, account="z"),
        ]
    )
    found = affected(store.database, AT + timedelta(seconds=10), AT + timedelta(seconds=20))
    assert [(one.account, one.rows, one.clients) for one in found] == [
        ("x", 2, ("bank", "shop")),
        ("y", 1, ()),
    ]
    assert affected(store.database, AT, AT) == ()


def test_export_of_rows(store):
    fill(store, 5)
    store.audit.record([event(6, commitment=b"\x01")])
    lines = [json.loads(line) for line in export_rows(store.database)]
    assert [line["seq"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert lines[5]["commitment"] == "AQ"
    assert lines[0]["hash"]


# -- retention: D-004, D-008 ---------------------------------------------------------------------

LATER = AT + timedelta(days=1)


def rows(store):
    with store.database.read() as connection:
        return connection.execute(select(func.count()).select_from(audit_rows)).scalar_one()


def test_d004_old_rows_go_in_whole_blocks_and_the_rest_verifies(store, keys):
    fill(store, 600)
    outside = store.audit.heads()
    proven = proof(store, 300)
    store.audit.record([event(0, at=LATER)])
    assert store.audit.let_go(before=AT, at=LATER) == 0
    assert store.audit.let_go(before=LATER, at=LATER) == 2 * BLOCK
    assert store.audit.let_go(before=LATER, at=LATER) == 0
    summary = store.audit.verify(heads=outside)
    assert summary.rows == {"node-1": 602}  # the numbers go on: no gap
    assert rows(store) == 602 - 2 * BLOCK
    check_proof(proven, keys)
    check_proof(proof(store, 600), keys)
    with pytest.raises(FormatError):
        proof(store, 300)
    with pytest.raises(FormatError):
        proof(store, 513)  # the hash before it has gone
    fill(store, 600, first=1000)
    store.audit.verify()


def test_d008_killed_half_way_the_next_run_goes_on(store, monkeypatch):
    fill(store, 1100)
    store.audit.record([event(0, at=LATER)])
    assert store.audit.let_go(before=LATER, at=LATER, blocks=1) == BLOCK
    monkeypatch.setattr(
        audit_module.Audit, "append", lambda *_: (_ for _ in ()).throw(ZeroDivisionError)
    )
    with pytest.raises(ZeroDivisionError):
        store.audit.let_go(before=LATER, at=LATER)
    monkeypatch.undo()
    assert store.audit.verify().rows == {"node-1": 1102}
    assert store.audit.let_go(before=LATER, at=LATER) == 3 * BLOCK
    store.audit.verify()


def test_a_start_that_nobody_signed_is_a_cut(store, keys, tmp_path):
    fill(store, 600)
    with store.database.write() as connection:
        connection.execute(delete(audit_rows).where(audit_rows.c.seq <= BLOCK))
    with pytest.raises(HashMismatch) as caught:
        store.audit.verify()
    assert caught.value.code == "audit.missing"
    with store.database.read() as connection:
        head = connection.execute(select(audit_heads.c.signed)).scalars().first()
    for forged in (head, "garbage"):
        with store.database.write() as connection:
            connection.execute(update(audit_chains).values(start=forged))
        with pytest.raises(HashMismatch) as caught:
            store.audit.verify()
        assert caught.value.code == "audit.head"


def test_letting_go_of_an_empty_record(store):
    assert store.audit.let_go(before=LATER, at=LATER) == 0

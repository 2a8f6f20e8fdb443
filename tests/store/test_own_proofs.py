"""One's own log with proof: checked without the database, and without anybody else's rows."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta

import pytest

from eid.errors import FormatError, VerificationError
from eid.keys import JwkSet, SigningKey, load_or_create_signing_key
from eid.oidc.ports import AuditEvent
from eid.store.own_proofs import bundle, check_proofs, prove_account

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path):
    return JwkSet.of(load_or_create_signing_key(tmp_path, "audit"))


@pytest.fixture
def filled(store):
    """Rows of two people in turn, over two blocks and a tail."""
    events = [
        AuditEvent(kind="login.refused", at=AT + timedelta(seconds=n), account="ab"[n % 2])
        for n in range(600)
    ]
    for start in range(0, 600, 150):
        store.audit.record(events[start : start + 150])
    return store


def prove(store, account="a", **changes):
    return prove_account(store.database, store.audit, account, at=AT, **changes)


def test_every_row_of_ones_own_and_no_other(filled, keys):
    proofs = prove(filled)
    assert [proof.row["seq"] for proof in proofs] == list(range(599, 0, -2))
    document = json.loads(json.dumps({"proofs": bundle(proofs), "log": []}))
    assert check_proofs(document, keys) == proofs
    assert all(proof.row["account"] == "a" for proof in proofs)
    assert len({proof.head for proof in proofs}) == 1


def test_the_newest_and_not_without_end(filled, keys):
    assert [proof.row["seq"] for proof in prove(filled, limit=3)] == [599, 597, 595]
    assert prove(filled, "nobody") == ()
    assert check_proofs({"proofs": []}, keys) == ()


def test_an_altered_row_or_a_strangers_key_shows(filled, keys, tmp_path):
    document = {"proofs": bundle(prove(filled, limit=5))}
    for change in (
        lambda row: row["row"].update(kind="login.password_checked"),
        lambda row: row["row"].update(at=1),
        lambda row: row["row"].update(seq=row["row"]["seq"] - 2),
        lambda row: row["path"].reverse(),
    ):
        changed = copy.deepcopy(document)
        change(changed["proofs"][2])
        with pytest.raises(VerificationError):
            check_proofs(changed, keys)
    with pytest.raises(VerificationError):
        check_proofs(document, JwkSet.of(SigningKey.generate("audit")))


def test_files_that_prove_nothing(filled, keys):
    mixed = bundle(prove(filled, limit=1)) + bundle(prove(filled, "b", limit=1))
    for document in ({}, [], None, {"proofs": {}}, {"proofs": ["x"]}, {"proofs": mixed}):
        with pytest.raises(FormatError) as caught:
            check_proofs(document, keys)
        assert caught.value.code == "audit.proof"


def test_after_old_rows_went_the_rest_is_still_proven(filled, keys):
    filled.audit.let_go(before=AT + timedelta(seconds=300), at=AT + timedelta(seconds=700))
    proofs = prove(filled)
    assert min(proof.row["seq"] for proof in proofs) > 256
    assert len(check_proofs({"proofs": bundle(proofs)}, keys)) == len(proofs)

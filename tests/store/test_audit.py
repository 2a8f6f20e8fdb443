import hashlib
import multiprocessing
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from eid.errors import HashMismatch
from eid.keys import JwkSet, SigningKey, load_or_create_signing_key, sign_jwt
from eid.oidc.ports import AuditEvent
from eid.store import Audit, open_store
from eid.store.audit import HEAD_EVERY
from eid.store.audit_chain import HEAD_TYPE
from eid.store.merkle import push
from eid.store.schema import audit_chains, audit_heads, audit_rows

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def event(number=0, **changes):
    given = {"kind": "code.issued", "at": AT + timedelta(seconds=number), "account": f"a{number}"}
    return AuditEvent(**{**given, **changes})


@pytest.fixture
def filled(store):
    store.audit.record([event(n) for n in range(10)])
    return store


def change(store, statement):
    with store.database.write() as connection:
        connection.execute(statement)


def broken(store, **options):
    with pytest.raises(HashMismatch) as caught:
        store.audit.verify(**options)
    return caught.value.code, caught.value.facts["seq"]


def at(seq):
    return audit_rows.c.seq == seq


def test_untouched(filled):
    assert filled.audit.verify().rows == {"node-1": 10}
    filled.audit.record([event(11)])
    filled.audit.record([])
    assert filled.audit.verify().rows == {"node-1": 11}


def test_empty_record(store):
    summary = store.audit.verify()
    assert (summary.rows, summary.heads) == ({}, 0)
    assert store.audit.sign_head(AT) is None


@pytest.mark.parametrize(
    "values",
    [
        {"at": 1},
        {"kind": "code.used"},
        {"account": "evil"},
        {"account": None},
        {"client": ""},
        {"interaction": "i"},
        {"detail": '{"a":"b"}'},
        {"commitment": b""},
        {"hash": bytes(32)},
    ],
)
def test_altered_row(filled, values):
    change(filled, update(audit_rows).where(at(5)).values(values))
    assert broken(filled) == ("audit.altered", 5)


def test_fields_do_not_run_into_each_other(filled):
    filled.audit.record([event(kind="ab", account="c")])
    change(filled, update(audit_rows).where(at(11)).values(kind="a", account="bc"))
    assert broken(filled) == ("audit.altered", 11)


@pytest.mark.parametrize("seq", [1, 5])
def test_removed_row(filled, seq):
    change(filled, delete(audit_rows).where(at(seq)))
    assert broken(filled) == ("audit.missing", seq)


def test_removed_row_with_the_rest_renumbered(filled):
    change(filled, delete(audit_rows).where(at(5)))
    for seq in range(6, 11):
        change(filled, update(audit_rows).where(at(seq)).values(seq=seq - 1))
    assert broken(filled) == ("audit.altered", 5)


def test_swapped_rows(filled):
    for old, new in ((5, 50), (6, 5), (50, 6)):
        change(filled, update(audit_rows).where(at(old)).values(seq=new))
    assert broken(filled) == ("audit.altered", 5)


def copy_of(store, original, values):
    with store.database.read() as connection:
        row = dict(connection.execute(select(audit_rows).where(at(original))).mappings().one())
    return insert(audit_rows).values({**row, **values})


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"seq": 11}, ("audit.altered", 11)),
        ({"seq": 0}, ("audit.missing", 1)),
        ({"seq": 12}, ("audit.missing", 11)),
        ({"node": "node-9"}, ("audit.missing", 1)),
        ({"node": "node-9", "seq": 1}, ("audit.altered", 1)),
    ],
)
def test_inserted_row(filled, values, found):
    change(filled, copy_of(filled, 10, values))
    assert broken(filled) == found


def cut(store, seq, *, tidy=True):
    """Cut everything after ``seq``, as someone with the whole database would."""
    change(store, delete(audit_rows).where(audit_rows.c.seq > seq))
    if tidy:
        with store.database.read() as connection:
            query = select(audit_rows.c.hash).order_by(audit_rows.c.seq)
            hashes = connection.execute(query).scalars().all()
        peaks = []
        for size, digest in enumerate(hashes):
            push(peaks, size, digest)
        values = {"seq": seq, "hash": hashes[-1], "peaks": b"".join(peaks)}
        change(store, update(audit_chains).values(values))


def test_cut_tail(filled):
    cut(filled, 8, tidy=False)
    assert broken(filled) == ("audit.tail", 8)


def test_cut_tail_with_the_chain_row_corrected_shows_by_a_head(filled):
    outside = filled.audit.sign_head(AT)
    cut(filled, 8)
    assert broken(filled) == ("audit.missing", 10)
    change(filled, delete(audit_heads))
    assert filled.audit.verify().rows == {"node-1": 8}
    assert broken(filled, heads=[outside]) == ("audit.missing", 10)


def test_rewritten_chain_shows_by_a_head(filled, tmp_path):
    """Whoever can write everything can forge a chain, but not the head kept elsewhere."""
    outside = filled.audit.sign_head(AT)
    for table in (audit_rows, audit_chains, audit_heads):
        change(filled, delete(table))
    filled.audit.record([event(n, kind="harmless") for n in range(10)])
    assert filled.audit.verify().rows == {"node-1": 10}
    assert broken(filled, heads=[outside]) == ("audit.head", 10)


def test_lost_chain_row(filled):
    change(filled, delete(audit_chains))
    assert broken(filled) == ("audit.tail", 10)


def test_lost_rows_altogether(filled):
    change(filled, delete(audit_rows))
    assert broken(filled) == ("audit.tail", 0)


def test_heads_are_signed_now_and_then_and_exported(store):
    store.audit.record([event(n) for n in range(HEAD_EVERY - 1)])
    assert store.audit.heads() == ()
    store.audit.record([event()])
    (head,) = store.audit.heads()
    assert store.audit.sign_head(AT) == head
    store.audit.record([event()])
    newer = store.audit.sign_head(AT)
    assert store.audit.heads() == (head, newer)
    assert store.audit.verify(heads=store.audit.heads()).heads == 2


def test_heads_of_others_are_refused(filled, tmp_path):
    other = SigningKey.generate("audit")
    claims = {"node": "node-1", "seq": 3, "hash": "00" * 32, "root": "00" * 32, "iat": 0}
    key = load_or_create_signing_key(tmp_path, "audit")
    for head in (
        sign_jwt(claims, other, typ=HEAD_TYPE),
        sign_jwt(claims, key, typ="JWT"),
        sign_jwt(claims, key, typ=HEAD_TYPE),
        sign_jwt({**claims, "seq": "x"}, key, typ=HEAD_TYPE),
        sign_jwt({**claims, "hash": "x"}, key, typ=HEAD_TYPE),
        sign_jwt({"node": "node-1"}, key, typ=HEAD_TYPE),
        "garbage",
    ):
        assert broken(filled, heads=[head])[0] == "audit.head"
    good = filled.audit.sign_head(AT)
    forked = sign_jwt({**claims, "seq": 10}, key, typ=HEAD_TYPE)
    assert broken(filled, heads=[good, forked])[0] == "audit.head"
    public = JwkSet.from_jwks({"keys": [key.public_jwk()]})
    assert filled.audit.verify(heads=[good], keys=public).heads == 1


@pytest.mark.parametrize(
    "name", ["x" * 129, "a\nb", "a\x00b", "\x1b[2J", "\u202ebank", "\ud800", "bánk"]
)
def test_o075_names_from_outside_are_hashed_when_not_plain(store, name):
    store.audit.record([event(client=name, interaction=name, detail={"why": name})])
    (row,) = store.audit.of_account("a0")
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
    assert row.event.client == row.event.interaction == f"sha256:{digest}"
    assert store.audit.verify().rows == {"node-1": 1}


def test_count(filled):
    assert filled.audit.count("code.issued") == 10
    assert filled.audit.count("other") == 0


def test_own_log_is_newest_first_and_only_ones_own(store):
    extra = {"client": "bank", "interaction": "i1", "detail": {"b": "2", "a": "é"}}
    mine = event(1, account="me", commitment=b"\x01" * 32, **extra)
    store.audit.record([mine, event(2, account="you"), event(3, account="me")])
    rows = store.audit.of_account("me")
    assert [row.seq for row in rows] == [3, 1]
    assert rows[1].event == mine
    assert store.audit.of_account("me", limit=1) == rows[:1]


@pytest.mark.parametrize("node", ["", "A", "-a", "a b", "x" * 65])
def test_node_names(sqlite_store, node):
    with pytest.raises(ValueError, match="node"):
        Audit(sqlite_store.database, node=node, key=SigningKey.generate("audit"))


def test_long_detail_is_a_bug(store):
    with pytest.raises(ValueError, match="short"):
        store.audit.record([event(), event(detail={"a": "b" * 3000})])
    assert store.audit.verify().rows == {}


def _append(url, folder, node, count):
    store = open_store(url, folder, node=node, insecure_fast_hash=True)
    for _ in range(count):
        store.audit.record([event(), event()])
    store.close()


def test_processes_of_one_node_and_of_two_keep_their_chains(store, url, tmp_path):
    context = multiprocessing.get_context("fork")
    nodes = ["node-1", "node-1", "node-2", "node-2"]
    processes = [context.Process(target=_append, args=(url, tmp_path, node, 10)) for node in nodes]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert store.audit.verify().rows == {"node-1": 40, "node-2": 40}


def test_threads_share_a_store(store):
    def work():
        for _ in range(10):
            store.audit.record([event()])

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.audit.verify().rows == {"node-1": 60}


def test_f008_child_of_a_fork_uses_its_own_connections(store):
    store.audit.record([event()])
    child = os.fork()
    if child == 0:
        try:
            store.audit.record([event(1)])
            store.audit.verify()
        except BaseException:  # noqa: BLE001 - the child must not return into pytest
            os._exit(1)
        os._exit(0)
    store.audit.record([event(2)])
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.audit.verify().rows == {"node-1": 3}

"""The driver's own connections: what goes in comes out, broken ones are replaced, none is leaked."""

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy
from sqlalchemy.exc import IntegrityError

from eid.errors import Unavailable
from eid.oidc.ports import AuditEvent, Grant
from eid.store.direct import MAX_LINES
from eid.store.grants import _PUT
from eid.store.prepared import Prepared

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def grant(number=0, **changes):
    given = {
        "kind": "code",
        "key": number.to_bytes(32),
        "payload": {"name": "TRẦN THỊ THỬ", "n": -1},
        "expires_at": AT + timedelta(seconds=60),
    }
    return Grant(**{**given, **changes})


def write(store, number, then=lambda: None):
    """One grant in a transaction of its own; then something that may fail."""
    with store.database.transaction() as work:
        _PUT.run(work, store.grants._row(grant(number)))
        then()


@pytest.mark.parametrize("family", [None, "", "x" * 64, "gia đình"])
def test_values_come_back_as_they_went(store, family):
    given = grant(family=family)
    store.grants.put(given)
    assert store.grants.get("code", given.key, at=AT) == given
    used = store.grants.consume("code", given.key, at=AT)
    assert (used.used_at, used.family) == (AT, family)
    assert store.grants.was_used("code", given.key).payload == given.payload


def test_times_before_1970_and_far_ahead(store):
    late = datetime(9999, 1, 1, tzinfo=UTC)
    store.grants.put(grant(expires_at=late))
    early = datetime(1901, 1, 1, tzinfo=UTC)
    assert store.grants.get("code", grant().key, at=early).expires_at == late


def test_a_broken_constraint_rolls_back_and_the_connection_goes_on(store):
    store.grants.put(grant())
    for _ in range(3):
        with pytest.raises(Unavailable) as caught:
            store.grants.put(grant(1), grant(), events=[AuditEvent(kind="x", at=AT)])
        assert caught.value.code == "grant.exists"
    assert store.grants.get("code", grant(1).key, at=AT) is None
    with pytest.raises(IntegrityError):
        write(store, 0)
    assert store.audit.verify().rows == {}


def test_an_error_of_the_caller_rolls_back_and_leaks_nothing(store):
    """O-074."""
    for number in range(3 * MAX_LINES):
        with pytest.raises(ZeroDivisionError):
            write(store, number, then=lambda: 1 / 0)
    assert store.grants.get("code", grant().key, at=AT) is None
    store.grants.put(grant())


def test_a_transaction_that_cannot_be_committed_is_not_called_done(store):
    """PostgreSQL answers COMMIT with ROLLBACK, and no error, once a statement has failed."""
    store.grants.put(grant())

    def fail_quietly(work):
        with suppress(Exception):
            assert _PUT.run(work, store.grants._row(grant())).rowcount == 1

    try:
        with store.database.transaction() as work:
            _PUT.run(work, store.grants._row(grant(1)))
            fail_quietly(work)
    except Unavailable:
        done = False
    else:
        done = True
    assert (store.grants.get("code", grant(1).key, at=AT) is not None) is done
    store.grants.put(grant(2))


def test_a_text_does_not_end_at_a_nul(store):
    """libpq's texts do: one value would find, or become, another."""
    store.grants.put(grant(family="one"))
    found, kept = (), None
    with suppress(Unavailable):
        found = store.grants.family("code", "one\0two", at=AT)
    with suppress(Unavailable):
        store.grants.put(grant(1, family="one\0two"))
        kept = store.grants.get("code", grant(1).key, at=AT)
    assert found == ()
    assert kept is None or kept.family == "one\0two"
    assert len(store.grants.family("code", "one", at=AT)) == 1


def test_a_prepared_name_stands_for_one_statement(postgresql_url, tmp_path):
    """Connections that prepared in another order, as behind a pooler, agree on the names."""
    from eid.store import open_store  # noqa: PLC0415 - only where there is a server

    store = open_store(postgresql_url, tmp_path, insecure_fast_hash=True)
    named = "SELECT name, statement FROM pg_prepared_statements"
    texts = {}
    with store.database.transaction() as one, store.database.transaction() as other:
        for work, order in ((one, (1, 2)), (other, (2, 1))):
            for kind in order:
                work.cursor.execute(f"SELECT $1::bigint + {kind}", (1,))
            work.cursor.execute(f"SELECT name::text, statement FROM ({named}) AS known")
            for name, text in work.cursor.fetchall():
                assert texts.setdefault(name, text) == text
    assert {f"SELECT $1::bigint + {kind}" for kind in (1, 2)} < set(texts.values())
    store.close()


def test_more_threads_than_connections_all_have_their_turn(store):
    store.grants.put(*map(grant, range(2 * MAX_LINES)))
    gate, found = threading.Barrier(2 * MAX_LINES), []

    def work(number):
        gate.wait(60)
        found.append(store.grants.consume("code", grant(number).key, at=AT) is not None)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2 * MAX_LINES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * (2 * MAX_LINES)


def test_connections_that_the_server_ended_are_replaced(postgresql_url, tmp_path):
    """As after a restart of PostgreSQL: the next read and the next write just work."""
    from eid.store import open_store  # noqa: PLC0415 - only where there is a server

    store = open_store(postgresql_url, tmp_path, insecure_fast_hash=True)
    engine = sqlalchemy.create_engine(postgresql_url.replace("postgresql:", "postgresql+psycopg:"))

    others = "pid <> pg_backend_pid() AND datname = current_database()"

    def end_all():
        with engine.connect() as connection:
            query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"
            connection.exec_driver_sql(query)
            connection.rollback()
            count = f"SELECT count(*) FROM pg_stat_activity WHERE {others}"
            while connection.exec_driver_sql(count).scalar():
                connection.rollback()  # or it would see the same for ever
                time.sleep(0.01)

    store.grants.put(grant())
    end_all()
    assert store.grants.get("code", grant().key, at=AT) is not None
    end_all()
    store.grants.put(grant(1))
    with pytest.raises(Unavailable):
        write(store, 2, then=end_all)
    assert store.grants.get("code", grant(1).key, at=AT) is not None
    assert store.grants.get("code", grant(2).key, at=AT) is None
    engine.dispose()
    store.close()


def test_a_slow_statement_is_not_tried_twice(postgresql_url, tmp_path):
    """O-066: the connection lives, so the wait is one timeout, not two."""
    from eid.store import open_store  # noqa: PLC0415 - only where there is a server

    store = open_store(postgresql_url, tmp_path, insecure_fast_hash=True)
    store.grants.put(grant())
    ran = []

    class Slow(Prepared):
        def run(self, place, values):
            ran.append(1)
            return super().run(place, values)

    slow = Slow(sqlalchemy.select(sqlalchemy.func.pg_sleep(sqlalchemy.bindparam("seconds"))))
    with store.database.transaction() as work:
        work.cursor.execute("SET statement_timeout = 50")
    with pytest.raises(Unavailable):
        store.database.rows(slow, {"seconds": 30})
    assert ran == [1]
    assert store.grants.get("code", grant().key, at=AT) is not None
    store.close()

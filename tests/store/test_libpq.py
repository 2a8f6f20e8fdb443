"""Statements that travel together: errors come out, nothing half is kept, nothing runs twice."""

import re
import select
import signal
import tempfile
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy
from sqlalchemy.exc import IntegrityError

from eid.errors import Unavailable
from eid.oidc.ports import AuditEvent, Grant
from eid.store import libpq, open_store
from eid.store.grants import _CONSUME, _GET, _PUT, _this
from eid.store.prepared import Prepared

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
DIVIDE = "SELECT 1 / $1::bigint"
ECHO = "SELECT $1::text"
SLEEP = "SELECT 1 FROM pg_sleep($1::bigint)"


def grant(number=0, **changes):
    given = {
        "kind": "code",
        "key": number.to_bytes(32),
        "payload": {"n": number},
        "expires_at": AT + timedelta(seconds=60),
    }
    return Grant(**{**given, **changes})


@pytest.fixture
def store(postgresql_url, tmp_path):
    opened = open_store(postgresql_url, tmp_path, insecure_fast_hash=True)
    yield opened
    opened.close()


@pytest.fixture
def aside(postgresql_url):
    """What is asked beside the store, each in a transaction of its own."""
    url = postgresql_url.replace("postgresql:", "postgresql+psycopg:")
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")

    def ask(statement):
        with engine.connect() as connection:
            found = connection.exec_driver_sql(statement)
            return found.scalars().all() if found.returns_rows else None

    yield ask
    engine.dispose()


@pytest.fixture(params=["poll", "select"])
def waits(request, monkeypatch):
    """Both ways of waiting: Windows has no ``poll``."""
    if request.param == "select":
        monkeypatch.setattr(libpq, "select", SimpleNamespace(select=select.select))


def put(store, work, number):
    _PUT.run(work, store.grants._row(grant(number)))


def stored(store, *numbers):
    return [n for n in numbers if store.grants.get("code", grant(n).key, at=AT) is not None]


def run(store, *steps):
    """A transaction: numbers are grants to store, pairs are statements with values."""
    with store.database.transaction() as work:
        for step in steps:
            if isinstance(step, int):
                put(store, work, step)
            elif isinstance(step, tuple):
                work.cursor.execute(*step)
            else:
                step(work)


def give_up(_work):
    raise ZeroDivisionError


def backend(work):
    """The server's process behind the transaction; with it everything so far is sent."""
    work.cursor.execute("SELECT pg_backend_pid()")
    return work.cursor.fetchone()[0]


@contextmanager
def trips(work):
    """How often the connection waits for the server, as libpq itself writes it down."""
    found = []
    with tempfile.TemporaryFile("w+") as log:
        server = work.cursor._server
        server.trace(log.fileno())
        try:
            yield found
        finally:
            server.untrace()
        log.seek(0)
        found.extend(re.findall(r"^.*\bF\t\d+\tSync$", log.read(), re.MULTILINE))


@pytest.mark.parametrize("read", [False, True])
def test_what_nobody_reads_costs_no_round_trip(store, read):
    store.grants.put(grant(1), grant(2), events=[AuditEvent(kind="x", at=AT)])
    with store.database.transaction() as work:
        put(store, work, 3)
        with trips(work) as waited:
            assert backend(work) > 0
            assert _CONSUME.run(work, _this("code", grant(1).key, AT)).fetchone() is not None
            for number in range(4, 10):
                put(store, work, number)
                if read:
                    assert work.cursor.rowcount == 1
            store.audit.append(work, [AuditEvent(kind=kind, at=AT) for kind in "yz"])
            work.cursor.execute("SELECT 1 + $1::bigint", (1,))
            assert work.cursor.fetchone() == [2]
    assert len(waited) == (10 if read else 4)
    assert stored(store, *range(1, 10)) == list(range(2, 10))
    assert store.audit.verify().rows == {"node-1": 3}


def test_answers_belong_to_their_statements(store):
    with store.database.transaction() as work:
        for text in ("one", "two"):
            work.cursor.execute(ECHO, (text,))
        assert work.cursor.fetchone() == ["two"]
        assert work.cursor.fetchone() is None
        work.cursor.executemany(ECHO, [("three",), ("four",), ("five",)])
        assert (work.cursor.rowcount, work.cursor.fetchall()) == (1, [["five"]])
        put(store, work, 1)
        assert (work.cursor.rowcount, list(work.cursor.fetchall())) == (1, [])
        assert _CONSUME.run(work, _this("code", grant(2).key, AT)).rowcount == 0


def test_an_error_of_a_statement_that_waited_undoes_all(store):
    """Also where the next statement has its answer read, and where it is COMMIT."""
    for last in (lambda work: None, backend):
        with pytest.raises(Unavailable) as caught:
            run(store, 1, (DIVIDE, (0,)), 2, last)
        assert caught.value.code == "database"
        assert stored(store, 1, 2) == []
    store.grants.put(grant(1), grant(2))
    assert stored(store, 1, 2) == [1, 2]


@pytest.mark.parametrize("first", [DIVIDE, "INSERT INTO grants (kind) SELECT $1::text"])
def test_the_first_error_is_the_one_that_is_told(store, first):
    """What follows it in the same trip is skipped, and says so."""
    wanted = Unavailable if first == DIVIDE else IntegrityError
    store.grants.put(grant(1))
    with pytest.raises(wanted):
        run(store, (first, (0,)), 1, (DIVIDE, (0,)))


def test_a_broken_constraint_is_named_by_whoever_issues(store):
    store.grants.put(grant(1), grant(2))
    for act in (
        lambda: store.grants.put(grant(3), grant(1)),
        lambda: store.grants.put(grant(3), grant(1), events=[AuditEvent(kind="x", at=AT)]),
        lambda: store.grants.consume("code", grant(2).key, at=AT, issue=[grant(3), grant(1)]),
        lambda: store.grants.issue_beside("code", grant(2).key, at=AT, issue=[grant(3), grant(1)]),
    ):
        with pytest.raises(Unavailable) as caught:
            act()
        assert caught.value.code == "grant.exists"
        assert stored(store, 1, 2, 3) == [1, 2]
    assert store.audit.verify().rows == {}
    assert store.grants.consume("code", grant(2).key, at=AT) is not None


def test_after_an_error_nothing_runs_though_it_was_swallowed(store):
    def swallow(work):
        with suppress(Exception):
            work.cursor.fetchall()
        with suppress(Exception):
            put(store, work, 2)
        assert (work.cursor.fetchone(), work.cursor.rowcount) == (None, -1)

    with pytest.raises(Unavailable):
        run(store, backend, 1, (DIVIDE, (0,)), swallow)
    assert stored(store, 1, 2) == []


def test_a_transaction_that_could_not_begin_runs_nothing(store):
    """Or each statement would be one of its own; as where a pooler forgets what was prepared."""

    def swallow(work):
        for number in (1, 2):
            with suppress(Exception):
                put(store, work, number)
                assert work.cursor.rowcount == 1

    with store.database.transaction() as work:
        assert backend(work) > 0
    work.cursor.execute("DEALLOCATE ALL")
    with pytest.raises(Unavailable):
        run(store, swallow)
    assert stored(store, 1, 2) == []


def test_what_was_given_up_before_it_was_sent_never_arrives(store):
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            run(store, 1, give_up)
        with pytest.raises(ZeroDivisionError):
            run(store, 1, backend, 2, give_up)
    run(store, 3)
    assert stored(store, 1, 2, 3) == [3]


def test_what_the_server_skipped_is_prepared_when_it_is_next_met(store):
    """On one connection: preparing is skipped after an error too, and outlives a rollback."""
    pids = []

    def remember(work):
        pids.append(backend(work))

    run(store, 1, remember)
    with pytest.raises(IntegrityError):
        run(store, (ECHO, ("before",)), 1, (DIVIDE, (1,)), (DIVIDE, (1,)))
    with pytest.raises(IntegrityError):
        run(store, 1, remember)
    for _ in range(2):
        run(store, (ECHO, ("after",)), (DIVIDE, (1,)), remember)
    assert pids == [pids[0]] * 3


def test_a_statement_that_cannot_be_prepared_fails_each_time(store):
    for _ in range(2):
        with pytest.raises(Unavailable):
            run(store, 1, ("SELECT $1::text FROM nothing_like_it", ("",)))
    assert stored(store, 1) == []


@pytest.mark.parametrize("when", range(4))
def test_a_connection_that_ends_at_any_trip_leaves_nothing(store, aside, when):
    store.grants.put(grant(1))
    pids = []

    def remember(work):
        pids.append(backend(work))

    def consume(work):
        assert _CONSUME.run(work, _this("code", grant(1).key, AT)).fetchone() is not None

    def record(work):
        store.audit.append(work, [AuditEvent(kind="x", at=AT)])

    def end(_work):
        assert aside(f"SELECT pg_terminate_backend({pids[0]}, 10000)") == [True]

    trips = [consume, 2, record]
    with pytest.raises(Unavailable):
        run(store, remember, *trips[:when], end, *trips[when:])
    assert stored(store, 1, 2) == [1]
    assert store.audit.verify().rows == {}
    store.grants.put(grant(2), events=[AuditEvent(kind="y", at=AT)])
    assert stored(store, 1, 2) == [1, 2]


def test_a_commit_without_an_answer_is_tried_once(store, aside):
    """The server ends while it commits: what became of it is not known, so nobody tries again."""
    aside("CREATE SEQUENCE tries")
    aside(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM nextval('tries'); PERFORM pg_terminate_backend(pg_backend_pid()); "
        "PERFORM pg_sleep(3); RETURN NULL; END $$"
    )
    aside(
        "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON grants "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die()"
    )
    assert store.grants.get("code", grant(1).key, at=AT) is None  # a connection that was used
    with pytest.raises(Unavailable) as caught:
        store.grants.put(grant(1))
    assert caught.value.code == "database"
    assert aside("SELECT last_value FROM tries WHERE is_called") == [1]
    aside("DROP TRIGGER at_commit ON grants")
    store.grants.put(grant(1))


def test_a_rule_that_is_checked_with_commit_is_told(store, aside):
    """COMMIT's own error, after all its statements went well."""
    aside("ALTER TABLE grants ADD CONSTRAINT apart UNIQUE (family) DEFERRABLE INITIALLY DEFERRED")
    with pytest.raises(Unavailable) as caught:
        store.grants.put(grant(1, family="f"), grant(2, family="f"))
    assert caught.value.code == "grant.exists"
    assert stored(store, 1, 2) == []
    store.grants.put(grant(1, family="f"))


@pytest.mark.parametrize(("rested", "state"), [(-1, "idle in transaction"), (60, "idle")])
def test_after_a_rest_a_transaction_begins_with_a_trip_of_its_own(
    store, aside, monkeypatch, rested, state
):
    """A line that was cut says nothing: better it shows before anything else was asked."""
    with store.database.transaction() as work:
        pid = backend(work)
    monkeypatch.setattr(libpq, "_RESTED_S", rested)
    with store.database.transaction() as work:
        put(store, work, 1)
        assert aside(f"SELECT state FROM pg_stat_activity WHERE pid = {pid}") == [state]
    assert stored(store, 1) == [1]


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("rested", [-1, 60])
def test_a_connection_that_ended_while_idle_is_replaced_before_anything_ran(
    store, aside, monkeypatch, rested
):
    monkeypatch.setattr(libpq, "_RESTED_S", rested)
    for number in range(3):
        with store.database.transaction() as work:
            pid = backend(work)
        assert aside(f"SELECT pg_terminate_backend({pid}, 10000)") == [True]
        store.grants.put(grant(number))
    assert stored(store, 0, 1, 2) == [0, 1, 2]


@pytest.mark.usefixtures("waits")
def test_much_in_both_directions_does_not_lock_up(store):
    """More than all buffers hold: neither side waits for the other to read."""
    text = "x" * 400_000
    with store.database.transaction() as work:
        for _ in range(libpq._MOST_WAITING - 5):
            work.cursor.execute(ECHO, (text,))
        assert work.cursor.fetchone() == [text]
        rows = [store.grants._row(grant(n, payload={"x": text})) for n in range(40)]
        _PUT.run_many(work, rows)
        for _ in range(libpq._MOST_WAITING + 5):
            work.cursor.execute(ECHO, (text,))
    assert len(stored(store, *range(40))) == 40


def test_what_waits_is_bounded(store):
    with store.database.transaction() as work:
        assert backend(work) > 0
        with trips(work) as waited:
            work.cursor.executemany(ECHO, [("x",)] * 2 * libpq._MOST_WAITING)
    assert len(waited) == 2


def test_who_waits_for_a_lock_does_not_halt_the_other_threads(store):
    """Nor the one that holds it: then both would wait until the server gives one of them up."""
    store.grants.put(grant(1))
    held, won = threading.Event(), []

    def consume():
        held.wait(10)
        won.append(store.grants.consume("code", grant(1).key, at=AT))

    waiter = threading.Thread(target=consume)
    waiter.start()
    waiting = Prepared(
        sqlalchemy.text(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid() "
            "AND CAST(:one AS bigint) = 1"
        )
    )
    with store.database.transaction() as work:
        assert _CONSUME.run(work, _this("code", grant(1).key, AT)).fetchone() is not None
        held.set()
        while store.database.row(waiting, {"one": 1}) == [0]:
            pass
    waiter.join()
    assert won == [None]


def test_a_wait_that_was_broken_off_drops_the_connection(store, aside):
    """Its answer is still to come, and would be taken for another's."""

    class Stop(BaseException):
        pass

    def stop(_number, _frame):
        raise Stop

    pids = []

    def remember(work):
        pids.append(backend(work))

    with pytest.raises(ZeroDivisionError):
        run(store, (SLEEP, (0,)), backend, give_up)
    before = signal.signal(signal.SIGUSR1, stop)
    main = threading.main_thread().ident
    timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGUSR1))
    try:
        with pytest.raises(Stop):
            run(
                store,
                remember,
                lambda _work: timer.start(),
                (SLEEP, (3,)),
                lambda work: work.cursor.fetchall(),
            )
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
    run(store, remember)
    assert pids[0] != pids[1]
    aside(f"SELECT pg_terminate_backend({pids[0]}, 10000)")
    assert stored(store, 1) == []


def test_a_slow_statement_ends_within_its_time(store):
    with pytest.raises(Unavailable):
        run(store, ("SET LOCAL statement_timeout = 50",), 1, (SLEEP, (30,)), 2)
    assert stored(store, 1, 2) == []


def test_reads_outside_a_transaction_run_at_once(store):
    with store.database.transaction() as work:
        put(store, work, 1)
    cursor = work.cursor
    cursor.execute(ECHO, ("read",))
    assert cursor.fetchone() == ["read"]
    with pytest.raises(TypeError):
        cursor.execute(ECHO, {"text": "by name"})
    assert store.database.row(_GET, _this("code", grant(1).key, AT)) is not None

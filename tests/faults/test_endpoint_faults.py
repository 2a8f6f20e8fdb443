"""A database that fails at any statement of any endpoint (row O-066).

The driver's cursor raises its own error before the statement, or after it, as when the answer to
a COMMIT is lost. Whatever happens, the caller gets 503 with Retry-After, nothing that is recorded
is without its row of the record and no row of the record without its reason, and the same request
is served when the database is back.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter

import pytest

from eid.oidc.routes import routes

from .acts import ENDPOINTS, IDLE, KEEP, close, log_out

MOST = 120
SQL = {
    "code": "SELECT count(*) FROM grants WHERE kind = 'code'",
    "access": "SELECT count(*) FROM grants WHERE kind = 'access'",
    "par": "SELECT count(*) FROM grants WHERE kind = 'par'",
    "card_request": "SELECT count(*) FROM grants WHERE kind = 'card_request'",
    "handle": "SELECT count(*) FROM grants WHERE kind = 'handle'",
    "enrolment": "SELECT count(*) FROM grants WHERE kind = 'enrolment'",
    "accounts": "SELECT count(*) FROM accounts",
    "closed": "SELECT count(*) FROM accounts WHERE state = 'closed'",
    "factors": "SELECT count(*) FROM factors",
    "removed": "SELECT count(*) FROM factors WHERE removed_at IS NOT NULL",
    "consents": "SELECT count(*) FROM consents",
    "withdrawn": "SELECT count(*) FROM consents WHERE withdrawn_at IS NOT NULL",
    "cases": "SELECT count(*) FROM cases",
    "decided": "SELECT count(*) FROM cases WHERE decided_at IS NOT NULL",
    "kiosks": "SELECT count(*) FROM kiosks",
    "batches": "SELECT count(*) FROM kiosk_batches",
    "visits": "SELECT count(*) FROM visits",
}
COUNTED = "SELECT kind, count(*) FROM audit_rows GROUP BY kind"
RECORDED = {
    "code": ("code.issued",),
    "access": ("token.issued", "token.refreshed", "token.refreshed_again"),
    "par": ("authorize.pushed",),
    "card_request": ("card.requested",),
    "handle": ("card.received",),
    "enrolment": ("kiosk.invited",),
    "accounts": ("account.added", "account.signed_up"),
    "closed": ("account.closed",),
    "factors": ("factor.enrolled",),
    "removed": ("factor.removed", "factor.lost"),
    "consents": ("consent.given",),
    "withdrawn": ("consent.withdrawn",),
    "cases": ("case.opened",),
    "decided": ("case.decided",),
    "kiosks": ("kiosk.enrolled",),
    "batches": ("kiosk.batch",),
    "visits": ("visit.received",),
}


def drift(database) -> dict[str, int]:
    """What is there more than its rows of the record say; no request may change that."""
    with database.snapshot() as connection:  # a killed process's COMMIT may still be under way
        reference = "encode(key, 'hex')" if _is_postgresql(connection) else "lower(hex(key))"
        told = "SELECT interaction FROM audit_rows WHERE interaction IS NOT NULL"
        untold = connection.exec_driver_sql(
            "SELECT count(*) FROM grants WHERE kind = 'interaction' "
            f"AND substr({reference}, 1, 16) NOT IN ({told})"
        ).scalar()
        assert untold == 0
        there = {name: connection.exec_driver_sql(sql).scalar() for name, sql in SQL.items()}
        kinds = Counter(dict(connection.exec_driver_sql(COUNTED).all()))
    return {name: there[name] - sum(kinds[kind] for kind in RECORDED[name]) for name in SQL}


def _is_postgresql(connection) -> bool:
    return connection.dialect.name == "postgresql"


def is_program(name: str) -> bool:
    """Whether a program is answered: with JSON, and no page."""
    path = name.split()[1].rstrip(",")
    programs = ("/token", "/par", "/revoke", "/introspect", "/userinfo", "/card/evidence")
    return path in programs or path.startswith("/kiosk/")


@pytest.mark.parametrize("name", ENDPOINTS)
def test_o066_the_database_fails_before_any_statement(home, database, plan, name):
    act, before = None, {}
    for number in range(1, MOST):
        if act is None:
            act, before = _begin(home, database, name)
        plan.arm(number)
        answer = act.send()
        struck, changed = plan.struck, plan.commits > 0
        plan.arm(None)
        assert drift(database) == before
        assert act.holds(), number
        if not struck:
            assert answer.status in {200, 201, 303} or answer.code == "login.refused"
            assert number > 1
            break
        _is_unavailable(name, answer)
        if changed:  # else it is as if it had never been sent
            _back_again(database, act, before)
            act = None
    else:
        pytest.fail("an endpoint needs fewer statements")
    method, path = name.split(",")[0].split()
    assert any(key[:2] == (path, method) for key in home.traffic.metrics.requests)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_o066_the_answer_to_a_commit_is_lost(home, database, plan, name):
    for number in range(1, MOST):
        act, before = _begin(home, database, name)
        plan.arm(number, lost=True)
        answer = act.send()
        struck = plan.struck
        plan.arm(None)
        assert drift(database) == before
        assert act.holds(), number
        if not struck:
            break
        _is_unavailable(name, answer)
        _back_again(database, act, before)


def _begin(home, database, name):
    home.wait(1000)  # what throttles, and what counts a code's time, begins anew
    act = ENDPOINTS[name](home)
    return act, drift(database)


def _back_again(database, act, before) -> None:
    """The database is back: the same request is served, or told that it was served before."""
    assert act.send().status < 500
    assert drift(database) == before
    assert act.holds()


def _is_unavailable(name, answer) -> None:
    assert (answer.status, answer.headers.get("retry-after")) == (503, "5"), answer.text
    if is_program(name):
        assert answer.json()["error"] == "temporarily_unavailable"
    else:
        assert answer.code == "database"


def test_every_route_is_in_the_table(home, plan):
    """A new route is added to the table, or shown to ask the database nothing."""
    served = set()
    for route in routes(home.provider):
        if not route.static:
            served |= {f"{method} {route.path}" for method in route.handlers}
    faulted = {name.split(",")[0] for name in ENDPOINTS}
    preflights = {name for name in served if name.startswith("OPTIONS ")}
    assert served - preflights == faulted | set(IDLE)
    for name in [*IDLE, *preflights]:
        method, path = name.split()
        plan.arm(1)
        assert home.browser().send(method, path).status < 500
        assert not plan.seen, name
        plan.arm(None)


def test_a_code_survives_a_database_that_was_down(home, plan):
    """The service tries again and gets its tokens, once."""
    made = home.code()
    plan.arm(1)
    assert home.redeem(made).status == 503
    plan.arm(None)
    assert home.redeem(made).status == 200
    assert home.redeem(made).status == 400


CONTEXT = multiprocessing.get_context("fork")


def _logins(home, done) -> None:
    while True:
        home.redeem(home.code(**KEEP), auth="keeper")
        done.send_bytes(b".")


@pytest.mark.parametrize("wait", [0.0, 0.002, 0.005, 0.011])
def test_a_process_killed_at_any_moment(home, database, wait):
    """Between any two statements: what was committed is whole, and the next process goes on."""
    before = drift(database)
    seen, done = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_logins, args=(home, done))
    process.start()
    for _ in range(2):
        assert seen.poll(120)
        seen.recv_bytes()
    time.sleep(wait)
    process.kill()
    process.join()
    assert drift(database) == before
    assert home.redeem(home.code()).status == 200
    assert drift(database) == before
    home.store.audit.verify()


def _sent(send, begun) -> None:
    begun.send_bytes(b".")
    send()


@pytest.mark.parametrize("wait", [0.001, 0.003, 0.006, 0.01])
@pytest.mark.parametrize("make", [log_out, close])
def test_what_ends_is_never_half_ended(home, database, make, wait):
    """A process that is killed while a session or an account ends leaves no token behind it."""
    act, before = make(home), drift(database)
    seen, begun = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_sent, args=(act.send, begun))
    process.start()
    assert seen.poll(120)
    time.sleep(wait)
    process.kill()
    process.join()
    assert drift(database) == before
    assert act.holds()
    assert act.send().status < 500
    assert act.holds()

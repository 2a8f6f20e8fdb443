"""A database that fails at any statement of any endpoint (row O-066).

The driver's cursor raises its own error before the statement, or after it, as when the answer to
a COMMIT is lost. Whatever happens, the caller gets 503 with Retry-After, no token is without its
row of the record and no row of the record without its token, and the next request is served.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest


@dataclass
class Plan:
    """From which statement on the driver fails; with ``lost`` the first is carried out before."""

    error: type[Exception]
    at: int | None = None
    lost: bool = False
    seen: list[str] = field(default_factory=list)

    def arm(self, at: int | None, *, lost: bool = False) -> None:
        self.at, self.lost = at, lost
        self.seen.clear()

    def run(self, statement: str, work) -> object:
        self.seen.append(statement)
        number = len(self.seen)
        if self.at is not None and number >= self.at + self.lost:
            raise self.error("the server is away")
        done = work()
        if number == self.at:
            raise self.error("the server went away")
        return done

    @property
    def struck(self) -> bool:
        return self.at is not None and len(self.seen) >= self.at


class FaultyCursor:
    """A driver's cursor that obeys a plan."""

    def __init__(self, real, plan: Plan) -> None:
        self._real, self._plan = real, plan

    def execute(self, statement, *parameters):
        return self._plan.run(statement, lambda: self._real.execute(statement, *parameters))

    def executemany(self, statement, parameters):
        return self._plan.run(statement, lambda: self._real.executemany(statement, parameters))

    def __getattr__(self, name):
        return getattr(self._real, name)


@pytest.fixture
def plan(database, monkeypatch):
    direct = database._direct
    new = direct._new

    def faulty():
        line = new()
        line.work.cursor = FaultyCursor(line.work.cursor, made)
        return line

    made = Plan(error=direct._dialect.loaded_dbapi.OperationalError)
    direct.close()
    monkeypatch.setattr(direct, "_new", faulty)
    return made


def authorize(world):
    """A request that is too long for a cookie: any other is stored by the login's first step."""
    return lambda: world.authorize(state="s" * 1000)


def login_page(world):
    browser = world.browser()
    here = world.begin(browser)
    return lambda: browser.get(here)


def password(world):
    browser = world.browser()
    here = world.begin(browser)
    csrf = browser.get(here).field("csrf")
    form = {"csrf": csrf, "username": "thu", "password": kit(world).PASSWORD}
    return lambda: browser.post(f"{here}/password", form)


def wrong_password(world):
    browser = world.browser()
    here = world.begin(browser)
    csrf = browser.get(here).field("csrf")
    form = {"csrf": csrf, "username": "thu", "password": "not the right one"}
    return lambda: browser.post(f"{here}/password", form)


def kit(world):
    """The module that the world comes from: it is loaded by its place."""
    return sys.modules[type(world).__module__]


def basic(world):
    return kit(world).basic("portal", kit(world).SECRET)


def cancel(world):
    browser = world.browser()
    here = world.begin(browser)
    csrf = browser.get(here).field("csrf")
    return lambda: browser.post(f"{here}/cancel", {"csrf": csrf})


def consent_page(world):
    browser = world.browser()
    here = world.begin(browser)
    world.password(browser, here)
    return lambda: browser.get(f"{here}/consent")


def consent(world):
    browser = world.browser()
    here = world.begin(browser)
    world.password(browser, here)
    csrf = browser.get(f"{here}/consent").field("csrf")
    return lambda: browser.post(f"{here}/consent", {"csrf": csrf})


def code(world):
    made = world.code(client_id="keeper", scope="openid profile")
    return lambda: world.redeem(made, auth="keeper")


def refresh(world):
    made = world.code(client_id="keeper", scope="openid profile")
    body = world.redeem(made, auth="keeper").json()
    return lambda: world.refresh(body["refresh_token"])


def userinfo(world):
    access = world.redeem(world.code()).json()["access_token"]
    return lambda: world.userinfo(access)


def introspect(world):
    access = world.redeem(world.code()).json()["access_token"]
    return lambda: world.call("/introspect", {"token": access}, Authorization=basic(world))


def revoke(world):
    access = world.redeem(world.code()).json()["access_token"]
    return lambda: world.call("/revoke", {"token": access}, Authorization=basic(world))


def push(world):
    return world.push


ENDPOINTS = {
    "authorize": authorize,
    "login page": login_page,
    "password": password,
    "wrong password": wrong_password,
    "cancel": cancel,
    "consent page": consent_page,
    "consent": consent,
    "code": code,
    "refresh": refresh,
    "userinfo": userinfo,
    "introspection": introspect,
    "revocation": revoke,
    "push": push,
}
PROGRAMS = {"code", "refresh", "userinfo", "introspection", "revocation", "push"}
MOST = 40


def in_step(database, audit) -> None:
    """Every token, code and login has its row of the record, and the other way round."""
    with database.snapshot() as connection:  # a killed process's COMMIT may still be under way
        rows = connection.exec_driver_sql("SELECT kind FROM grants").all()
        events = connection.exec_driver_sql("SELECT kind FROM audit_rows").all()
    grants, kinds = Counter(row[0] for row in rows), Counter(row[0] for row in events)
    stored = ("interaction.begun", "interaction.ended", "login.password")
    assert grants["interaction"] == sum(kinds[kind] for kind in stored)
    assert grants["code"] == kinds["code.issued"]
    assert grants["access"] == kinds["token.issued"] + kinds["token.refreshed"]
    assert grants["par"] == kinds["authorize.pushed"]
    assert kinds["login.password_checked"] == kinds["login.password"]
    assert kinds["login.refused"] == kinds["login.password_refused"]
    audit.verify()


@pytest.mark.parametrize("name", ENDPOINTS)
def test_o066_the_database_fails_before_any_statement(world, database, audit, plan, name):
    for number in range(1, MOST):
        world.wait(1000)
        act = ENDPOINTS[name](world)
        plan.arm(number)
        answer = act()
        struck = plan.struck
        plan.arm(None)
        in_step(database, audit)
        if not struck:
            assert answer.status in {200, 201, 303} or answer.code == "login.refused"
            return
        _is_unavailable(name, answer)
    pytest.fail("an endpoint needs fewer statements")


@pytest.mark.parametrize("name", ENDPOINTS)
def test_o066_the_answer_to_a_commit_is_lost(world, database, audit, plan, name):
    ENDPOINTS[name](world)()  # the record's first row takes statements of its own
    act = ENDPOINTS[name](world)
    plan.arm(None)
    act()
    commits = [place for place, text in enumerate(plan.seen, 1) if text == "COMMIT"]
    for number in commits:
        world.wait(1000)
        act = ENDPOINTS[name](world)
        plan.arm(number, lost=True)
        answer = act()
        plan.arm(None)
        in_step(database, audit)
        _is_unavailable(name, answer)


def _is_unavailable(name, answer) -> None:
    assert (answer.status, answer.headers["retry-after"]) == (503, "5"), answer.text
    if name in PROGRAMS:
        assert answer.json()["error"] == "temporarily_unavailable"
    else:
        assert answer.code == "database"


def test_a_code_survives_a_database_that_was_down(world, plan):
    """The service tries again and gets its tokens, once."""
    made = world.code()
    plan.arm(1)
    assert world.redeem(made).status == 503
    plan.arm(None)
    assert world.redeem(made).status == 200
    assert world.redeem(made).status == 400


CONTEXT = multiprocessing.get_context("fork")


def _logins(world, done) -> None:
    while True:
        world.redeem(world.code(client_id="keeper", scope="openid profile"), auth="keeper")
        done.send_bytes(b".")


@pytest.mark.parametrize("wait", [0.0, 0.002, 0.005, 0.011])
def test_a_process_killed_at_any_moment(world, database, audit, wait):
    """Between any two statements: what was committed is whole, and the next process goes on."""
    seen, done = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_logins, args=(world, done))
    process.start()
    for _ in range(2):
        assert seen.poll(120)
        seen.recv_bytes()
    time.sleep(wait)
    process.kill()
    process.join()
    in_step(database, audit)
    assert world.redeem(world.code()).status == 200
    in_step(database, audit)

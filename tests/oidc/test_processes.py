"""Races over two processes, on SQLite and PostgreSQL (rows O-001, O-036, O-068).

Each round sends the same code, then the same refresh token, from eight threads in each of two
processes at once. `make test` runs a few rounds; EID_RACE_ROUNDS asks for more.
"""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import os
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy

from eid.keys import Envelope, SigningKey
from eid.levels.account import Account
from eid.store.audit import Audit
from eid.store.database import Database
from eid.store.grants import Grants

ROUNDS = int(os.environ.get("EID_RACE_ROUNDS", "6"))
PROCESSES, THREADS = 2, 8
CONTEXT = multiprocessing.get_context("fork")


@pytest.fixture(scope="module")
def postgresql():
    place = Path(__file__).parents[1] / "store" / "postgresql.py"
    spec = importlib.util.spec_from_file_location("eid_race_pg", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def raced(request, tmp_path, world):
    """The world over a database of one kind, with its accounts in it."""
    url = f"sqlite:///{tmp_path / 'eid.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
        if url is None:
            pytest.skip("no PostgreSQL server can be started here")
        _empty(url)
    kit = sys.modules[type(world).__module__]
    database = Database.open(url, insecure_fast_commit=True)
    database.migrate()
    audit = Audit(database, node="race", key=SigningKey.generate("audit"))
    keys = kit.AccountKeys(lookup=b"l" * 32, pairwise=b"p" * 32, envelope=b"e" * 32)
    grants = Grants(database, audit, Envelope(b"g" * 32))
    accounts = kit.StoreAccounts(database, audit, grants, keys, insecure_fast_hash=True)
    accounts.create(
        Account(
            id="account-thu",
            username="thu",
            created_at=world.now,
            state="active",
            level=2,
            holder_match="officer",
            source="chip_local",
            profile=kit.profile_of(kit.PEOPLE["thu"]),
        ),
        password=kit.PASSWORD,
    )
    for name, port in (("grants", grants), ("accounts", accounts)):
        object.__setattr__(world.provider, name, port)
    yield world
    audit.verify()
    database.close()


def _empty(url):
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()


def race(world, send, values):
    """For each value, the answers of all threads of all processes, as (status, body)."""
    gate = CONTEXT.Barrier(PROCESSES * THREADS)
    queue = CONTEXT.Queue()

    def work(process: int) -> None:
        def one() -> None:
            found = []
            for value in values:
                gate.wait(60)
                answer = send(world, value)
                found.append((answer.status, answer.text))
            queue.put(json.dumps(found))

        threads = [threading.Thread(target=one) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    workers = [CONTEXT.Process(target=work, args=(n,)) for n in range(PROCESSES)]
    for worker in workers:
        worker.start()
    seen = [json.loads(queue.get(timeout=120)) for _ in range(PROCESSES * THREADS)]
    for worker in workers:
        worker.join()
    return [[one[n] for one in seen] for n in range(len(values))]


def test_a_code_has_one_winner_whose_tokens_die(raced):
    codes = [raced.code() for _ in range(ROUNDS)]
    for answers in race(raced, lambda world, code: world.redeem(code), codes):
        won = [json.loads(text) for status, text in answers if status == 200]
        assert len(won) == 1
        lost = {json.loads(text)["error"] for status, text in answers if status != 200}
        assert lost == {"invalid_grant"}
        assert raced.userinfo(won[0]["access_token"]).status == 401


def test_a_refresh_token_has_one_successor(raced):
    tokens = []
    for _ in range(ROUNDS):
        body = raced.redeem(raced.code(client_id="keeper"), auth="keeper").json()
        tokens.append(body["refresh_token"])
    for answers in race(raced, lambda world, token: world.refresh(token), tokens):
        won = [json.loads(text) for status, text in answers if status == 200]
        assert won
        assert len({body["refresh_token"] for body in won}) == 1
        assert len({body["access_token"] for body in won}) == len(won)
        assert raced.refresh(won[0]["refresh_token"]).status == 200


def test_a_late_replay_kills_everything(raced):
    tokens = []
    for _ in range(ROUNDS):
        body = raced.redeem(raced.code(client_id="keeper"), auth="keeper").json()
        tokens.append(body["refresh_token"])
    first = [raced.refresh(token).json() for token in tokens]
    raced.wait(11)
    for answers in race(raced, lambda world, token: world.refresh(token), tokens):
        assert {status for status, _ in answers} == {400}
    for body in first:
        assert raced.userinfo(body["access_token"]).status == 401
        assert raced.refresh(body["refresh_token"]).status == 400


def test_a_beginning_is_stored_once(raced):
    """The same cookie of a login that is stored nowhere, from many tabs at once."""
    begun = []
    for _ in range(ROUNDS):
        browser = raced.browser()
        here = raced.begin(browser)
        begun.append((here, browser.get(here).field("csrf"), browser.cookies))

    def enter(world, one):
        here, csrf, cookies = one
        tab = world.browser()
        tab.cookies = dict(cookies)
        form = {"csrf": csrf, "username": "thu", "password": "a long enough password"}
        return tab.post(f"{here}/password", form)

    for answers in race(raced, enter, begun):
        assert [status for status, _ in answers].count(303) == 1
        assert {status for status, _ in answers} <= {303, 403, 409, 429}

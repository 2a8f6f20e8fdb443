"""The provider's kit of tests/oidc, over real databases whose driver can be made to fail.

One world for each database and module: whoever breaks something in it for others makes his own.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import sqlalchemy
from falcon import testing

from eid.oidc.endpoint import Traffic
from eid.oidc.web import create_app
from eid.store import prepared

_TESTS = Path(__file__).parents[1]


def _load(name, place):
    spec = importlib.util.spec_from_file_location(name, place)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


kit = _load("eid_faults_kit", _TESTS / "oidc" / "conftest.py")
images = kit.images
evidence_of = kit.evidence_of
provider_keys = kit.provider_keys
trust = kit.trust
clients = kit.clients


@pytest.fixture(scope="session")
def postgresql():
    with _load("eid_faults_pg", _TESTS / "store" / "postgresql.py").server() as url:
        yield url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def home(request, tmp_path_factory, provider_keys, clients, trust, evidence_of):
    """The whole provider, every answer counted in ``traffic``; its services take logout tokens."""
    folder = tmp_path_factory.mktemp("faults")
    url = f"sqlite:///{folder / 'eid.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
        if url is None:
            pytest.skip("no PostgreSQL server can be started here")
        engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        engine.dispose()
    judge = kit.judge_with(trust)
    with kit.open_home(url, folder, provider_keys, clients, judge, evidence_of) as made:
        made.provider = replace(made.provider, notify=frozenset, kiosks=made.store.kiosks)
        made.traffic = Traffic()
        made.client = testing.TestClient(create_app(made.provider, made.traffic))
        yield made
        made.store.audit.verify()


@pytest.fixture
def database(home):
    return home.store.database


@dataclass
class Plan:
    """From which statement on the driver fails; with ``lost`` after which COMMIT, which is done."""

    error: type[Exception]
    at: int | None = None
    lost: bool = False
    seen: list[str] = field(default_factory=list)
    commits: int = 0

    def arm(self, at: int | None, *, lost: bool = False) -> None:
        self.at, self.lost, self.commits = at, lost, 0
        self.seen.clear()

    def run(self, statement: str, work) -> object:
        if self.struck and self.lost:
            raise self.error("the server is away")
        self.seen.append(statement)
        if self.struck:
            raise self.error("the server is away")
        done = work()
        self.commits += statement == "COMMIT"
        if self.struck:
            raise self.error("the server went away")
        return done

    @property
    def struck(self) -> bool:
        return self.at is not None and (self.commits if self.lost else len(self.seen)) >= self.at


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
    """The plan that every statement of this process obeys, by whichever way it reaches the driver."""
    made = Plan(error=database._direct._dialect.loaded_dbapi.OperationalError)
    _fail_own_lines(database._direct, made, monkeypatch)
    engine = database._engines().base
    commit, cursor_of = engine.dialect.do_commit, prepared._cursor

    def execute(cursor, statement, parameters, _context):
        made.run(statement, lambda: cursor.execute(statement, parameters))
        return True

    def execute_many(cursor, statement, parameters, _context):
        made.run(statement, lambda: cursor.executemany(statement, parameters))
        return True

    def cursor(place):
        found = cursor_of(place)
        return found if isinstance(place, prepared.Work) else FaultyCursor(found, made)

    monkeypatch.setattr(
        engine.dialect, "do_commit", lambda line: made.run("COMMIT", lambda: commit(line))
    )
    monkeypatch.setattr(prepared, "_cursor", cursor)
    hooks = (("do_execute", execute), ("do_executemany", execute_many))
    for name, hook in hooks:
        sqlalchemy.event.listen(engine, name, hook)
    yield made
    for name, hook in hooks:
        sqlalchemy.event.remove(engine, name, hook)
    database._direct.close()


def _fail_own_lines(direct, plan, monkeypatch) -> None:
    new = direct._new

    def faulty():
        line = new()
        line.work.cursor = FaultyCursor(line.work.cursor, plan)
        return line

    direct.close()
    monkeypatch.setattr(direct, "_new", faulty)

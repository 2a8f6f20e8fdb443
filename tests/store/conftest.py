from __future__ import annotations

import importlib.util
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy

from eid.levels.account import Account, Profile
from eid.store import new_account_id, open_store

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _server():
    spec = importlib.util.spec_from_file_location("pg", Path(__file__).with_name("postgresql.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.server()


@pytest.fixture(scope="session")
def postgresql():
    """The URL of a private server, or None."""
    with _server() as url:
        yield url


@pytest.fixture
def postgresql_url(postgresql):
    """The server's database, emptied."""
    if postgresql is None:
        pytest.skip("no PostgreSQL server can be started here")
    engine = sqlalchemy.create_engine(postgresql.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    return postgresql


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path / 'eid.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request):
    """One database URL of each kind."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture
def store(url, tmp_path):
    opened = open_store(url, tmp_path, insecure_fast_hash=True, insecure_fast_commit=True)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(sqlite_url, tmp_path):
    opened = open_store(sqlite_url, tmp_path, insecure_fast_hash=True)
    yield opened
    opened.close()


@pytest.fixture
def person():
    """A maker of accounts of fictional people."""

    def make(username="thu", number="001190000001", **changes):
        profile = Profile(
            name="TRẦN THỊ THỬ",
            birth_date="1990-05-17",
            personal_number=number,
            address="1 Phố Thử, Hà Nội",
        )
        given = {"id": new_account_id(), "username": username, "created_at": AT}
        return Account(**{**given, "profile": profile if number else None, **changes})

    return make

"""The provider's kit of tests/oidc, over real databases whose driver can be made to fail."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import sqlalchemy

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
world = kit.world
browser = kit.browser


@pytest.fixture(scope="module")
def postgresql():
    with _load("eid_faults_pg", _TESTS / "store" / "postgresql.py").server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    url = f"sqlite:///{tmp_path / 'eid.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
        if url is None:
            pytest.skip("no PostgreSQL server can be started here")
        engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        engine.dispose()
    opened = kit.Database.open(url, insecure_fast_commit=True)
    opened.migrate()
    yield opened
    opened.close()


@pytest.fixture
def audit(database):
    return kit.Audit(database, node="test", key=kit.SigningKey.generate("audit"))


@pytest.fixture
def store(database, audit):
    keys = kit.AccountKeys(lookup=b"l" * 32, pairwise=b"p" * 32, envelope=b"e" * 32)
    grants = kit.StoredGrants(database, audit, kit.Envelope(b"g" * 32))
    accounts = kit.StoreAccounts(database, audit, grants, keys, insecure_fast_hash=True)
    return kit.Stores(grants=grants, accounts=accounts, events=list)

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, select

from eid.store import Database, versions
from eid.store.schema import accounts, factors, meta


def test_the_revisions_are_those_of_the_migrations() -> None:
    config = Config()
    config.set_main_option("script_location", "eid.store:migrations")
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    found = [row.revision for row in script.walk_revisions()]
    assert tuple(reversed(found)) == versions.REVISIONS


def test_a_schema_in_place_is_opened_without_alembic(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from eid.store import open_store;"
        f"open_store('sqlite:///{tmp_path}/eid.db', Path('{tmp_path}')).close();"
        "print('alembic' in sys.modules)"
    )
    seen = [
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.strip()
        for _ in range(2)
    ]
    assert seen == ["True", "False"]


KILLED = """
import os, signal, sys
from alembic import op
from eid.store import Database
made, create = [], op.create_table
def create_and_die(*arguments, **options):
    create(*arguments, **options)
    made.append(arguments[0])
    if len(made) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
op.create_table = create_and_die
Database.open(sys.argv[1]).migrate()
"""


def _upgrade_to(database: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "eid.store:migrations")
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    with database.write() as connection:
        config.attributes["connection"] = connection
        context = EnvironmentContext(
            config, script, fn=lambda now, _context: script._upgrade_revs(revision, now)
        )
        with context:
            script.run_env()


def test_factors_of_before_are_not_suspended(url: str) -> None:
    database = Database.open(url)
    _upgrade_to(database, "0002")
    person = {"id": "a", "username": "a", "state": "active", "level": 1, "holder_match": "none"}
    person |= {"source": "manual", "roles": "", "created_at": 1, "version": 1}
    factor = {"id": "f", "account": "a", "method": "totp", "counter": 0, "created_at": 1}
    with database.write() as connection:
        connection.execute(insert(accounts), person)
        connection.execute(insert(factors), factor)
    database.migrate()
    database.check()
    with database.read() as connection:
        kept = connection.execute(select(factors.c.id, factors.c.suspended_at)).all()
    assert [tuple(row) for row in kept] == [("f", None)]
    database.close()


@pytest.mark.parametrize("begun", [None, "0001"])
def test_f004_an_upgrade_killed_half_way_is_done_again(url: str, begun: str | None) -> None:
    """Nothing of it is there after kill -9 in its middle; the next one finds what was before."""
    database = Database.open(url)
    row = {"name": "kept", "value": b"before"}
    if begun is not None:
        _upgrade_to(database, begun)
        with database.write() as connection:
            connection.execute(insert(meta), row)
    killed = subprocess.run([sys.executable, "-c", KILLED, url], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with database.read() as connection:
        assert versions.current(connection) == begun
    database.migrate()
    database.check()
    with database.read() as connection:
        kept = (
            connection.execute(select(meta.c.value).where(meta.c.name == "kept")).scalars().all()
        )
    assert kept == ([] if begun is None else [b"before"])
    database.close()

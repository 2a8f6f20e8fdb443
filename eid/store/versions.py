"""The schema's version: read with one statement, changed by Alembic, which is loaded only then.

Alembic costs a quarter of a second to import; a worker that finds its schema in place, and every
question for readiness, goes without it.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from eid.errors import SettingsError

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
"""Every revision in ``migrations/versions``, oldest first (a test holds the two together)."""


def current(connection: Connection) -> str | None:
    """The database's revision, None if it has no tables yet; SettingsError if it is unknown."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    if found is not None and found not in REVISIONS:
        raise SettingsError(
            "The database's schema is newer than this version.",
            code="database.schema",
            key="database",
            expected="the version of the software that wrote it",
        )
    return found


def upgrade(connection: Connection) -> None:
    """Bring the schema to the newest revision within the caller's transaction."""
    if current(connection) == REVISIONS[-1]:
        return
    from alembic.config import Config  # noqa: PLC0415 - see the module's docstring
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "eid.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    script = ScriptDirectory.from_config(config)
    environment = EnvironmentContext(
        config,
        script,
        fn=lambda revision, _context: script._upgrade_revs("head", revision),  # noqa: SLF001 - as alembic.command does
    )
    with environment:
        script.run_env()

"""Alembic's environment: migrates on the connection and in the transaction that it is given."""

from __future__ import annotations

from alembic import context

from eid.store.schema import metadata


def migrate() -> None:
    """Run the migrations that the caller chose."""
    connection = context.config.attributes["connection"]
    context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
    context.run_migrations()


if __name__ == "env_py":  # the name under which Alembic loads this file
    migrate()

"""Schema migrations, run by Alembic from inside the installed package."""

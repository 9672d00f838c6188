"""Alembic runs this file to migrate over the connection that `history/sql.py` hands it."""

from alembic import context


def migrate() -> None:
    """Brings the schema up to date, within the transaction of the connection."""
    context.configure(**context.config.attributes["configure"])
    context.run_migrations()


# Alembic names it after the file; whoever merely imports it (pytest, a documentation tool) migrates nothing.
if __name__ == "env_py":
    migrate()

"""The tables of a history in a database: one schema, whichever database it is."""

from typing import Any, Final

import sqlalchemy as sa

from foretune.data.records import FAILED, RUNNING

REVISION: Final = "0001"  # the newest step in migrations/versions
VERSION_TABLE: Final = "foretune_version"  # not Alembic's own name, under which Optuna keeps its version
ESCAPE: Final = "\U000f0000"  # a private character, which stands before what PostgreSQL cannot hold


class Shielded(sa.types.TypeDecorator[str]):
    """Text with any characters in PostgreSQL, which refuses NUL: it is spelled by two others."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        """The text as it is stored."""
        return shielded(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:
        """The text that was meant."""
        return unshielded(value)


def shielded(text: Any) -> Any:
    """The text without NUL: the inverse of `unshielded`. What is no text stays itself."""
    if isinstance(text, str) and ("\0" in text or ESCAPE in text):
        return text.replace(ESCAPE, f"{ESCAPE}1").replace("\0", f"{ESCAPE}0")
    return text


def unshielded(text: Any) -> Any:
    """The text that `shielded` was given."""
    if isinstance(text, str) and ESCAPE in text:
        return text.replace(f"{ESCAPE}0", "\0").replace(f"{ESCAPE}1", ESCAPE)
    return text


ANY_TEXT: Final = sa.Text().with_variant(Shielded(), "postgresql")
LARGE: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite's integers have 64 bits anyway

SCHEMA: Final = sa.MetaData()
TASK: Final = sa.Table(
    "task",
    SCHEMA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("name", ANY_TEXT, nullable=False),
    sa.Column("family", ANY_TEXT, nullable=False),
    sa.Column("metric", ANY_TEXT, nullable=False),
    sa.Column("dataset", ANY_TEXT),
    sa.Column("group", ANY_TEXT),
    sa.Column("space", sa.Text),
    sa.Column("metafeatures", sa.Text, nullable=False),
    sa.Column("provenance", sa.Text, nullable=False),
)
TRIAL: Final = sa.Table(
    "trial",
    SCHEMA,
    sa.Column("id", LARGE, primary_key=True),
    sa.Column("task_id", sa.Integer, sa.ForeignKey("task.id"), nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("config", sa.Text, nullable=False),
    sa.Column("loss", sa.Float),
    sa.Column("seconds", sa.Float),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("scores", sa.Text, nullable=False),
    sa.Column("costs", sa.Text, nullable=False),
    sa.Column("noise", sa.Float),
    sa.Column("fidelity", sa.Float),
    sa.Column("curve", sa.Text, nullable=False),
    sa.Column("seed", LARGE),
    sa.Column("repeat", LARGE, nullable=False),
    sa.Column("weight", sa.Float, nullable=False),
    sa.Column("reason", ANY_TEXT, nullable=False),
    sa.UniqueConstraint("task_id", "key"),
)

WRITTEN: Final = tuple(column.name for column in TRIAL.c if column.name != "id")  # as every insert has them


def merging(values: str) -> str:
    """SQL that inserts trials; `values` says which.

    A known trial is replaced only where it was under way or had failed, and has ended anew.
    """
    columns = [f'"{name}"' for name in WRITTEN]
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in ('"task_id"', '"key"'))
    return (
        f"INSERT INTO trial ({', '.join(columns)}) {values} ON CONFLICT (task_id, key) DO UPDATE "
        f"SET {changes} WHERE trial.status IN ('{RUNNING}', '{FAILED}') AND excluded.status <> '{RUNNING}'"
    )


def moves_forward(was: str, now: str) -> bool:
    """Whether a trial of status `was` is replaced by the same one of status `now`: what `merging` says."""
    return was in (RUNNING, FAILED) and now != RUNNING

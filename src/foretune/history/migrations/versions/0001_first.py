"""The first schema: tasks and their trials."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
large = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite's integers have 64 bits anyway


def upgrade() -> None:
    """Creates both tables."""
    op.create_table(
        "task",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("family", sa.Text, nullable=False),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("dataset", sa.Text),
        sa.Column("group", sa.Text),
        sa.Column("space", sa.Text),
        sa.Column("metafeatures", sa.Text, nullable=False),
        sa.Column("provenance", sa.Text, nullable=False),
    )
    op.create_table(
        "trial",
        sa.Column("id", large, primary_key=True),
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
        sa.Column("seed", large),
        sa.Column("repeat", large, nullable=False),
        sa.Column("weight", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.UniqueConstraint("task_id", "key"),
    )

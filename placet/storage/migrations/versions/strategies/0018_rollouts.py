"""Rollouts under way, and who takes part in them."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "rollout",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("asked", sa.Text, nullable=False),
        sa.Column("started_at", time, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("stage", sa.Integer, nullable=False),
        sa.Column("enrolled", sa.Integer, nullable=False),
        sa.Column("reached_at", time),
        sa.Column("looked_at", time),
        sa.Column("looks", sa.Integer, nullable=False),
        sa.Column("next_at", time),
    )
    op.create_index("ix_rollout_started", "rollout", ["tenant", "started_at", "version"])
    op.create_table(
        "rollout_member",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("control", sa.SmallInteger, nullable=False),
        sa.Column("bucket", sa.Integer, nullable=False),
        sa.Column("enrolled_at", time, nullable=False),
        sa.Column("run_id", sa.Text),
    )
    where = sa.text("run_id IS NULL AND control = 0")
    op.create_index(
        "ix_rollout_member_waiting",
        "rollout_member",
        ["tenant", "version", "bucket", "customer_id"],
        sqlite_where=where,
        postgresql_where=where,
    )


def downgrade() -> None:
    op.drop_table("rollout_member")
    op.drop_table("rollout")

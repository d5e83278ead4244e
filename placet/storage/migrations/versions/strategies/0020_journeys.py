"""Journeys: where customers are in strategies of several steps, and which step a run carries out."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.add_column("run", sa.Column("step", sa.Text))
    op.create_table(
        "journey",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("strategy", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("phase", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("signal_at", time),
        sa.Column("entered_at", time, nullable=False),
        sa.Column("step_since", time, nullable=False),
        sa.Column("told_at", time),
        sa.Column("converted_at", time),
        sa.Column("next_at", time),
        sa.Column("ended_at", time),
        sa.Column("ended_code", sa.Text),
        sa.Column("reason", sa.Text),
    )
    op.create_index("ix_journey_entered", "journey", ["tenant", "strategy", "entered_at", "customer_id"])
    op.create_index("ix_journey_step", "journey", ["tenant", "strategy", "step", "ended_code"])


def downgrade() -> None:
    op.drop_table("journey")
    op.drop_column("run", "step")

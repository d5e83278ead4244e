"""Events of customers, what they led to, and dead letters."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customer_event",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("happened_us", sa.BigInteger, nullable=False),
        sa.Column("received_us", sa.BigInteger, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("folded", sa.SmallInteger, nullable=False),
    )
    op.create_index("ix_customer_event_customer", "customer_event", ["tenant", "customer_id", "happened_us"])
    op.create_index("ix_customer_event_happened", "customer_event", ["tenant", "happened_us"])
    op.create_index(
        "ix_customer_event_unfolded",
        "customer_event",
        ["tenant", "customer_id"],
        sqlite_where=sa.text("folded = 0"),
        postgresql_where=sa.text("folded = 0"),
    )
    op.create_table(
        "customer_state",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("household_id", sa.Text),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("corrections", sa.Integer, nullable=False),
        sa.Column("newest_us", sa.BigInteger),
        sa.Column("aggregate", sa.Text, nullable=False),
        sa.Column("aged", sa.Text),
    )
    op.create_index("ix_customer_state_household", "customer_state", ["tenant", "household_id"])
    op.create_table(
        "dead_letter",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("letter_id", sa.Text, primary_key=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_dead_letter_received", "dead_letter", ["tenant", "received_at", "letter_id"])


def downgrade() -> None:
    for table in ("dead_letter", "customer_state", "customer_event"):
        op.drop_table(table)

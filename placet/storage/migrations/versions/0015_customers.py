"""Keys by which customers are known, the key that a dead letter names, merges of customers' ids, and oldest events.

Retention finds customers by the oldest event of their state: an index of all events by time made each event dear.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


_OLDEST = """
UPDATE customer_state SET oldest_us = (
    SELECT min(happened_us) FROM customer_event
    WHERE customer_event.tenant = customer_state.tenant
    AND customer_event.customer_id = customer_state.customer_id AND folded = 1
)
"""


def upgrade() -> None:
    op.add_column("customer_state", sa.Column("oldest_us", sa.BigInteger))
    op.execute(_OLDEST)
    op.create_index("ix_customer_state_oldest", "customer_state", ["tenant", "oldest_us"])
    op.drop_index("ix_customer_event_happened", "customer_event")

    op.create_table(
        "customer_key",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True)),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("said_by", sa.Text, nullable=False),
    )
    op.create_index("ix_customer_key_customer", "customer_key", ["tenant", "customer_id"])
    op.add_column("dead_letter", sa.Column("subject", sa.Text))
    op.create_index(
        "ix_dead_letter_subject",
        "dead_letter",
        ["tenant", "subject"],
        sqlite_where=sa.text("subject IS NOT NULL"),
        postgresql_where=sa.text("subject IS NOT NULL"),
    )
    op.create_table(
        "customer_merge",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("merge_id", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("merged_id", sa.Text, nullable=False),
        sa.Column("merge", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("split_by", sa.Text),
        sa.Column("split_at", sa.DateTime(timezone=True)),
        sa.Column("split", sa.Text),
    )
    op.create_index("ix_customer_merge_kept", "customer_merge", ["tenant", "customer_id"])
    op.create_index("ix_customer_merge_merged", "customer_merge", ["tenant", "merged_id"])


def downgrade() -> None:
    op.create_index("ix_customer_event_happened", "customer_event", ["tenant", "happened_us"])
    op.drop_index("ix_customer_state_oldest", "customer_state")
    op.drop_column("customer_state", "oldest_us")
    op.drop_table("customer_merge")
    op.drop_index("ix_dead_letter_subject", "dead_letter")
    op.drop_column("dead_letter", "subject")
    op.drop_table("customer_key")

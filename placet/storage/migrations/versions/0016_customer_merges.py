"""Merges of customer ids: an index of what the record and signed documents say."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
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
    op.drop_table("customer_merge")

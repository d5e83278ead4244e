"""Keys by which customers are known, the key that a dead letter names, and merges of customers' ids."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
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
    op.drop_table("customer_merge")
    op.drop_index("ix_dead_letter_subject", "dead_letter")
    op.drop_column("dead_letter", "subject")
    op.drop_table("customer_key")

"""Keys by which customers are known, and the key that a dead letter names."""

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


def downgrade() -> None:
    op.drop_index("ix_dead_letter_subject", "dead_letter")
    op.drop_column("dead_letter", "subject")
    op.drop_table("customer_key")

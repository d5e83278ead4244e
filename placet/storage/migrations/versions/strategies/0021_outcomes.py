"""What became of the members of rollouts; in which segments they were when they were taken down."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_ADDED = ("segments", "nonce", "seal")


def upgrade() -> None:
    for name in _ADDED:
        op.add_column("rollout_member", sa.Column(name, sa.Text))
    op.create_table(
        "outcome",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("days", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("batch", sa.Integer, nullable=False),
        sa.Column("entered_us", sa.BigInteger, nullable=False),
        sa.Column("counted_us", sa.BigInteger, nullable=False),
        sa.Column("unknown", sa.Text),
        sa.Column("spend", sa.BigInteger),
        sa.Column("marks", sa.Integer),
        sa.Column("spend_before", sa.BigInteger),
        sa.Column("marks_before", sa.Integer),
        sa.Column("given", sa.BigInteger),
        sa.Column("segments", sa.Text),
        sa.Column("nonce", sa.Text),
        sa.Column("seal", sa.Text, nullable=False),
    )
    op.create_index("ix_outcome_customer", "outcome", ["tenant", "customer_id"])
    op.create_index("ix_rollout_member_customer", "rollout_member", ["tenant", "customer_id"])


def downgrade() -> None:
    op.drop_index("ix_rollout_member_customer", "rollout_member")
    op.drop_table("outcome")
    for name in _ADDED:
        op.drop_column("rollout_member", name)

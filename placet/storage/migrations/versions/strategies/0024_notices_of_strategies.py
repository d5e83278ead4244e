"""Notifications about a strategy: its rollout asks, waits or is held. Those about a run stay as they were."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_RENAMED = (("run_id", "about"), ("proposal", "matter"))


def upgrade() -> None:
    for old, new in _RENAMED:
        op.execute(f"ALTER TABLE notification RENAME COLUMN {old} TO {new}")
    op.add_column("notification", sa.Column("strategy", sa.Text))


def downgrade() -> None:
    op.execute("DELETE FROM notification WHERE strategy IS NOT NULL")
    op.drop_column("notification", "strategy")
    for old, new in _RENAMED:
        op.execute(f"ALTER TABLE notification RENAME COLUMN {new} TO {old}")

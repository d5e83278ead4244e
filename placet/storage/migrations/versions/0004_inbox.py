"""What the inbox sorts and filters by, beside each run."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
WAITING = "state IN ('awaiting_decision', 'unknown_outcome')"
def _columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("waits_until", TIME, nullable=False, server_default=sa.text("'1970-01-01 00:00:00'")),
        sa.Column("quorum", sa.Integer),
        sa.Column("asked_roles", sa.Text),
        sa.Column("escalate_to", sa.Text),
        sa.Column("escalate_at", TIME),
        sa.Column("treatment", sa.Text),
        sa.Column("mutation_kind", sa.Text),
        sa.Column("cost_minor", sa.BigInteger),
        sa.Column("cost_currency", sa.Text),
        sa.Column("answered_at", TIME),
    )


def upgrade() -> None:
    for column in _columns():
        op.add_column("run", column)
    op.create_index(
        "ix_run_waiting",
        "run",
        ["tenant", "waits_until", "run_id"],
        sqlite_where=sa.text(WAITING),
        postgresql_where=sa.text(WAITING),
    )


def downgrade() -> None:
    op.drop_index("ix_run_waiting", "run")
    for column in reversed(_columns()):
        op.drop_column("run", column.name)

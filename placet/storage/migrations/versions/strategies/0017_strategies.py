"""Published strategies: which mandate publishes which version, and which run carries it out on which channel."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_WHERE = sa.text("strategy IS NOT NULL")


def upgrade() -> None:
    op.add_column("run", sa.Column("strategy", sa.Text))
    op.add_column("run", sa.Column("channel", sa.Text))
    op.add_column("mandate", sa.Column("strategy", sa.Text))
    _index("ix_run_strategy", "run", ["tenant", "strategy", "requested_at", "run_id"])
    _index("ix_mandate_strategy", "mandate", ["tenant", "strategy", "mandate_id"])


def _index(name: str, table: str, columns: list[str]) -> None:
    op.create_index(name, table, columns, sqlite_where=_WHERE, postgresql_where=_WHERE)


def downgrade() -> None:
    op.drop_index("ix_mandate_strategy", "mandate")
    op.drop_index("ix_run_strategy", "run")
    op.drop_column("mandate", "strategy")
    op.drop_column("run", "channel")
    op.drop_column("run", "strategy")

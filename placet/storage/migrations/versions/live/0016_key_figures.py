"""Key figures that are kept, and which customers' states they do not have yet."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("customer_state", sa.Column("counted", sa.SmallInteger, nullable=False, server_default="0"))
    _partial("ix_customer_state_uncounted", "customer_state", ["tenant", "customer_id"], "counted = 0")
    op.create_table(
        "kpi_count",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("after", sa.Text),
    )
    op.create_table(
        "kpi_part",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("household_id", sa.Text),
        sa.Column("members", sa.Integer, nullable=False),
        sa.Column("ids", sa.Text),
        sa.Column("unreadable", sa.SmallInteger, nullable=False),
        sa.Column("part", sa.Text, nullable=False),
    )
    op.create_index("ix_kpi_part_household", "kpi_part", ["tenant", "household_id", "members"])
    _partial("ix_kpi_part_ids", "kpi_part", ["tenant", "customer_id"], "ids IS NOT NULL")
    _partial("ix_kpi_part_unreadable", "kpi_part", ["tenant", "customer_id"], "unreadable = 1")
    op.create_table(
        "kpi_household",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("household_id", sa.Text, primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("due", sa.SmallInteger, nullable=False),
        sa.Column("part", sa.Text, nullable=False),
    )
    _partial("ix_kpi_household_due", "kpi_household", ["tenant", "household_id"], "due = 1")
    op.create_table(
        "kpi_sum",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("segment", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("sums", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for table in ("kpi_sum", "kpi_household", "kpi_part", "kpi_count"):
        op.drop_table(table)
    op.drop_index("ix_customer_state_uncounted", "customer_state")
    op.drop_column("customer_state", "counted")


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))

"""Customers whose state changed, and who comes into a strategy as something happens to them."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_BEFORE = sa.text("run_id IS NULL AND control = 0")
_WAITING = sa.text("run_id IS NULL AND control = 0 AND passed_over IS NULL")
_STARTED = sa.text("started_at IS NOT NULL")
_MEMBER = "rollout_member"
_WAITS = "ix_rollout_member_waiting"
_BY_BUCKET = ["tenant", "version", "bucket", "customer_id"]


def upgrade() -> None:
    op.create_table(
        "customer_changed",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("happened_us", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_customer_changed_happened", "customer_changed", ["tenant", "happened_us", "customer_id"])
    op.add_column("rollout", sa.Column("coming", sa.SmallInteger, nullable=False, server_default="0"))
    time = sa.DateTime(timezone=True)
    for column in (sa.Column("signal_at", time), sa.Column("started_at", time), sa.Column("passed_over", sa.Text)):
        op.add_column(_MEMBER, column)
    op.drop_index(_WAITS, _MEMBER)
    _index(_WAITS, _BY_BUCKET, _WAITING)
    _index("ix_rollout_member_of_customer", ["tenant", "customer_id", "version"], _WAITING)
    _index("ix_rollout_member_started", ["tenant", "version", "started_at"], _STARTED)


def _index(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, _MEMBER, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    for name in ("ix_rollout_member_started", "ix_rollout_member_of_customer", _WAITS):
        op.drop_index(name, _MEMBER)
    _index(_WAITS, _BY_BUCKET, _BEFORE)
    for column in ("passed_over", "started_at", "signal_at"):
        op.drop_column(_MEMBER, column)
    op.drop_column("rollout", "coming")
    op.drop_table("customer_changed")

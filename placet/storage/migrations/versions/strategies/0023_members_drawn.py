"""Which entry of the record says that a member was drawn, and what a rollout's row knows of its orders."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None

_OPEN = "strategy IS NOT NULL AND state IN ('analysing', 'querying', 'proposing', 'executing')"


def upgrade() -> None:
    op.add_column("rollout_member", sa.Column("drawing", sa.Integer))
    for name in ("moves", "holds", "ended", "reopened"):
        op.add_column("rollout", sa.Column(name, sa.Integer, nullable=False, server_default="0"))
    for name, kind in (("moves", "moved"), ("holds", "held"), ("ended", "ended")):
        written = (
            f"SELECT count(*) FROM audit_event WHERE audit_event.stream = 'tenant/' || rollout.tenant AND kind = 'rollout.{kind}' "
            f"AND (step_key = 'rollout.{kind}.' || rollout.version OR step_key LIKE 'rollout.{kind}.' || version || '.%')"
        )
        op.execute(f"UPDATE rollout SET {name} = ({written})")
    # No entry says who was drawn before: the members of rollouts that run are taken down once more.
    op.execute("UPDATE rollout SET enrolled = 0")
    where = sa.text(_OPEN)
    op.create_index(
        "ix_run_strategy_open",
        "run",
        ["tenant", "strategy", "requested_at", "run_id"],
        sqlite_where=where,
        postgresql_where=where,
    )


def downgrade() -> None:
    op.drop_index("ix_run_strategy_open", "run")
    for name in ("reopened", "ended", "holds", "moves"):
        op.drop_column("rollout", name)
    op.drop_column("rollout_member", "drawing")

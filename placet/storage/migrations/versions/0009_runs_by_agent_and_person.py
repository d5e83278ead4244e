"""Find an agent's runs, and those a person asked for, newest first, without going through all runs of the tenant."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_run_tenant_agent", "run", ["tenant", "agent", "requested_at", "run_id"])
    op.create_index("ix_run_tenant_requested_by", "run", ["tenant", "requested_by", "requested_at", "run_id"])


def downgrade() -> None:
    op.drop_index("ix_run_tenant_requested_by", "run")
    op.drop_index("ix_run_tenant_agent", "run")

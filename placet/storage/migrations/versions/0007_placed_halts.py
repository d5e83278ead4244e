"""Find the halts that were placed without going through their tenant's stream: every request that leaves asks for them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_PLACED = "kind = 'halt.placed'"


def upgrade() -> None:
    op.create_index(
        "ix_audit_event_placed_halt",
        "audit_event",
        ["stream", "id"],
        sqlite_where=sa.text(_PLACED),
        postgresql_where=sa.text(_PLACED),
    )


def downgrade() -> None:
    op.drop_index("ix_audit_event_placed_halt", "audit_event")

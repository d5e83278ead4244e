"""Retention finds customers by the oldest event of their state: an index of all events by time made each event dear."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_OLDEST = """
UPDATE customer_state SET oldest_us = (
    SELECT min(happened_us) FROM customer_event
    WHERE customer_event.tenant = customer_state.tenant
    AND customer_event.customer_id = customer_state.customer_id AND folded = 1
)
"""


def upgrade() -> None:
    op.add_column("customer_state", sa.Column("oldest_us", sa.BigInteger))
    op.execute(_OLDEST)
    op.create_index("ix_customer_state_oldest", "customer_state", ["tenant", "oldest_us"])
    op.drop_index("ix_customer_event_happened", "customer_event")


def downgrade() -> None:
    op.create_index("ix_customer_event_happened", "customer_event", ["tenant", "happened_us"])
    op.drop_index("ix_customer_state_oldest", "customer_state")
    op.drop_column("customer_state", "oldest_us")

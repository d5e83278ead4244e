"""Which entry of the record says that somebody came into a strategy as something happened to them."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0024"
branch_labels = None
depends_on = None

_INDEX, _TABLE = "ix_rollout_member_came", "rollout_member"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("came", sa.BigInteger))
    where = sa.text("came IS NOT NULL")
    columns = ["tenant", "version", "came"]
    op.create_index(_INDEX, _TABLE, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index(_INDEX, _TABLE)
    op.drop_column(_TABLE, "came")

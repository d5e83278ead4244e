"""Enrolled keys may be passkeys."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_MESSAGE = "approver_key can only be revoked: UPDATE refused"
_TRIGGER = "approver_key_no_update_of_passkey"


def upgrade() -> None:
    op.add_column("approver_key", sa.Column("passkey", sa.Text))
    head = f"CREATE TRIGGER {_TRIGGER} BEFORE UPDATE OF passkey ON approver_key FOR EACH ROW"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"{head} EXECUTE FUNCTION placet_refuse('{_MESSAGE}')")
    else:
        op.execute(f"{head} BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END")


def downgrade() -> None:
    on = " ON approver_key" if op.get_bind().dialect.name == "postgresql" else ""
    op.execute(f"DROP TRIGGER {_TRIGGER}{on}")
    op.drop_column("approver_key", "passkey")

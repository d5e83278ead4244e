"""Sessions may rest on a passkey; what passkeys are asked; who was invited.

A session lasts twelve hours at most: the table is made anew, and everybody signs in again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("console_session")
    _sessions(sa.Column("token_id", sa.Text), sa.Column("key_id", sa.Text))
    op.create_table(
        "console_prompt",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("prompt_sha256", sa.LargeBinary, primary_key=True),
        sa.Column("session_sha256", sa.LargeBinary, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("asked", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_console_prompt_expires", "console_prompt", ["expires_at"])
    op.create_table(
        "invitation",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("invitation_id", sa.Text, primary_key=True),
        sa.Column("code_sha256", sa.LargeBinary, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("limit_minor", sa.BigInteger),
        sa.Column("limit_currency", sa.Text),
        sa.Column("days", sa.Integer, nullable=False),
        sa.Column("invited_by", sa.Text, nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request", sa.Text),
        sa.Column("seal", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_invitation_code", "invitation", ["code_sha256"], unique=True)


def downgrade() -> None:
    op.drop_table("invitation")
    op.drop_table("console_prompt")
    op.drop_table("console_session")
    _sessions(sa.Column("token_id", sa.Text, nullable=False))


def _sessions(*vouching: sa.Column[str]) -> None:
    op.create_table(
        "console_session",
        sa.Column("tenant", sa.Text, primary_key=True),
        sa.Column("session_sha256", sa.LargeBinary, primary_key=True),
        *vouching,
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", sa.LargeBinary, nullable=False),
    )
    op.create_index("ix_console_session_began", "console_session", ["began_at"])

"""What the console keeps: who is signed in, what passkeys are asked, who was invited."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from placet.storage.tables.base import UtcDateTime, metadata

CONSOLE_SESSION = Table(
    "console_session",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("session_sha256", LargeBinary, primary_key=True),
    Column("token_id", Text),
    Column("key_id", Text),
    Column("began_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("seal", LargeBinary, nullable=False),
    Index("ix_console_session_began", "began_at"),
)
"""A session of a browser. No row counts by itself: see `placet/interfaces/console/sessions.py` and ADR 0036."""

CONSOLE_PROMPT = Table(
    "console_prompt",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("prompt_sha256", LargeBinary, primary_key=True),
    Column("session_sha256", LargeBinary, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("asked", LargeBinary, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("seal", LargeBinary, nullable=False),
    Index("ix_console_prompt_expires", "expires_at"),
)
"""What a browser was asked for a passkey, and has not answered: see `placet/interfaces/console/prompts.py`."""

DELIVERY = Table(
    "delivery",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("batch", Text, primary_key=True),
    Column("shares", Text, nullable=False),
    Column("holder", Text, nullable=False),
    Column("moved_at", UtcDateTime, nullable=False),
)
"""A signed batch that is being delivered: see `placet/service/deciding/deliveries.py`. What is delivered has no row."""

INVITATION = Table(
    "invitation",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("invitation_id", Text, primary_key=True),
    Column("code_sha256", LargeBinary, nullable=False),
    Column("name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("limit_minor", BigInteger),
    Column("limit_currency", Text),
    Column("days", Integer, nullable=False),
    Column("invited_by", Text, nullable=False),
    Column("invited_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("request", Text),
    Column("seal", LargeBinary, nullable=False),
    Index("ix_invitation_code", "code_sha256", unique=True),
)
"""An invitation to register a passkey. It entitles to nothing: see `placet/service/documents/invitations.py`."""

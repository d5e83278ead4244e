"""Who is signed in to the console."""

from sqlalchemy import Column, Index, LargeBinary, Table, Text

from placet.storage.tables.base import UtcDateTime, metadata

CONSOLE_SESSION = Table(
    "console_session",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("session_sha256", LargeBinary, primary_key=True),
    Column("token_id", Text, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("seal", LargeBinary, nullable=False),
    Index("ix_console_session_began", "began_at"),
)
"""A session of a browser. No row counts by itself: see `placet/interfaces/console/sessions.py` and ADR 0036."""

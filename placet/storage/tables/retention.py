"""Where to look for the entry under which a document was erased."""

from sqlalchemy import BigInteger, Column, Table, Text

from placet.storage.tables.base import metadata

ERASURE = Table(
    "erasure",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("entry", BigInteger, primary_key=True, autoincrement=False),
)
"""An index of the lists that `retention.applied` entries name; it counts for nothing without entry and list."""

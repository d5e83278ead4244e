"""Where to look for the entry under which a document was erased."""

from sqlalchemy import BigInteger, Column, Text
from sqlmodel import Field

from placet.storage.tables.base import Row, table_of


class ErasureRow(Row, table=True):
    """An index of the lists that `retention.applied` entries name; it counts for nothing without entry and list."""

    __tablename__ = "erasure"

    tenant: str = Field(sa_type=Text, primary_key=True)
    digest: str = Field(sa_type=Text, primary_key=True)
    entry: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))


ERASURE = table_of(ErasureRow)

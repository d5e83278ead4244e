"""What all tables share: aware instants, and metadata of their own."""

from datetime import UTC, datetime

from sqlalchemy import Dialect, Table
from sqlalchemy.orm import registry
from sqlalchemy.types import DateTime, TypeDecorator
from sqlmodel import SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, kept in UTC with microseconds on every database; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Take an aware time to UTC; SQLite stores it without the offset."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"time {value.isoformat()!r} has no UTC offset")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored instant as an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Row(SQLModel, registry=registry()):
    """Base of Placet's tables. Its metadata is its own: other SQLModel tables in the process stay apart."""


metadata = Row.metadata


def table_of(row: type[Row]) -> Table:
    """The table that a model declares."""
    return metadata.tables[str(row.__tablename__)]

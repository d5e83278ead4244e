"""What all tables share: aware instants, and metadata of their own."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Dialect, Index, MetaData
from sqlalchemy.types import DateTime, TypeDecorator


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


WHERE: Final = "where"
"""Key in an index's `info`: the condition of a partial one."""


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Declare an index over the rows for which `where` holds; the migrations create it, and a test compares the two.

    SQLAlchemy's own `postgresql_where` would load that dialect in every process, which is a tenth of what a command
    that reads takes.
    """
    return Index(name, *columns, info={WHERE: where})


metadata = MetaData()

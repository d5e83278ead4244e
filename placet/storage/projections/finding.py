"""What is said about a row that is not what the record led to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from placet.contracts.text import shortened

DIFFERS: Final = "projection_differs"
"""Code of the error that a table says other than the record."""

_LONGEST: Final = 120


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference.

    Attributes:
        table: The table; `record` where the entries themselves do not lead to what they say.
        row: Which row, or which run.
        detail: The column, what it holds, and what the record says.
    """

    table: str
    row: str
    detail: str

    def __str__(self) -> str:
        return f"{self.table} {self.row}: {self.detail}"


def compare(table: str, row: str, found: Mapping[str, Any], recorded: Mapping[str, object]) -> Iterator[Finding]:
    """Yield a finding for each column of `recorded` that holds something else in `found`."""
    for column, expected in recorded.items():
        if found[column] != expected:
            detail = f"{column} is {shown(found[column])}, the record says {shown(expected)}"
            yield Finding(table, row, detail)


def shown(value: object) -> str:
    """Return `value` for one line, bounded."""
    text = value.isoformat() if isinstance(value, datetime) else repr(value)
    return shortened(text, _LONGEST)

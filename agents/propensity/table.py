"""An operator's table of customers: opened, bounded, and read column by column as the mapping says.

Every cell is read as text. What a cell means is the mapping's business: a library that guesses takes an identifier for
a number, and a column that is empty today for another kind of column than yesterday.
"""

import difflib
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from agents.propensity.lines import lines_of, longer, not_text
from placet.contracts.text import NAME, counted, shortened
from placet.errors import ConfigurationError, UsageError
from placet.files import open_given

LARGEST_TABLE: Final = 2 * 1024 * 1024 * 1024
"""In bytes: it is held in memory."""

MOST_ROWS: Final = 2_000_000
_MANY_COLUMNS: Final = 12
_OTHER_FORMS: Final = {
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "compressed (gzip)",
    b"\x28\xb5\x2f\xfd": "compressed (zstd)",
    b"\x78\x01": "compressed (zlib)",
    b"\x78\x5e": "compressed (zlib)",
    b"\x78\x9c": "compressed (zlib)",
    b"\x78\xda": "compressed (zlib)",
}
"""By how they begin. polars unpacks what is compressed whatever it grows to, and of a damaged Parquet file it writes
pages about its own inside to standard error."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was opened.

    Attributes:
        name: For errors.
        digest: SHA-256 of its file, as `sha256sum` prints it.
        lines: In which line of the file each row begins; empty for a row that is in no file.
    """

    name: str
    digest: str
    frame: pl.DataFrame
    lines: Sequence[int] = ()

    def column(self, name: str, what: str) -> pl.Series:
        """Return a column as text without the spaces around it; empty where a cell is.

        Raises:
            UsageError: there is none of that name.
        """
        if name not in self.frame.columns:
            if len(self.frame.columns) == 1 and (other := _other_separator(self.frame.columns[0])):
                raise UsageError(f"{self.name} has one column alone, {shown(self.frame.columns[0])}; {other}")
            near = difflib.get_close_matches(name, self.frame.columns, 1)
            there = self.frame.columns[:_MANY_COLUMNS]
            more = len(self.frame.columns) - len(there)
            has = f"it has {shortened(', '.join(there), 180)}{f' and {more} more' if more else ''}"
            hint = f"did you mean {shortened(near[0], NAME)!r}?" if near else has
            raise UsageError(f"{self.name} has no column {name!r}, which is {what}; {hint}")
        return self.frame[name].cast(pl.String).fill_null("").str.strip_chars()


def open_table(path: Path, separator: str) -> Table:
    """Open a table: lines of cells (CSV) in UTF-8, the first of them the columns' names.

    Raises:
        ConfigurationError: it cannot be read, or is too large.
        UsageError: it is no table.
    """
    with open_given(path, "the table") as file:
        content = file.read(LARGEST_TABLE + 1)
    if len(content) > LARGEST_TABLE:
        raise ConfigurationError(
            f"the table {str(path)!r} is larger than {LARGEST_TABLE // 1024**3} GiB; take a part of it"
        )
    return read_table(content, f"table {str(path)!r}", separator)


def read_table(content: bytes, name: str, separator: str) -> Table:
    """Read the bytes of a table; `name` names it in errors.

    Raises:
        UsageError: it is no table, or has too many rows or none.
    """
    # Empty lines before the names are passed over where there is a header, and only there.
    named = content.lstrip(b"\r\n")
    for begins, form in _OTHER_FORMS.items():
        if named.startswith(begins):
            raise UsageError(f"{name} is {form}; write it as CSV in UTF-8, with a line of names")
    if not_text(named.partition(b"\n")[0]) is not None:
        _say_where(content, name, separator)
    try:
        _check_names(named, name, separator)
        frame = pl.read_csv(io.BytesIO(content), separator=separator, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        _say_where(content, name, separator)
        first = shortened((str(error).splitlines() or [""])[0], 160)
        raise UsageError(f"{name} cannot be read as a table: {first}") from error
    if not frame.height:
        raise UsageError(f"{name} has no rows")
    if frame.height > MOST_ROWS:
        raise UsageError(f"{name} has {frame.height:,} rows, more than {MOST_ROWS:,}; take a part of it")
    lines = lines_of(content, separator, frame.height)
    return Table(name, hashlib.sha256(content).hexdigest(), frame, lines)


def _say_where(content: bytes, name: str, separator: str) -> None:
    """Say what keeps a table from being read, and in which line, where that is one of the usual faults.

    Raises:
        UsageError: it is one.
    """
    if (line := not_text(content)) is not None:
        raise UsageError(f"{name} cannot be read: line {line} is not UTF-8; write it as CSV in UTF-8")
    if (found := longer(content, separator)) is not None:
        line, cells, names = found
        hint = _other_separator(names[0]) if len(names) == 1 else ""
        hint = hint or f"put a cell that holds {shown(separator)} in quotation marks"
        raise UsageError(
            f"{name} cannot be read: line {line} has {counted(cells, 'cell')}, but the line of names has {len(names)}; "
            f"{hint}"
        )


def _other_separator(name: str) -> str:
    """Say what to write into the mapping, where the name of a table's only column holds a separator."""
    there = next((one for one in ";\t|," if one in name), None)
    written = "\\t" if there == "\t" else there
    return (
        f'if its cells are separated so, say separator = "{written}" in the mapping that trains, or write it anew'
        if there
        else ""
    )


def _check_names(content: bytes, name: str, separator: str) -> None:
    """Refuse a column that is there twice: polars renames the second, and nobody would know which one was read."""
    first = pl.read_csv(io.BytesIO(content), separator=separator, infer_schema=False, has_header=False, n_rows=1)
    seen: set[str] = set()
    for column in (cell for cell in first.row(0) if cell):
        if column in seen:
            raise UsageError(f"{name} has two columns {shown(column)}; rename one of them, or leave it out")
        seen.add(column)


def shown(cell: str) -> str:
    """Return a cell for an error's line."""
    return repr(shortened(cell, NAME))

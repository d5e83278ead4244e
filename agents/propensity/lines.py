"""In which line of its file a row of a table begins, as an editor counts: the line of names is line 1 as a rule.

A row may hold line breaks, in quotation marks. Only then are rows looked for one by one.
"""

import csv
import io
from collections.abc import Iterator

_QUOTE = b'"'
_FIRST = 2
"""Line of the first row, where nothing stands above the names."""


def lines_of(content: bytes, separator: str, rows: int) -> range | list[int]:
    """Return the lines in which the rows begin."""
    above = len(content) - len(content.lstrip(b"\r\n"))
    first = _FIRST + content.count(b"\n", 0, above)
    plain = range(first, first + rows)
    whole = content.count(b"\n") + (not content.endswith(b"\n"))
    if _QUOTE not in content or whole == first - 1 + rows:
        return plain
    try:
        found = [line for line, _ in _records(content, separator)][1:]
    except (csv.Error, UnicodeDecodeError):
        return plain
    return found if len(found) == rows else plain


def longer(content: bytes, separator: str) -> tuple[int, int, list[str]] | None:
    """Return the first row with more cells than there are names: its line, how many it has, and the names."""
    try:
        records = _records(content, separator)
        _, names = next(records)
        return next(((line, len(cells), names) for line, cells in records if len(cells) > len(names)), None)
    except (csv.Error, UnicodeDecodeError, StopIteration):
        return None


def not_text(content: bytes) -> int | None:
    """Return the first line that is not UTF-8; None where all are."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return content.count(b"\n", 0, error.start) + 1
    return None


def _records(content: bytes, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the names and the rows, each with the line in which it begins; empty lines count from the names on."""
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline=""), delimiter=separator)
    before, named = 0, False
    for cells in reader:
        named = named or bool(cells)
        if named:
            yield before + 1, cells
        before = reader.line_num

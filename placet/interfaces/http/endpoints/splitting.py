"""A list of JSON in parts, without reading the parts: where brackets open and close, and where texts are."""

import re
from typing import Final

_MARK: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"|["\[\]{},]', re.DOTALL)
"""A whole text, or what may end a part; a quote alone begins a text that does not end."""

_SPACES: Final = b" \t\r\n"
_CLOSES: Final = {b"]": b"[", b"}": b"{"}


def items_of(body: bytes) -> list[bytes] | None:
    """Return the parts of a list as they are written, JSON or not; None where it cannot be told where they end."""
    text = body.strip(_SPACES)
    if not text.startswith(b"["):
        return None
    opened: list[bytes] = []
    items: list[bytes] = []
    began = 1
    for found in _MARK.finditer(text):
        mark = found[0]
        if mark == b'"':
            return None
        if mark in (b"[", b"{"):
            opened.append(mark)
        elif mark in _CLOSES and (not opened or opened.pop() != _CLOSES[mark]):
            return None
        if (mark == b"," and len(opened) == 1) or not opened:
            items.append(text[began : found.start()].strip(_SPACES))
            began = found.end()
        if not opened:
            break
    if opened or began != len(text):
        return None
    if items == [b""]:
        return []
    return None if b"" in items else items

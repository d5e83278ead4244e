"""Which weights a model has that this installation serves itself: the SHA-256 of their file."""

import hashlib
from functools import lru_cache
from pathlib import Path

UNKNOWN = "unknown"
"""What is said of a model that others serve: nobody here can tell what answers there."""


def weights_digest(path: Path) -> str:
    """Return the SHA-256 of the file at `path`, read again only when its size or time changed; `unknown` without it."""
    try:
        stat = path.stat()
        return _digest(path, stat.st_size, stat.st_mtime_ns)
    except OSError:
        return UNKNOWN


@lru_cache(maxsize=16)
def _digest(path: Path, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

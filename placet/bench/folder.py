"""Where a session of the bench keeps its files: a folder of its own, gone afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder for one session; it is removed also where a server still writes in it."""
    folder = Path(tempfile.mkdtemp(prefix="placet-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

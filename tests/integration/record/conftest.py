"""One installation with seven entries on its record."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.record.log_home import Installation
from tests.support.logs import record


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    home = tmp_path / "home"
    home.mkdir()
    made = Installation(home)
    record(made.database, 7)
    yield made
    made.database.close()

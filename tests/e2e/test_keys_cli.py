"""`placet keys new`: the next step that it names is one that works here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_halt_cli import Installation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    made.database.close()


def test_to_be_the_first_administrator_is_advised_while_there_is_none(installation: Installation) -> None:
    assert "`placet keys bootstrap root`" in installation.placet("keys", "new", "root")
    installation.placet("keys", "bootstrap", "root")
    said = installation.placet("keys", "new", "anna")
    assert "bootstrap" not in said
    assert "`placet keys enroll anna" in said


def test_with_an_administrators_file_that_cannot_be_trusted_nobody_is_told_to_be_the_first(
    installation: Installation,
) -> None:
    (installation.home / "administrators").write_text("no key\n")
    assert "bootstrap" not in installation.placet("keys", "new", "anna")

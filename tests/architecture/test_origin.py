"""The four generic top-level names are ours, or nothing starts (docs/adr/0001)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from placet._origin import NAMES, check_origin
from placet.errors import ConfigurationError
from tests.support.guard import GUARD

CHECKOUT = Path(__file__).parents[2]


def test_in_a_sound_checkout_the_names_are_ours() -> None:
    check_origin(CHECKOUT)


@pytest.mark.parametrize("name", NAMES)
def test_a_package_that_shadows_ours_stops_the_program_in_one_line(tmp_path: Path, name: str) -> None:
    impostor = tmp_path / name
    impostor.mkdir()
    (impostor / "__init__.py").write_text("raise SystemExit('the impostor was imported')\n")
    done = subprocess.run(
        [sys.executable, "-m", "placet.entrypoints.program", "run", "list"],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert f"package {name!r} resolves to {str(impostor)!r}" in lines[0]


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="package 'workflows' resolves to"):
        check_origin(tmp_path)

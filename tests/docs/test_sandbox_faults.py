"""The documentation of the sandbox's faults is the code's, and so is what an unknown one is answered."""

import re
from pathlib import Path

import pytest

from placet.sandbox.faults.rules import KNOWN, parse_fault

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def test_every_fault_is_documented_and_no_other() -> None:
    section = PAGE.read_text().split("## Faults of the sandbox BSS")[1].split("\n## ")[0]
    assert tuple(re.findall(r"^\| `([a-z_]+)", section, re.MULTILINE)) == KNOWN
    for name, most in re.findall(r"^\| `([a-z_]+)=.*\(at most (\d+)\)", section, re.MULTILINE):
        outcome = ";lost" if name == "late" else ""
        parse_fault(f"{name}={most}{outcome}")
        with pytest.raises(ValueError, match=f"to {most}"):
            parse_fault(f"{name}={int(most) + 1}{outcome}")


def test_an_unknown_fault_is_answered_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=", ".join(KNOWN)):
        parse_fault("explode")

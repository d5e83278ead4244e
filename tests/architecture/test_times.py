"""A time is labelled as UTC in one place, which takes it there first: nobody else puts a Z behind one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
ROOMS = ("placet", "activities", "workflows", "agents", "plugins")
ELSEWHERE = (
    "placet/contracts/times.py",  # the one place
    "placet/sandbox/",  # a foreign system, in whose days there is no offset
)


def faults(source: str) -> Iterator[int]:
    """Yield the lines that format a time of day, or label one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None and "%H" in ast.dump(node.format_spec):
            yield node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            written = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            if node.func.attr == "strftime" or (node.func.attr == "replace" and written == ["+00:00", "Z"]):
                yield node.lineno
        elif isinstance(node, ast.BinOp) and isinstance(node.right, ast.Constant):
            if node.right.value in ("Z", " UTC"):
                yield node.lineno
        elif isinstance(node, ast.JoinedStr):
            yield from _labelled(node)


def _labelled(text: ast.JoinedStr) -> Iterator[int]:
    for before, after in zip(text.values, text.values[1:], strict=False):
        if isinstance(before, ast.FormattedValue) and isinstance(after, ast.Constant):
            label = str(after.value)
            if "isoformat" in ast.dump(before) and label.startswith(("Z", " UTC")):
                yield before.lineno


@pytest.mark.parametrize(
    "source",
    [
        'f"{at:%Y-%m-%d %H:%M}Z"',
        'f"at {at:%H:%M}"',
        'at.strftime("%c")',
        'at.isoformat() + "Z"',
        'at.isoformat().replace("+00:00", "Z")',
        'f"{at.isoformat()}Z"',
        'str(at)[:16] + " UTC"',
    ],
)
def test_what_labels_a_time_is_found(source: str) -> None:
    assert list(faults(source)) == [1]


def test_only_one_module_labels_times() -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}:{line}"
        for room in ROOMS
        for path in sorted((CHECKOUT / room).rglob("*.py"))
        if not str(path.relative_to(CHECKOUT)).startswith(ELSEWHERE)
        for line in faults(path.read_text())
    ]
    assert found == [], "use placet.contracts.times"

"""Docstrings of functions begin with a verb; ruff's D401 judges only the first words that it knows."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
NO_VERB = {
    "A", "All", "An", "Does", "Each", "Every", "How", "If", "Is", "May", "No", "One", "That", "The", "There", "This",
    "What", "Where", "Whether", "Which", "Who", "Why",
}  # fmt: skip


def _functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for top in ("placet", "workflows", "activities", "agents", "plugins"):
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def test_functions_say_what_they_do_with_a_verb_first() -> None:
    told = []
    for where, function in _functions():
        first = (ast.get_docstring(function) or "").partition(" ")[0].strip("`,.:")
        is_property = any("property" in ast.unparse(decorator) for decorator in function.decorator_list)
        if first in NO_VERB and not is_property:
            told.append(f"{where} {function.name}: begins with {first!r}")
    assert told == []

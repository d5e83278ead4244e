"""Workflow code gives the same answer every time it runs: held here, since shipped workers run it without a sandbox.

Whoever needs more than this list allows puts it into an activity (docs/adr/0002).
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parents[2] / "workflows").glob("*.py"))

# What a workflow may import, and from modules that also hold a clock or I/O, which names.
MODULES = {
    "collections.abc",
    "typing",
    "re",
    "temporalio.common",
    "temporalio.exceptions",
    "workflows",
    "placet.errors",
}
PACKAGES = ("placet.contracts.", "workflows.")
NAMES = {
    "datetime": {"datetime", "timedelta"},
    "types": {"MappingProxyType"},
    "temporalio": {"workflow"},
    "placet": {"ports"},
}
# Temporal's own event loop answers these.
OF_ASYNCIO = {"CancelledError", "create_task", "current_task", "ensure_future", "shield", "sleep"}
# Iterating over a set, and what asks the process instead of the history.
BUILTINS = {"open", "print", "input", "eval", "exec", "compile", "__import__", "globals", "id", "hash", "set", "vars"}
# What a module may hold: nothing of it can change.
CONSTANTS = {"timedelta", "RetryPolicy", "TypeVar", "frozenset", "for_keyword", "MappingProxyType"}


def faults(source: str) -> Iterator[str]:
    """What in `source` could answer otherwise on another day, in another process."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imported(node)
        elif (what := _asked(node)) is not None:
            yield f"line {getattr(node, 'lineno', 0)}: {what}"
    for statement in tree.body:
        yield from _held(statement)


def _asked(node: ast.AST) -> str | None:
    """What this one expression asks of the process instead of the history."""
    match node:
        case ast.Attribute(value=ast.Name(id="asyncio"), attr=name) if name in OF_ASYNCIO:
            return None
        case ast.Attribute(value=ast.Name(id="asyncio" | "datetime"), attr=name) | ast.Attribute(attr="unsafe" as name):
            return name
        case ast.Name(id=name) if name in BUILTINS:
            return name
        case ast.Set() | ast.SetComp():
            return "a set, whose order is chance"
        case ast.Global() | ast.Nonlocal():
            return "state outside the workflow"
    return None


def _imported(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    names = {name.name for name in node.names}
    if isinstance(node, ast.Import):
        refused = names - MODULES - {"asyncio"}
    elif node.module in NAMES:
        refused = names - NAMES[str(node.module)]
    else:
        refused = set() if node.module in MODULES or str(node.module).startswith(PACKAGES) else {str(node.module)}
    for name in sorted(refused):
        yield f"line {node.lineno}: imports {name}"


def _held(node: ast.stmt) -> Iterator[str]:
    """What a module or a class holds that one run could change for another."""
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    if isinstance(node, ast.ClassDef):
        for inner in node.body:
            yield from _held(inner)
    if value is not None and not _constant(value):
        yield f"line {node.lineno}: holds what can change"


def _constant(value: ast.expr) -> bool:
    match value:
        case ast.Constant() | ast.Name() | ast.Attribute():
            return True
        case ast.Tuple(elts=parts):
            return all(map(_constant, parts))
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in CONSTANTS
    return False


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_workflow_code_asks_nothing_but_its_history(file: Path) -> None:
    assert list(faults(file.read_text())) == []


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "import os",
        "from random import random",
        "from uuid import uuid4",
        "from datetime import UTC",
        "from datetime import datetime\ndatetime.now()",
        "import asyncio\nasyncio.to_thread(f)",
        "import asyncio\nasyncio.wait(x)",
        "from temporalio import activity",
        "from temporalio import workflow\nworkflow.unsafe.imports_passed_through()",
        "from activities import all_activities",
        "from placet.storage.database import Database",
        "print(1)",
        "open('x')",
        "for x in {1, 2}: pass",
        "seen = []",
        "class A:\n    seen: list = []",
        "def f():\n    global x",
        "from collections.abc import Set\nx = set()",
    ],
)
def test_the_rule_finds_what_it_is_for(code: str) -> None:
    assert list(faults(code)) != []

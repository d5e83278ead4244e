"""What somebody typed, as a tree by the shape of the form; and what its buttons do to it.

A tree is a text, a list of names that were picked, a list of trees, or a table of them. It comes from a browser: what
the form does not ask is passed over, and numbers of items mean their order alone.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from placet.contracts.text import counted
from placet.errors import UsageError
from placet.interfaces.console.views.strategy_form.shape import SHAPE, Items, Leaf, Part, Picks, Record

Tree = dict[str, Any]

MOST_ITEMS: Final = 200
"""Of one list of a form: more than a strategy may have of anything, so that the check can say so."""
_NAME: Final = re.compile(r"[a-z_]{1,24}(\.([a-z_]{1,24}|[0-9]{1,3})){0,6}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,3}", re.ASCII)
KINDS: Final = ("adjust_balance", "order_product")
"""What a treatment may give: money on the balance, or an offering."""
_AS_TYPED: Final = frozenset({"condition", "steps"})
"""Kinds whose spaces may mean something."""


def empty(part: Part) -> Any:
    """Return a part into which nothing was typed."""
    if isinstance(part, Record):
        return {name: empty(one) for name, one in part.parts.items()}
    return "" if isinstance(part, Leaf) else []


def tree_of(fields: Mapping[str, str]) -> Tree:
    """Return what the fields of a form say."""
    nested: dict[str, Any] = {}
    for name, value in fields.items():
        if _NAME.fullmatch(name):
            _put(nested, name.split("."), value)
    tree: Tree = _fitted(SHAPE, nested)
    numbers = _numbers(nested.get("treatments"))[:MOST_ITEMS]
    _follow(tree, {number: place for place, number in enumerate(numbers)})
    return tree


def _put(nested: dict[str, Any], steps: list[str], value: str) -> None:
    for step in steps[:-1]:
        inner = nested.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        nested = inner
    nested.setdefault(steps[-1], value)


def _numbers(nested: Any) -> list[str]:
    names = nested if isinstance(nested, dict) else {}
    return sorted((name for name in names if _NUMBER.fullmatch(name)), key=lambda name: (int(name), name))


def _fitted(part: Part, nested: Any) -> Any:
    table = nested if isinstance(nested, dict) else {}
    if isinstance(part, Record):
        return {name: _fitted(one, table.get(name)) for name, one in part.parts.items()}
    if isinstance(part, Items):
        return [_fitted(part.of, table[number]) for number in _numbers(table)[:MOST_ITEMS]]
    if isinstance(part, Picks):
        # A box that is ticked says its place among those that are.
        picked = {name: value for name, value in table.items() if isinstance(value, str) and _NUMBER.fullmatch(value)}
        known = [name for name, _ in part.choices] or _numbers(picked)
        return sorted((name for name in known if name in picked), key=lambda name: int(picked[name]))
    text = nested if isinstance(nested, str) else ""
    text = text.replace("\r\n", "\n")
    return text if part.kind in _AS_TYPED and text.strip() else text.strip()


def part_at(path: str) -> Part | None:
    """Return the part of the form that a path leads to; numbers of items are passed over."""
    part: Part | None = SHAPE
    for step in path.split(".") if path else ():
        if isinstance(part, Items) and _NUMBER.fullmatch(step):
            part = part.of
        elif isinstance(part, Record):
            part = part.parts.get(step)
        else:
            return None
    return part


def add(tree: Tree, path: str, start: int) -> str:
    """Add an item to the list at a path, as its button of that number does; return where it is.

    Raises:
        UsageError: there is no such list, or it is full.
    """
    part, items = part_at(path), value_at(tree, path)
    if not isinstance(part, Items) or not isinstance(items, list) or not 0 <= start < len(part.starts):
        raise _no_button()
    if len(items) >= MOST_ITEMS:
        raise UsageError(f"{part.title}: there are {counted(len(items), part.called)} already, and no more are read")
    item = empty(part.of)
    for name, value in part.starts[start][1].items():
        *inner, last = name.split(".")
        holder = item
        for step in inner:
            holder = holder[step]
        holder[last] = value
    items.append(item)
    return f"{path}.{len(items) - 1}"


def remove(tree: Tree, path: str) -> None:
    """Take an item away.

    Raises:
        UsageError: there is none.
    """
    items, number = _item(tree, path)
    places = [place for place in range(len(items)) if place != number]
    _arrange(tree, path, items, places)


def move(tree: Tree, path: str, by: int) -> str:
    """Move an item up (-1) or down (1) in its list, and return where it is then; at the end of the list it stays.

    Raises:
        UsageError: there is none.
    """
    items, number = _item(tree, path)
    to = min(max(number + by, 0), len(items) - 1)
    places = list(range(len(items)))
    places[number], places[to] = places[to], places[number]
    _arrange(tree, path, items, places)
    return f"{path.rpartition('.')[0]}.{to}"


def switch(tree: Tree, path: str) -> str:
    """Let a treatment be of the other kind, and return where it is; what only the old kind has is emptied.

    Raises:
        UsageError: there is no such treatment.
    """
    items, number = _item(tree, path)
    if path.rpartition(".")[0] != "treatments":
        raise _no_button()
    action: Tree = items[number]["action"]
    action["kind"] = KINDS[action["kind"] == KINDS[0]]
    record = part_at("treatments.0.action")
    for name, part in record.parts.items() if isinstance(record, Record) else ():
        of_another = isinstance(part, Leaf) and part.only is not None and part.only[1] != action["kind"]
        if of_another or (isinstance(part, Items) and action["kind"] == KINDS[0]):
            action[name] = empty(part)
    return path


def fields_kept(fields: Mapping[str, str]) -> str:
    """Return the fields of a form as one text, to come back to."""
    kept = {
        name: value for name, value in fields.items() if _NAME.fullmatch(name) and name.split(".")[0] in SHAPE.parts
    }
    return json.dumps(kept, ensure_ascii=False)


def fields_in(text: str) -> Mapping[str, str]:
    """Return the fields of such a text.

    Raises:
        UsageError: it is none of ours.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise UsageError("There is nothing to undo", code="malformed")
    return found


def _arrange(tree: Tree, path: str, items: list[Any], places: list[int]) -> None:
    items[:] = [items[place] for place in places]
    if path.rpartition(".")[0] == "treatments":
        _follow(tree, {str(before): now for now, before in enumerate(places)})


def _follow(tree: Tree, now: Mapping[str, int]) -> None:
    """Let arms name the treatments by where they are now."""
    for arm in tree["arms"]:
        arm["treatments"] = [str(now[one]) for one in arm["treatments"] if one in now]


def _item(tree: Tree, path: str) -> tuple[list[Any], int]:
    above, _, last = path.rpartition(".")
    items = value_at(tree, above)
    if not isinstance(part_at(above), Items) or not isinstance(items, list) or not _NUMBER.fullmatch(last):
        raise _no_button()
    if int(last) >= len(items):
        raise _no_button()
    return items, int(last)


def value_at(tree: Tree, path: str) -> Any:
    """Return what was typed at a path; None where nothing is asked there."""
    found: Any = tree
    for step in path.split("."):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and _NUMBER.fullmatch(step) and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def put(tree: Tree, path: str, value: str | list[str]) -> None:
    """Write a value into a field that is there."""
    above, _, last = path.rpartition(".")
    holder = value_at(tree, above) if above else tree
    holder[last] = value


def _no_button() -> UsageError:
    return UsageError("No button of this page asks for that; open it again", code="malformed")

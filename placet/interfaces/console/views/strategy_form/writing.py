"""The text of a strategy out of what was typed: YAML that says it and nothing else, whatever was typed."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import yaml

from placet.contracts.strategies.rollout import Measure
from placet.contracts.strategies.steps import Step, step_as_written
from placet.decisioning.strategies.measures import OUTCOMES
from placet.errors import YamlFault
from placet.interfaces.console.views.strategy_form.shape import SHAPE, Items, Leaf, Part, Picks, Record
from placet.interfaces.console.views.strategy_form.tree import Tree
from placet.yaml_files import parse_yaml

FORM: Final = "placet-strategy/1"
_BARE: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
"""A figure without its unit, which stands beside the field."""
_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,14}", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_WIDEST: Final = 100_000
"""No line is broken: a fault of a condition is told by its place in one line."""
_CODE: Final = re.compile(r"[^a-z0-9]+", re.ASCII)
_LONGEST_CODE: Final = 40


class _Writer(yaml.SafeDumper):
    """YAML as people write it: lists are indented, and nothing stands for something else."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """Indent a list under its name."""
        super().increase_indent(flow, False)

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Write out whatever cannot be seen, which would end a line or be lost otherwise."""
        style = None if data.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Write out what is there twice."""
        return True


_Writer.add_representer(str, _Writer.represent_str)


def text_of(tree: Tree) -> str:
    """Return the text that a form says; it may have faults, which the check finds."""
    return yaml.dump(
        data_of(tree), Dumper=_Writer, sort_keys=False, allow_unicode=True, default_flow_style=None, width=_WIDEST
    )


def data_of(tree: Tree) -> dict[str, Any]:
    """Return what the text of a form says, as tables, lists and plain values."""
    tree = _coded(tree)
    return {"form": FORM, **_written(SHAPE, tree, _Units(tree))}


class _Units:
    """What stands beside fields of a tree."""

    def __init__(self, tree: Tree) -> None:
        self.currency: str = tree["market"]["currency"]
        self.codes: list[str] = [one["code"] for one in tree["treatments"]]


def _written(part: Part, typed: Any, units: _Units, beside: Mapping[str, Any] | None = None) -> Any:
    """Return the value of a part; None where there is nothing to write."""
    if isinstance(part, Record):
        asked = {name: one for name, one in part.parts.items() if _asked(one, typed)}
        values = {name: _written(one, typed[name], units, typed) for name, one in asked.items()}
        return {name: value for name, value in values.items() if value is not None}
    if isinstance(part, Items):
        items = [_written(part.of, one, units) for one in typed]
        return items or ([] if part.called == "treatment" else None)
    if isinstance(part, Picks):
        return typed if part.choices else [units.codes[int(one)] for one in typed]
    return None if typed == "" else _value(part, typed, units, beside or {})


def _asked(part: Part, typed: Mapping[str, Any]) -> bool:
    """Return whether a value belongs to what was chosen. What came for another kind of action is left for the check."""
    if not isinstance(part, Leaf) or part.only is None or part.only[0] == "kind":
        return True
    return bool(typed[part.only[0]] == part.only[1])


def _value(leaf: Leaf, typed: str, units: _Units, beside: Mapping[str, Any]) -> Any:
    if leaf.kind == "share":
        return _with_unit(typed, "%")
    if leaf.kind == "amount":
        return _with_unit(typed, units.currency)
    if leaf.kind == "margin":
        return _with_unit(typed, _unit_of(beside.get("measure", "")))
    if leaf.kind in ("steps", "stages"):
        return _steps(typed) if leaf.kind == "steps" else [_with_unit(one.strip(), "%") for one in typed.split(",")]
    if leaf.kind == "number" or (leaf.kind == "words" and leaf.choices[0][0].isdecimal()):
        return int(typed) if _WHOLE.fullmatch(typed) else typed
    return date.fromisoformat(typed) if leaf.kind == "day" and is_day(typed) else typed


def steps_as_text(steps: Sequence[Step]) -> str:
    """Return steps as people write them, one in a line; empty where there are none."""
    return "\n".join(f"- {_line(step_as_written(one))}" for one in steps)


def _line(value: Any) -> str:
    return yaml.dump(
        value, Dumper=_Writer, sort_keys=False, allow_unicode=True, default_flow_style=True, width=_WIDEST
    ).strip()


def _steps(typed: str) -> Any:
    """Return the steps that a text says; the text itself, which the check refuses, where it says none."""
    try:
        return parse_yaml(typed, "").data
    except YamlFault:
        return typed


def _with_unit(typed: str, unit: str) -> str:
    return f"{typed} {unit}".strip() if _BARE.fullmatch(typed) else typed


def _unit_of(measure: Measure | str) -> str:
    known = next((one for name, one in OUTCOMES.items() if name == measure), None)
    return "points" if known is None or known.unit == "share" else "%"


def is_day(typed: str) -> bool:
    """Return whether a text is a day, such as 2026-12-01."""
    try:
        return _DAY.fullmatch(typed) is not None and bool(date.fromisoformat(typed))
    except ValueError:  # 30 February
        return False


def _coded(tree: Tree) -> Tree:
    """Return the tree with a short name where none was typed, made of the words beside it."""
    treatments = []
    made = Counter(one["code"] for one in tree["treatments"])
    for one in tree["treatments"]:
        code = one["code"] or _code_of(one["title"], made)
        rules = {name: _rules_coded(one[name]) for name in ("eligible", "applicable", "suitable", "because")}
        treatments.append({**one, "code": code, **rules})
    return {**tree, "treatments": treatments}


def _rules_coded(rules: list[Tree]) -> list[Tree]:
    made = Counter(one["code"] for one in rules)
    return [
        {**one, "code": one["code"] or _code_of(one.get("otherwise", "") or one.get("says", ""), made)} for one in rules
    ]


def _code_of(words: str, taken: Counter[str]) -> str:
    """Return a code made of words that is not taken; empty where they have no letter to begin with."""
    code = _CODE.sub("_", words.lower()).strip("_0123456789")[:_LONGEST_CODE].rstrip("_")
    if not code:
        return ""
    found, number = code, 1
    while taken[found]:
        number += 1
        found = f"{code}_{number}"
    taken[found] += 1
    return found

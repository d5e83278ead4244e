"""The form as a page shows it: sections of fields, each with what the check finds wrong about it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from placet.contracts.strategies.findings import Finding, Severity
from placet.contracts.text import NAME, one_line, quoted
from placet.interfaces.console.views.common import Tone
from placet.interfaces.console.views.strategy_form.shape import SECTIONS, Items, Leaf, Part, Picks, Record, Section
from placet.interfaces.console.views.strategy_form.tree import KINDS, Tree, part_at, value_at
from placet.interfaces.console.views.strategy_form.writing import is_day

_PATTERN: Final = "should match pattern"
AROUND: Final = 40
"""Characters of a condition that are told of the place where it is wrong."""
_INSTEAD: Final = {
    "rollout": "rollout.guard_rails",
    "market": "",
    "objective": "",
    "contact": "",
    "budget": "",
    "term": "",
}
"""Where it stands what is wrong with a part that is no field."""
_TONES: Final[Mapping[Severity, Tone]] = {"error": "bad", "warning": "waits"}


@dataclass(frozen=True, slots=True)
class Said:
    """What the check says about a field; `where` leads there, `of` names it."""

    tone: Tone
    severity: str
    where: str
    of: str
    said: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a list; `value` of a box that may be ticked is its place among those that are."""

    value: str
    words: str
    chosen: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class FieldShown:
    """One field.

    Attributes:
        kind: How it is asked: that of its leaf, or `picks`; a day that is none is a text, for browsers would hide it.
        unit: What stands beside it.
        only: For which choice beside it it is asked; empty: always.
        width: `wide`: all of a line; `broad`: half of it or more; empty: as it fits.
    """

    name: str
    kind: str
    label: str
    value: str
    unit: str
    help: str
    choices: tuple[Choice, ...]
    only: str
    like: str
    width: str
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together; without a title those of what they stand in."""

    title: str
    fields: tuple[FieldShown, ...]
    lists: tuple["ListShown", ...] = ()


@dataclass(frozen=True, slots=True)
class ItemShown:
    """One of a list; `title` tells it from the others. `other`: by which button it becomes one of the other kind."""

    path: str
    title: str
    called: str
    groups: tuple[Group, ...]
    said: tuple[Said, ...]
    first: bool
    last: bool
    open: bool
    other: str


@dataclass(frozen=True, slots=True)
class ListShown:
    """A list with its buttons: what `add` gives back, and its label."""

    path: str
    title: str
    help: str
    called: str
    ordered: bool
    items: tuple[ItemShown, ...]
    add: tuple[tuple[str, str], ...]
    said: tuple[Said, ...]
    open: bool


@dataclass(frozen=True, slots=True)
class SectionShown:
    """A step of the form."""

    name: str
    title: str
    lead: str
    groups: tuple[Group, ...]
    wrong: bool


@dataclass(frozen=True, slots=True)
class FormShown:
    """All of it; `said` is everything that the check says, in the order of the form."""

    sections: tuple[SectionShown, ...]
    said: tuple[Said, ...]


@dataclass(slots=True)
class _Placed:
    """Findings by the field that they are about."""

    tree: Tree
    touched: str = ""
    by: dict[str, list[Said]] = field(default_factory=lambda: defaultdict(list))
    told: list[Said] = field(default_factory=list)

    def at(self, path: str) -> tuple[Said, ...]:
        found = tuple(self.by.pop(path, ()))
        self.told += found
        return found

    def opens(self, path: str, before: int) -> bool:
        """Return whether a part is shown open: something was done there, or something is said there."""
        return f"{self.touched}.".startswith(f"{path}.") or len(self.told) > before


def form_of(tree: Tree, findings: Iterable[Finding] = (), text: str = "", touched: str = "") -> FormShown:
    """Return how a form is shown; `text` is the one that the findings are about, `touched` what was done last."""
    placed = _Placed(tree, touched)
    lines = text.split("\n")
    for finding in findings:
        place = place_of(finding.where, tree)
        placed.by[place].append(_said(finding, place, tree, lines))
    sections = tuple(_section(one, tree, placed) for one in SECTIONS)
    rest = [said for found in placed.by.values() for said in found]
    return FormShown(sections, (*placed.told, *rest))


def _section(one: Section, tree: Tree, placed: _Placed) -> SectionShown:
    before = len(placed.told)
    groups: list[Group] = []
    for path in one.parts:
        part, typed = part_at(path), value_at(tree, path)
        if part is None:
            continue
        if isinstance(part, Record) and part.title:
            groups.append(_group(part, typed, path, placed, tree))
        else:
            inner = part if isinstance(part, Record) else Record({path: part})
            values = typed if isinstance(part, Record) else {path: typed}
            groups.append(_group(inner, values, path if isinstance(part, Record) else "", placed, tree))
    wrong = any(said.tone == "bad" for said in placed.told[before:])
    return SectionShown(one.name, one.title, one.lead, tuple(_joined(groups)), wrong)


def _joined(groups: Iterable[Group]) -> Iterator[Group]:
    """Yield groups, with those that have no title and no list in one."""
    fields: tuple[FieldShown, ...] = ()
    for one in groups:
        if one.title or one.lists:
            if fields:
                yield Group("", fields)
            fields = ()
            yield one
        else:
            fields += one.fields
    if fields:
        yield Group("", fields)


def _group(part: Record, typed: Mapping[str, Any], path: str, placed: _Placed, tree: Tree) -> Group:
    fields, lists = [], []
    for name, one in part.parts.items():
        at = f"{path}.{name}" if path else name
        if isinstance(one, Items):
            if name != "moves" or typed["kind"] == "order_product" or typed[name]:
                lists.append(_list(one, typed[name], at, placed, tree))
        elif not isinstance(one, Record) and _is_asked(one, typed, typed[name]):
            fields.append(_field(one, typed[name], at, placed))
    return Group(part.title, tuple(fields), tuple(lists))


def _is_asked(part: Part, beside: Mapping[str, Any], value: Any) -> bool:
    """Return whether a field is there; of an action of another kind, only what should not be there."""
    if not isinstance(part, Leaf) or part.only is None or part.only[0] != "kind":
        return True
    return bool(value) or bool(beside["kind"] == part.only[1])


def _list(part: Items, items: list[Tree], path: str, placed: _Placed, tree: Tree) -> ListShown:
    before = len(placed.told)
    said = placed.at(path)
    shown = tuple(
        _item(part, one, f"{path}.{number}", placed, tree, last=number == len(items) - 1)
        for number, one in enumerate(items)
    )
    add = tuple((f"add {path} {number}", label) for number, (label, _) in enumerate(part.starts))
    return ListShown(
        path, part.title, part.help, part.called, part.ordered, shown, add, said, placed.opens(path, before)
    )


def _item(part: Items, typed: Tree, path: str, placed: _Placed, tree: Tree, *, last: bool) -> ItemShown:
    number, before = int(path.rpartition(".")[2]), len(placed.told)
    said = placed.at(path)
    groups = [_group(part.of, typed, path, placed, tree)]
    for name, one in part.of.parts.items():
        if isinstance(one, Record):
            said += placed.at(f"{path}.{name}")
            groups.append(_group(one, typed[name], f"{path}.{name}", placed, tree))
    own = groups[0]
    if own.lists:  # what it gives and is worth, before the rules of who may have it
        groups = [Group(own.title, own.fields), *groups[1:], Group("", (), own.lists)]
    title = f"{part.called[:1].upper()}{part.called[1:]} {number + 1}"
    name = one_line(typed.get("title", "") or typed.get("name", ""), NAME)
    opens = placed.opens(path, before)
    whole = f"{title}: {name}" if name else title
    other = _other_kind(typed) if part.called == "treatment" else ""
    return ItemShown(path, whole, part.called, tuple(groups), said, number == 0, last, opens, other)


def _other_kind(treatment: Tree) -> str:
    """Return what the button says by which a treatment becomes one of the other kind."""
    return "Give an offering instead" if treatment["action"]["kind"] == KINDS[0] else "Give money instead"


def _field(part: Part, value: Any, path: str, placed: _Placed) -> FieldShown:
    said = placed.at(path)
    if isinstance(part, Picks):
        return FieldShown(
            path, "picks", part.label, "", "", part.help, _boxes(part, value, path, placed.tree), "", "", "wide", said
        )
    if not isinstance(part, Leaf):
        raise TypeError(path)
    choices = tuple(Choice(one, words, one == value) for one, words in part.choices)
    if choices and not any(one.chosen for one in choices):
        unknown = f"{one_line(value, NAME)} (there is no such choice)" if value else "Choose one"
        choices = (Choice(value, unknown, chosen=True), *choices)
    kind = "text" if part.kind == "day" and value and not is_day(value) else part.kind
    only = part.only[1] if part.only is not None and part.only[0] != "kind" else ""
    return FieldShown(
        path, kind, part.label, value, _unit(part, placed.tree), part.help, choices, only, part.like, part.width, said
    )


def _unit(part: Leaf, tree: Tree) -> str:
    if part.kind == "amount":
        return one_line(tree["market"]["currency"], NAME)
    return "%" if part.kind in ("share", "stages") else ""


def _boxes(part: Picks, picked: list[str], path: str, tree: Tree) -> tuple[Choice, ...]:
    choices = part.choices or tuple(
        (str(number), one_line(one["title"] or one["code"] or f"Treatment {number + 1}", NAME))
        for number, one in enumerate(tree["treatments"])
    )
    after = len(choices)
    return tuple(
        Choice(str(picked.index(one) if one in picked else after + place), words, one in picked, f"{path}.{one}")
        for place, (one, words) in enumerate(choices)
    )


def place_of(where: str, tree: Tree) -> str:
    """Return the field that a finding is about, or the list or item that holds it; empty where the form has none."""
    steps = where.split(".") if where else []
    path = ""
    for length in range(1, len(steps) + 1):
        longer = ".".join(steps[:length])
        if part_at(longer) is None or value_at(tree, longer) is None:
            break
        path = longer
    return _INSTEAD.get(path, path)


def _said(finding: Finding, place: str, tree: Tree, lines: list[str]) -> Said:
    part = part_at(place)
    said = finding.said
    if isinstance(part, Leaf) and part.form and _PATTERN in said:
        said = f"{said.partition(': ')[0]}: write {part.form}"
    if isinstance(part, Leaf) and part.kind == "condition":
        said += _near(finding, str(value_at(tree, place)), lines)
    return Said(_TONES[finding.severity], finding.severity, place, name_of(place), said[:1].upper() + said[1:])


def _near(finding: Finding, condition: str, lines: list[str]) -> str:
    """Return the words of a condition at which it is wrong: the form has no columns to count."""
    line = lines[finding.line - 1] if 0 < finding.line <= len(lines) else ""
    rest = line[finding.column - 1 :]
    if rest.startswith(("cohort:", "when:")):  # the whole of it
        return ""
    at = next((number for number in range(len(condition)) if rest.startswith(condition[number:])), 0)
    return f" (at {quoted(condition[at:], AROUND)})" if at else ""


def name_of(place: str) -> str:
    """Return what leads to a field: `What they may get, Treatment 1, Title`."""
    steps = place.split(".") if place else []
    names = [one.title for one in SECTIONS if any(f"{place}.".startswith(f"{part}.") for part in one.parts)]
    for length in range(1, len(steps) + 1):
        path = ".".join(steps[:length])
        part = part_at(path)
        if isinstance(part, Leaf | Picks):
            names.append(part.label)
        elif isinstance(part, Record) and steps[length - 1].isdecimal():
            above = part_at(".".join(steps[: length - 1]))
            if isinstance(above, Items):
                if above.called in ("rule", "reason"):
                    names.append(above.title)
                names.append(f"{above.called[:1].upper()}{above.called[1:]} {int(steps[length - 1]) + 1}")
        elif isinstance(part, Items) and length == len(steps):
            names.append(part.title)
    return ", ".join(names)

"""YAML that people write: read within bounds, with the line and column of whatever is wrong.

YAML 1.1 as PyYAML's safe loader reads it: no types of the author's own, no code. What YAML readers pass over in silence
(a key said twice) is refused, and what a few lines can make of a machine's memory (aliases of aliases) is counted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, NoReturn

import yaml

from placet.contracts.text import shortened
from placet.errors import YamlFault

LARGEST: Final = 1_000_000
"""Of a file, in characters."""
_DEEPEST: Final = 20
_WHOLE: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
_MOST: Final = 50_000


class Place(NamedTuple):
    """Where something stands in a text, both counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class YamlText:
    """What a text says.

    Attributes:
        data: It, as lists, tables and plain values.
    """

    data: Any
    _tree: yaml.Node | None

    def place(self, path: Sequence[Any]) -> Place:
        """Return where that stands which `path` leads to, or the last thing on the way that is there.

        Steps that are not in the text are passed over: validators put names of their own between those of the text.
        """
        node = self._tree
        mark = node.start_mark if node else None
        for step in path:
            if isinstance(node, yaml.SequenceNode):
                if not isinstance(step, int) or step >= len(node.value):
                    continue
                node = node.value[step]
                mark = node.start_mark
            elif isinstance(node, yaml.MappingNode):
                found = [(key, value) for key, value in node.value if key.value == step]
                if found:
                    mark, node = found[0][0].start_mark, found[0][1]
        return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)

    def steps(self, path: Sequence[Any]) -> tuple[Any, ...]:
        """Return a path without the steps that are not in the text, but for the last."""
        node, kept = self._tree, list[Any]()
        for number, step in enumerate(path):
            found: yaml.Node | None = None
            if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                found = node.value[step]
            elif isinstance(node, yaml.MappingNode):
                found = next((value for key, value in node.value if key.value == step), None)
            if found is not None or number == len(path) - 1:
                kept.append(step)
                node = found or node
        return tuple(kept)

    def place_within(self, path: Sequence[Any], offset: int) -> Place | None:
        """Return where a character of a text stands, which is written in one line as it is; None for other texts."""
        node = self._tree
        for step in path:
            if isinstance(node, yaml.SequenceNode):
                node = node.value[step]
            elif isinstance(node, yaml.MappingNode):
                node = next(value for key, value in node.value if key.value == step)
        if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">"):
            return None
        begin, end = node.start_mark, node.end_mark
        quotes = 0 if node.style is None else 1
        if begin.line != end.line or end.column - begin.column != len(node.value) + 2 * quotes:
            return None
        return Place(begin.line + 1, begin.column + 1 + quotes + offset)


def parse_yaml(text: str, source: str) -> YamlText:
    """Read a text; `source` names it in errors.

    Raises:
        YamlFault: it is too long, too deep or too large, no YAML, or says a key twice.
    """
    if len(text) > LARGEST:
        raise YamlFault(source, None, f"over {LARGEST} characters; split it")
    try:
        tree, data = _read(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        raise YamlFault(source, place, f"not YAML: {error.problem or error.context}") from error
    except yaml.reader.ReaderError as error:
        # Its own place is that in the text as a whole, and its words are those of a library.
        raise YamlFault(source, _at(text, error.position), f"not YAML: {_unseen(text, error.position)}") from error
    except yaml.YAMLError as error:
        raise YamlFault(source, None, f"not YAML: {' '.join(str(error).split())}") from error
    except ValueError as error:  # a date or a number that there is not
        raise YamlFault(source, None, shortened(" ".join(str(error).split()), 200)) from error
    _refuse_repeated(tree, source)
    return YamlText(data, tree)


def _at(text: str, position: int) -> Place:
    lines = text[:position].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return Place(len(lines), len(lines[-1]) + 1)


def _unseen(text: str, position: int) -> str:
    return f"the character U+{ord(text[position]):04X} cannot be seen, and must not be in it; take it out"


class _Bounded(yaml.SafeLoader):
    """YAML of which a few lines cannot stand for gigabytes: what aliases repeat counts as if it were written out."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._total = 0
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node.

        Raises:
            MarkedYAMLError: it lies too deep, there are too many, or it is an alias of what it is part of.
        """
        mark, alias = self.peek_event().start_mark, self.check_event(yaml.AliasEvent)  # type: ignore[no-untyped-call]
        self._depth += 1
        before = self._total
        if self._depth > _DEEPEST:
            raise yaml.MarkedYAMLError(problem="nested too deep", problem_mark=mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        if alias and id(node) not in self._sizes:
            raise yaml.MarkedYAMLError(problem="an alias of what it is part of", problem_mark=mark)
        self._total += self._sizes[id(node)] if alias else 1
        if self._total > _MOST:
            raise yaml.MarkedYAMLError(problem=f"over {_MOST} values, aliases written out", problem_mark=mark)
        self._sizes.setdefault(id(node), self._total - before)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Make a value of a node.

        Raises:
            MarkedYAMLError: it is a date or a number that there is not.
        """
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            shown = repr(shortened(str(node.value), 40))
            said = f"{shown} is no value: {shortened(' '.join(str(error).split()), 200)}"
            raise yaml.MarkedYAMLError(problem=said, problem_mark=node.start_mark) from error

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Make a whole number.

        Raises:
            MarkedYAMLError: YAML 1.1 takes it for another number than people do: 010 is 8 there, and 1:30 is 90.
        """
        if not _WHOLE.fullmatch(node.value):
            shown = repr(shortened(node.value, 40))
            said = f"{shown} is no plain whole number to YAML; write it like 10, or in quotation marks"
            raise yaml.MarkedYAMLError(problem=said, problem_mark=node.start_mark)
        return int(node.value)

    def construct_yaml_binary(self, node: yaml.ScalarNode) -> NoReturn:
        """Refuse a text in disguise: whoever reads the file would not see what it says.

        Raises:
            MarkedYAMLError: always.
        """
        raise yaml.MarkedYAMLError(problem="!!binary is not read; write a text", problem_mark=node.start_mark)


_Bounded.add_constructor("tag:yaml.org,2002:int", _Bounded.construct_yaml_int)
_Bounded.add_constructor("tag:yaml.org,2002:binary", _Bounded.construct_yaml_binary)


def _read(text: str) -> tuple[yaml.Node | None, Any]:
    loader = _Bounded(text)
    try:
        tree = loader.get_single_node()
        return tree, None if tree is None else loader.construct_document(tree)
    finally:
        loader.dispose()


def _refuse_repeated(node: yaml.Node | None, source: str) -> None:
    """Refuse a repeated key: YAML readers keep the last of two in silence, and an author would lose a line."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            place = Place(key.start_mark.line + 1, key.start_mark.column + 1)
            if not isinstance(key, yaml.ScalarNode):
                raise YamlFault(source, place, "a key that is no word")
            if key.value in seen:
                raise YamlFault(source, place, f"{key.value!r} is said twice")
            seen.add(key.value)
            _refuse_repeated(value, source)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated(value, source)

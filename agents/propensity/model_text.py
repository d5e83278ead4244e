"""The text of a model, checked before LightGBM's parser sees it: that parser is native code and trusts what it reads.

Only what training here writes is let through: trees of one split on known inputs, with finite numbers, whose sizes add
up. Of an input with a direction, each tree must work that way; so the file itself shows it, whoever trained it.
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Final

from placet.errors import ConfigurationError

LONGEST: Final = 8 * 1024 * 1024
"""In characters; a thousand trees take some 400,000."""

MOST_TREES: Final = 5_000

_HEADER: Final = (
    "version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective", "feature_names",
    "monotone_constraints", "feature_infos", "tree_sizes",
)  # fmt: skip
_TREE: Final = (
    "Tree", "num_leaves", "num_cat", "split_feature", "split_gain", "threshold", "decision_type", "left_child",
    "right_child", "leaf_value", "leaf_weight", "leaf_count", "internal_value", "internal_weight", "internal_count",
    "is_linear", "shrinkage",
)  # fmt: skip
_FIXED: Final = {"num_leaves": "2", "num_cat": "0", "left_child": "-1", "right_child": "-2", "is_linear": "0"}
_DECISIONS: Final = frozenset({"0", "2", "4", "6", "8", "10"})
"""A number against a threshold, with each way to treat what is missing; the odd ones are of categories."""
_NUMBER: Final = re.compile(r"-?\d{1,20}(\.\d{1,20})?(e[+-]\d{1,3})?")
_RANGE: Final = re.compile(rf"none|\[{_NUMBER.pattern}:{_NUMBER.pattern}\]")
_TAIL: Final = re.compile(
    r"end of trees\n\nfeature_importances:\n(?:[a-z0-9_]+=\d+\n)*"
    r"\nparameters:\n(?:\[[a-z0-9_]+: [A-Za-z0-9_.,:+-]*\]\n)*\nend of parameters\n\npandas_categorical:null\n"
)


def check_text(text: str, names: Sequence[str], signs: Sequence[int]) -> None:
    """Check a model's text; `names` and `signs` are those of its inputs.

    Raises:
        ConfigurationError: it is not what training here writes.
    """
    if len(text) > LONGEST or not text.isascii():
        raise _wrong(f"it is longer than {LONGEST} characters, or no plain ASCII")
    start, _, rest = text.partition("\n\n")
    header = _fields(start.split("\n")[1:], _HEADER, "the header") if start.startswith("tree\n") else None
    if header is None:
        raise _wrong("it does not begin with 'tree'")
    _check_header(header, names, signs)
    sizes = [_whole(size, "tree_sizes") for size in header["tree_sizes"].split(" ")]
    if len(sizes) > MOST_TREES:
        raise _wrong(f"it has {len(sizes)} trees, more than {MOST_TREES}")
    for number, tree in enumerate(_cut(rest, sizes)):
        _check_tree(tree, number, signs)
    if not _TAIL.fullmatch(rest[sum(sizes) :]):
        raise _wrong("something unknown follows its trees")


def _check_header(header: dict[str, str], names: Sequence[str], signs: Sequence[int]) -> None:
    expected = {
        "version": "v4",
        "num_class": "1",
        "num_tree_per_iteration": "1",
        "label_index": "0",
        "max_feature_idx": str(len(names) - 1),
        "objective": "binary sigmoid:1",
        "feature_names": " ".join(names),
        "monotone_constraints": " ".join(map(str, signs)),
    }
    for name, value in expected.items():
        if header[name] != value:
            raise _wrong(f"{name} is {header[name][:80]!r}, not {value[:80]!r}")
    ranges = header["feature_infos"].split(" ")
    if len(ranges) != len(names) or not all(map(_RANGE.fullmatch, ranges)):
        raise _wrong("feature_infos are not those of its inputs")


def _cut(text: str, sizes: Sequence[int]) -> Iterator[str]:
    begin = 0
    for size in sizes:
        if size <= 0 or begin + size > len(text):
            raise _wrong("tree_sizes do not add up")
        yield text[begin : begin + size]
        begin += size


def _check_tree(text: str, number: int, signs: Sequence[int]) -> None:
    what = f"tree {number}"
    if not text.endswith("\n\n\n"):
        raise _wrong(f"{what} does not end where tree_sizes says")
    tree = _fields(text[:-3].split("\n"), _TREE, what)
    for name, value in {"Tree": str(number), **_FIXED}.items():
        if tree[name] != value:
            raise _wrong(f"{name} of {what} is {tree[name][:40]!r}, not {value!r}")
    split = _whole(tree["split_feature"], what)
    if split >= len(signs) or tree["decision_type"] not in _DECISIONS:
        raise _wrong(f"{what} splits on what is no number of an input")
    leaves = _numbers(tree["leaf_value"], 2, what)
    for name, wanted in (("threshold", 1), ("split_gain", 1), ("shrinkage", 1), ("leaf_weight", 2), ("leaf_count", 2)):
        _numbers(tree[name], wanted, what)
    for name in ("internal_value", "internal_weight", "internal_count"):
        _numbers(tree[name], 1, what)
    if signs[split] * (leaves[1] - leaves[0]) < 0:
        raise _wrong(f"{what} turns the direction of its input round")


def _fields(lines: Sequence[str], names: Sequence[str], what: str) -> dict[str, str]:
    pairs = [line.partition("=") for line in lines]
    if tuple(name for name, _, _ in pairs) != tuple(names):
        raise _wrong(f"{what} has not the lines that it must have")
    return {name: value for name, _, value in pairs}


def _numbers(text: str, wanted: int, what: str) -> list[float]:
    parts = text.split(" ")
    numbers = [float(part) for part in parts] if all(map(_NUMBER.fullmatch, parts)) else []
    if len(numbers) != wanted or not all(map(math.isfinite, numbers)):
        raise _wrong(f"{what} holds {text[:40]!r} where it needs {wanted} finite numbers")
    return numbers


def _whole(text: str, what: str) -> int:
    if not re.fullmatch(r"\d{1,7}", text):
        raise _wrong(f"{what} holds {text[:40]!r}, which is no whole number")
    return int(text)


def _wrong(what: str) -> ConfigurationError:
    return ConfigurationError(f"the model's trees cannot be used: {what}; train the model again")

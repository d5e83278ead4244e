"""A model's file: believed only when every byte is what training writes."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.propensity.artifact import LARGEST
from agents.propensity.model import ChurnModel, train_model
from agents.propensity.model_text import check_text
from placet.errors import ConfigurationError
from placet.governance.signing.canonical import canonical_bytes, sha256_hex
from tests.agents.propensity.support import mapping, table

NAMES = ("tenure_months", "disputed_bills", "line_0", "line_1", "app")
SIGNS = (-1, 1, 0, 0, 0)
NUMBER = r"-?\d+(\.\d+)?(e[+-]\d+)?"
FREE = {
    "split_gain", "threshold", "leaf_value", "leaf_weight", "leaf_count", "internal_value", "internal_weight",
    "internal_count", "shrinkage",
}  # fmt: skip


@pytest.fixture(scope="module")
def content() -> bytes:
    return train_model(table(), mapping(), date(2026, 11, 28))[1]


@pytest.fixture(scope="module")
def text(content: bytes) -> str:
    return str(json.loads(content)["trees"])


def load(content: bytes) -> ChurnModel:
    return ChurnModel(content, sha256_hex(content), "the model")


def changed(content: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    value = json.loads(content)
    change(value)
    return canonical_bytes(value)


def test_the_digest_is_that_of_the_file(content: bytes) -> None:
    assert load(content).digest == hashlib.sha256(content).hexdigest()
    with pytest.raises(ConfigurationError, match="another model, or was changed"):
        ChurnModel(content, "0" * 64, "the model")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda value: value.update(extra=1), "there is no field of this name"),
        (lambda value: value.update(form="placet-propensity/2"), "form"),
        (lambda value: value["calibration"].update(slope=-1.0), "calibration.slope"),
        (lambda value: value["calibration"].update(slope="1.0"), "not canonical"),
        (lambda value: value.update(trees="tree\n"), "the model's trees cannot be used"),
        (lambda value: (value["mapping"]["features"].pop(), value["profiles"].pop()), "max_feature_idx"),
        (lambda value: value["mapping"]["features"].pop(), "its profiles are not of the features of its mapping"),
        (lambda value: value.update(profiles=[]), "its profiles are not of the features of its mapping"),
        (lambda value: value["profiles"][1].update(name="other"), "its profiles are not of the features"),
        (lambda value: value["profiles"][2].update(labels=["a", "c"]), "the profile of line is of another feature"),
        (lambda value: value["profiles"][2].update(of="number", labels=[], edges=[1.5]), "the profile of line is of"),
        (lambda value: value["profiles"][0]["counts"].pop(), "tenure_months has 10 counts"),
        (lambda value: value["profiles"][3]["counts"].pop(), "app has 2 counts"),
        (lambda value: value["profiles"][0]["edges"].sort(reverse=True), "the bounds of the profile of tenure_months"),
        (lambda value: value["profiles"][0]["counts"].append(value["profiles"][0]["counts"].pop() + 1), "other custom"),
        (lambda value: value["scores"]["counts"].pop(), "the profile of score has"),
        (lambda value: value["scores"].update(of="number"), "the profile of its scores is of something else"),
        (lambda value: value["card"].update(customers=0), "card.customers"),
        (lambda value: value["card"].update(customers=899), "counts other customers than the card"),
        (lambda value: value["card"]["quality"]["bands"][0].update(customers=0), "customers"),
        (lambda value: value["card"]["quality"].update(auc_folds=[]), "auc_folds"),
        (lambda value: value["card"].update(left=901), "its card says that 901 of 900 customers left"),
        (lambda value: value["card"].update(left=100), "customers left, and on the card 100"),
        (lambda value: value["card"]["quality"].update(auc=0.99), "its card says AUC 0.99, which no mean of its parts"),
        (lambda value: value["card"]["quality"]["bands"].pop(), "the bands of its card have 810 customers, and the"),
        (lambda value: value["card"]["quality"]["bands"][0].update(left=91), "basis points on, contradicts itself"),
        (lambda value: value["card"]["quality"]["bands"][0].update(from_bp=9999), "contradicts itself"),
    ],
)
def test_what_is_unknown_is_refused(content: bytes, change: Callable[[dict[str, Any]], object], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refused:
        load(changed(content, change))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("bad", [b"", b"{", b"[" * 100_000, b"\xff", b" " * (LARGEST + 1), b"{}", b"null"])
def test_what_is_no_model_is_one_line(bad: bytes) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load(bad)
    assert "\n" not in str(refused.value)


def test_an_empty_and_a_large_file_are_named() -> None:
    for bad, said in (
        (b"", "the model is empty; "),
        (b" " * (LARGEST + 1), "the model is larger than 16 MiB; no model"),
    ):
        with pytest.raises(ConfigurationError) as refused:
            load(bad)
        assert str(refused.value).startswith(said)


def test_the_same_values_spelt_otherwise_are_refused(content: bytes) -> None:
    with pytest.raises(ConfigurationError, match="not canonical"):
        load(json.dumps(json.loads(content), indent=1).encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("split_feature=0", "split_feature=9"),
        ("split_feature=0", "split_feature=-"),
        ("num_leaves=2", "num_leaves=3"),
        ("left_child=-1", "left_child=99"),
        ("decision_type=2", "decision_type=1"),
        ("num_cat=0", "num_cat=1"),
        ("is_linear=0", "is_linear=1"),
        ("version=v4", "version=v5"),
        ("objective=binary sigmoid:1", "objective=binary sigmoid:2"),
        ("tree_sizes=", "tree_sizes=1"),
        ("pandas_categorical:null", "pandas_categorical:[1]"),
        ("[data: ]", "[data: /etc/x]"),
        ("Tree=1\n", "Tree=2\n"),
    ],
)
def test_trees_that_training_does_not_write_reach_no_native_parser(text: str, old: str, new: str) -> None:
    check_text(text, NAMES, SIGNS)
    assert old in text
    with pytest.raises(ConfigurationError, match="cannot be used"):
        check_text(text.replace(old, new, 1), NAMES, SIGNS)


def test_a_tree_that_turns_a_direction_round_is_refused(text: str) -> None:
    """Signs are part of what is asked for: the same trees do not pass for the opposite."""
    head = "monotone_constraints=-1 1 0 0 0"
    with pytest.raises(ConfigurationError, match="turns the direction of its input round"):
        check_text(text.replace(head, "monotone_constraints=1 1 0 0 0", 1), NAMES, (1, 1, 0, 0, 0))


def skeleton(text: str) -> list[str]:
    """The lines of a model without the numbers that may be any: what is left must be what training wrote."""
    lines = []
    for line in text.partition("end of trees")[0].split("\n"):
        name, _, value = line.partition("=")
        if name in FREE:
            value = " ".join("#" if re.fullmatch(NUMBER, one) else one for one in value.split(" "))
        elif name == "feature_infos":
            value = " ".join("#" if re.fullmatch(rf"\[{NUMBER}:{NUMBER}\]", one) else one for one in value.split(" "))
        elif (name == "split_feature" and value in set("01234")) or (name == "decision_type" and value in set("02468")):
            value = "#"
        lines.append(f"{name}={value}")
    return lines


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_damage_passes_for_another_model(text: str, data: st.DataObject) -> None:
    """Any one character changed outside the numbers of a tree is found, and nothing but our own error is raised."""
    # Half of the draws are of the first trees and what is before them: most of the rest is numbers that may be any.
    at = data.draw(st.integers(0, 6_000) | st.integers(0, len(text) - 1))
    new = data.draw(st.characters(codec="ascii"))
    damaged = text[:at] + new + text[at + 1 :]
    try:
        check_text(damaged, NAMES, SIGNS)
    except ConfigurationError:
        return
    assert skeleton(damaged) == skeleton(text)

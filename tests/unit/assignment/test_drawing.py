"""Buckets are those of the definition, for one customer as for many; what is no customer id is never hashed."""

import hashlib
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.base import CUSTOMER_FORM
from placet.decisioning.assignment.drawing import BUCKETS, PURPOSES, Purpose, bucket, buckets
from placet.decisioning.assignment.vectors import docs_table, vectors
from placet.errors import UsageError

DOCS = Path(__file__).parents[3] / "docs" / "assignment.md"
IDS = st.from_regex(CUSTOMER_FORM.replace("$", r"\Z"))
NAMES = st.from_regex(r"\A[a-z][a-z0-9_]{0,47}\Z")


def digits(purpose: str, strategy: str, customer_id: str) -> str:
    """Draw as somebody does who has read the definition only."""
    text = "placet-assignment/1\n" + purpose + "\n" + strategy + "\n" + customer_id
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[0:15]


def test_the_published_vectors_are_those_of_the_definition() -> None:
    assert len(vectors().vectors) >= 40
    assert {one.purpose for one in vectors().vectors} == set(PURPOSES)
    for one in vectors().vectors:
        assert one.digits == digits(one.purpose, one.strategy, one.customer_id)
        assert one.bucket == int(one.digits, 16) % 10_000
        assert one.bucket == bucket(one.purpose, one.strategy, one.customer_id)


def test_a_vector_does_not_change_with_the_code_that_checks_it() -> None:
    found = {(one.purpose, one.strategy, one.customer_id): one for one in vectors().vectors}
    fixed = found["holdout", "winback", "C00042"]
    assert (fixed.digits, fixed.bucket) == ("51cbaaf76b4bb18", 7_048)


@given(purpose=st.sampled_from(PURPOSES), strategy=NAMES, ids=st.lists(IDS, max_size=30))
def test_many_have_the_buckets_that_each_has(purpose: Purpose, strategy: str, ids: list[str]) -> None:
    found = buckets(purpose, strategy, pl.Series("whatever", ids, dtype=pl.String))
    assert found.dtype == pl.UInt16
    assert found.to_list() == [bucket(purpose, strategy, one) for one in ids]
    assert found.to_list() == [int(digits(purpose, strategy, one), 16) % BUCKETS for one in ids]


def test_the_order_of_many_is_kept_in_a_series_of_several_pieces() -> None:
    ids = [f"C{number}" for number in range(150_000)]
    pieces = pl.Series("id", ids[:70_000])
    pieces.append(pl.Series("id", ids[70_000:]))
    found = buckets("rollout", "winback", pieces).to_list()
    assert found == [int(digits("rollout", "winback", one), 16) % BUCKETS for one in ids]


@pytest.mark.parametrize("refused", vectors().refused, ids=ascii)
def test_what_is_no_customer_id_is_refused_alone_and_among_others(refused: str) -> None:
    with pytest.raises(UsageError, match=r"customer .*; nobody was assigned"):
        bucket("holdout", "winback", refused)
    with pytest.raises(UsageError, match=r"row 2 of 3 has .*; rows like it: 1; nobody was assigned"):
        buckets("holdout", "winback", pl.Series(["C1", refused, "C2"]))


@given(text=st.text(st.characters(codec="utf-8"), max_size=70))
def test_one_and_many_refuse_the_same_texts(text: str) -> None:
    def refuses_one() -> bool:
        try:
            bucket("arm", "x", text)
        except UsageError:
            return True
        return False

    def refuses_many() -> bool:
        try:
            buckets("arm", "x", pl.Series([text]))
        except UsageError:
            return True
        return False

    assert refuses_one() == refuses_many()


def test_a_refusal_is_one_line_that_says_what_and_where() -> None:
    with pytest.raises(UsageError) as found:
        buckets("holdout", "winback", pl.Series(["C1", None, "C2", None]))
    assert str(found.value) == "row 2 of 4 has no id; rows like it: 2; nobody was assigned"
    with pytest.raises(UsageError) as found:
        buckets("holdout", "winback", pl.Series(["C1", "C 2\n"]))
    assert str(found.value) == (
        "row 2 of 2 has 'C 2\\n', not a customer id: letters, digits and '_.:-', up to 64; rows like it: 1; "
        "nobody was assigned"
    )
    with pytest.raises(UsageError, match="customer ids are Int64; they must be String"):
        buckets("holdout", "winback", pl.Series([1, 2]))
    with pytest.raises(UsageError) as found:
        bucket("holdout", "winback", "C 2")
    assert str(found.value) == (
        "customer 'C 2': not a customer id, such as 'C00042': letters, digits and '_.:-'; nobody was assigned"
    )
    for odd in (None, 42, b"C1", "C\ud800"):
        with pytest.raises(UsageError, match=r"customer .*; nobody was assigned"):
            bucket("holdout", "winback", odd)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "Winback", "win-back", "1x", "x" * 49, "x\n", "x\ny", "ü", None, b"x"])
def test_what_is_no_name_of_a_strategy_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a strategy"):
        bucket("holdout", name, "C1")
    with pytest.raises(UsageError, match="is no name of a strategy"):
        buckets("holdout", name, pl.Series(["C1"]))


def test_an_unknown_purpose_is_refused() -> None:
    with pytest.raises(UsageError, match="'stage' is no purpose of a draw; known: holdout, rollout, arm"):
        bucket("stage", "winback", "C1")  # type: ignore[arg-type]


def test_the_docs_have_the_vectors_and_a_program_that_draws_the_same() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert docs_table() in text
    program = text.partition("```python\n")[2].partition("```")[0]
    defined: dict[str, object] = {}
    exec(program, defined)  # noqa: S102 - it is ours, from the page
    drawn = defined["bucket"]
    assert callable(drawn)
    for one in vectors().vectors:
        assert drawn(one.purpose, one.strategy, one.customer_id) == one.bucket

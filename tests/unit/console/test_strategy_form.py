"""The form of a strategy is another face of its text: nothing is lost, nothing is added, whatever is typed."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placet.contracts.money import Money
from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.strategies.packages import markets, packages, written
from placet.decisioning.strategies.reading import in_one_form, legible_strategy, read_strategy
from placet.errors import UsageError
from placet.governance.signing.canonical import digest
from placet.interfaces.console.views.strategy_form.conditions import targets, with_column, with_segment
from placet.interfaces.console.views.strategy_form.opening import opened
from placet.interfaces.console.views.strategy_form.shape import SECTIONS, SHAPE
from placet.interfaces.console.views.strategy_form.shown import form_of
from placet.interfaces.console.views.strategy_form.together import all_findings
from placet.interfaces.console.views.strategy_form.tree import Tree, add, move, put, remove, tree_of
from placet.interfaces.console.views.strategy_form.writing import data_of, text_of
from placet.yaml_files import parse_yaml
from tests.unit.console.strategy_forms import HOSTILE, fields, leaves, texts, the_strategy
from tests.unit.strategies.texts import SOUND


@pytest.mark.parametrize("package", [one.name for one in packages()])
def test_every_ready_strategy_comes_back_as_the_same_version(package: str) -> None:
    ready = next(one for one in packages() if one.name == package)
    for market in markets():
        monthly = market.monthly or Money(amount_minor=250_000, currency=market.currency)
        text = written(ready, market, name="ours", monthly=monthly, first=date(2026, 12, 1), days=90)
        again = text_of(opened(text))
        assert digest(in_one_form(the_strategy(again))) == digest(in_one_form(the_strategy(text)))
        assert len(again) < len(text)


def test_the_version_is_that_of_the_check() -> None:
    before, after = read_strategy(SOUND).strategy, read_strategy(text_of(opened(SOUND))).strategy
    assert before is not None
    assert after is not None
    assert digest(before) == digest(after)


@settings(max_examples=150)
@given(texts())
def test_every_text_comes_back_as_the_same_version(text: str) -> None:
    tree = opened(text)
    assert digest(the_strategy(text_of(tree))) == digest(the_strategy(text))
    # And as a browser sends it.
    assert tree_of(dict(fields(form_of(tree)))) == tree


LEAVES = tuple(leaves(SHAPE, opened(SOUND)))


def test_the_form_asks_all_of_a_strategy() -> None:
    assert set(SHAPE.parts) == set(Strategy.model_fields) - {"form"}
    asked = [part for section in SECTIONS for part in section.parts]
    assert len(asked) == len(set(asked))
    assert {one.partition(".")[0] for one in asked} == set(SHAPE.parts)
    assert set(dict(fields(form_of(opened(SOUND))))) >= {
        one for one in LEAVES if one != "treatments.1.action.in_steps_of"
    }


@given(st.dictionaries(st.sampled_from(LEAVES), st.sampled_from(HOSTILE) | st.text(), max_size=5))
def test_what_is_typed_is_one_value_of_the_text_and_never_more(typed: dict[str, str]) -> None:
    tree = opened(SOUND)
    for path, value in typed.items():
        put(tree, path, value)
    text = text_of(tree)
    assert parse_yaml(text, "").data == data_of(tree)
    form = form_of(tree, all_findings(tree, text, read_strategy(text).findings), text)
    shown = dict(fields(form))
    for path, value in typed.items():
        if value or path != "treatments.1.action.in_steps_of":
            assert shown[path] == value.replace("\n", "\r\n") or "choices" in path or value in shown[path]
    if legible_strategy(text) is None:
        assert form.said


def test_units_may_be_left_out_or_written() -> None:
    tree = opened(SOUND)
    for path, value in (
        ("holdout", "12.5 %"),
        ("budget.total", "7000.00 USD"),
        ("rollout.stages", "10 %,50,100"),
        ("rollout.guard_rails.0.by_more_than", "1"),
        ("rollout.guard_rails.1.by_more_than", "3"),
    ):
        put(tree, path, value)
    data = data_of(tree)
    assert data["holdout"] == "12.5 %"
    assert data["budget"]["total"] == "7000.00 USD"
    assert data["rollout"]["stages"] == ["10 %", "50 %", "100 %"]
    assert [one["by_more_than"] for one in data["rollout"]["guard_rails"]] == ["1 points", "3 %"]


def test_arms_follow_their_treatments() -> None:
    tree = opened(SOUND)
    assert move(tree, "treatments.0", 1) == "treatments.1"
    put(tree, "treatments.1.code", "renamed")
    assert [one["treatments"] for one in data_of(tree)["arms"]] == [["renamed"], ["renamed", "saver_plan"]]
    remove(tree, "treatments.0")
    assert [one["treatments"] for one in data_of(tree)["arms"]] == [["renamed"], ["renamed"]]
    assert add(tree, "treatments", 1) == "treatments.1"
    assert tree["treatments"][1]["action"]["kind"] == "order_product"
    assert move(tree, "treatments.1", 1) == "treatments.1"


def test_codes_are_made_of_words_and_told_apart() -> None:
    tree = opened(SOUND)
    for _ in range(3):
        put(tree, f"{add(tree, 'treatments.0.eligible', 0)}.otherwise", "Owes money!")
    put(tree, "treatments.1.title", "Saver plan")
    put(tree, "treatments.1.code", "")
    data = data_of(tree)
    codes = [one.get("code") for one in data["treatments"][0]["eligible"]]
    assert codes == ["open_ticket", "owes_money", "owes_money_2", "owes_money_3"]
    assert data["treatments"][1]["code"] == "saver_plan"
    assert [one["treatments"] for one in data["arms"]][1] == ["loyalty_credit", "saver_plan"]


@pytest.mark.parametrize(
    "path", ["", "title", "treatments.9", "treatments.0.title", "nothing", "treatments.0.nothing", "contact.channels"]
)
def test_a_button_that_there_is_not_does_nothing(path: str) -> None:
    tree = opened(SOUND)
    for do in (lambda: add(tree, path, 0), lambda: remove(tree, path), lambda: move(tree, path, 1)):
        with pytest.raises(UsageError, match="No button"):
            do()
    with pytest.raises(UsageError, match="No button"):
        add(tree, "treatments", 7)
    assert tree == opened(SOUND)


@given(
    st.dictionaries(
        st.from_regex(r"(treatments|arms|title|contact|[a-z]{1,5})(\.([a-z_]{1,9}|[0-9]{1,4})){0,8}", fullmatch=True)
        | st.text(max_size=30),
        st.text(max_size=20) | st.integers(0, 999).map(str),
        max_size=12,
    )
)
def test_fields_that_no_form_of_ours_has_are_passed_over(sent: dict[str, str]) -> None:
    tree: Tree = tree_of(sent)
    text = text_of(tree)
    read = read_strategy(text)
    assert read.strategy is None
    assert form_of(tree, all_findings(tree, text, read.findings), text).said


def test_conditions_are_put_together_from_lists() -> None:
    tree = opened(SOUND)
    put(tree, "cohort", "tenure_days >= 90 OR has_internet")
    with_segment(tree, "cohort", "postpaid")
    with_column(tree, "cohort", "place", "=", "home")
    with_column(tree, "cohort", "has_tv", "no", "")
    with_column(tree, "cohort", "last_event_on", ">=", "2026-11-01")
    assert tree["cohort"] == (
        "(tenure_days >= 90 OR has_internet) AND bills_issued_90d > 0 AND place = 'home' AND NOT has_tv"
        " AND last_event_on >= DATE '2026-11-01'"
    ) or tree["cohort"].startswith("((")
    put(tree, "treatments.0.eligible.0.when", "")
    with_column(tree, "treatments.0.eligible.0.when", "area_code", "=", "O'Neil")
    assert tree["treatments"][0]["eligible"][0]["when"] == "area_code = 'O''Neil'"
    assert ("treatments.0.because.0.when", "What they may get, Treatment 1, What speaks for it, Reason 1, Where") in (
        targets(tree)
    )
    for column, compared, value, said in (
        ("nothing", "=", "1", "choose it from the list"),
        ("place", "=", "moon", "write one of home"),
        ("tenure_days", "=", "1 OR 1 = 1", "write a number"),
        ("tenure_days", "yes", "", "it is no yes or no"),
        ("has_tv", ">", "1", "choose 'is so'"),
        ("last_event_on", "=", "soon", "write a day"),
        ("tenure_days", "LIKE", "1", "Compared"),
    ):
        with pytest.raises(UsageError, match=said):
            with_column(tree, "cohort", column, compared, value)
    with pytest.raises(UsageError, match="choose a condition of this form"):
        with_segment(tree, "title", "postpaid")
    with pytest.raises(UsageError, match="Segment: choose one"):
        with_segment(tree, "cohort", "nobody")

"""The steps of a strategy: what is refused where, what they say in words, and that every sound text ends."""

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from placet.contracts.strategies.schema import strategy_schema
from placet.contracts.strategies.steps import ExitStep, TreatStep, goes_to, step_as_written
from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.strategies.differing import changes, consequences
from placet.decisioning.strategies.reading import read_strategy
from placet.decisioning.strategies.telling import told
from placet.governance.signing.canonical import canonical_bytes, digest
from placet.interfaces.console.views.strategy_form.opening import opened
from placet.interfaces.console.views.strategy_form.writing import text_of
from tests.unit.strategies.texts import SOUND, edited

STEPS = """\
steps:
  - {step: welcome, treat: [loyalty_credit]}
  - {step: settle, wait: 7 days}
  - step: first_use
    wait_for: app_visits_7d > 0
    at_most: 36 hours
    if_not: help
  - step: which
    branch:
      - {when: data_mb_30d > 1000, go_to: offer}
    otherwise: help
  - {step: offer, treat: [saver_plan], then: done}
  - {step: help, treat: all}
  - {step: done, exit: has started}
rollout:
"""


def with_steps(*edits: tuple[str, str]) -> str:
    text = edited(("rollout:\n", STEPS))
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def sound(text: str) -> Strategy:
    read = read_strategy(text)
    assert read.strategy is not None, read.findings
    return read.strategy


def test_steps_are_kept_as_they_are_written_and_read_again() -> None:
    one = sound(with_steps())
    assert read_strategy(with_steps()).findings == ()
    assert [step.step for step in one.steps] == ["welcome", "settle", "first_use", "which", "offer", "help", "done"]
    assert Strategy.model_validate_json(canonical_bytes(one)) == one
    assert one.at_step("offer").treatments == one.treatments[1:]
    assert one.at_step("help") == one
    assert one.at_step("settle").treatments == one.at_step("nowhere").treatments == ()


def test_a_text_without_steps_keeps_the_version_that_it_had() -> None:
    one = sound(SOUND)
    assert b'"steps"' not in canonical_bytes(one)
    assert digest(one) != digest(sound(with_steps()))


@pytest.mark.parametrize(
    ("edit", "where", "said"),
    [
        (("then: done", "then: don"), "steps.4.then", "there is no step 'don'"),
        (("then: done", "then: settle"), "steps.4.then", "steps lead forward only"),
        (("then: done", "then: offer"), "steps.4.then", "leads to itself"),
        (("if_not: help", "if_not: welcome"), "steps.2.if_not", "steps lead forward only"),
        (("go_to: offer", "go_to: which"), "steps.3.branch.0.go_to", "leads to itself"),
        (("{step: help, treat", "{step: offer, treat"), "steps.5.step", "is listed twice"),
        (("go_to: offer", "go_to: help"), "steps.4.step", "no step leads to 'offer'"),
        (("treat: [loyalty_credit]}", "treat: [loyalty]}"), "steps.0.treat.0", "there is no treatment 'loyalty'"),
        (("treat: all", "treat: []"), "steps.5.treat", "or write all"),
        (("wait: 7 days", "wait: 7"), "steps.1.wait", "with its unit"),
        (("wait: 7 days", "wait: 0 days"), "steps.1.wait", "write it like '7 days'"),
        (("wait: 7 days", "wait: 91 days"), "steps.1.wait", "longer than the strategy runs"),
        (("at_most: 36 hours", "at_most: 100 days"), "steps.2.at_most", "longer than the strategy runs"),
        (("wait: 7 days", "wait: 90 days"), "steps.2.step", "nobody comes to 'first_use'"),
        (("app_visits_7d > 0\n", "tenure_days < 5\n"), "steps.2.wait_for", "nobody in the cohort can meet it"),
        (("data_mb_30d > 1000", "tenure_days < 5"), "steps.3.branch.0.when", "nobody could go this way"),
        (("data_mb_30d > 1000", "data_mb_30d >"), "steps.3.branch.0.when", ""),
        (("data_mb_30d > 1000", "churn_percent > 80"), "steps.3.branch.0.when", "is a score"),
        (
            ("    otherwise: help", "      - {when: data_mb_30d > 2000, go_to: help}\n    otherwise: help"),
            "steps.3.branch.1.when",
            "is taken first",
        ),
        (("wait: 7 days", "wait: 7 days, treat: all"), "steps.1", "a step says one of treat, wait"),
        (("wait: 7 days", "pause: 7 days"), "steps.1", "a step says one of treat, wait"),
        (("wait: 7 days", "wait: 7 days, until: help"), "steps.1.until", "no field of this name"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(edit: tuple[str, str], where: str, said: str) -> None:
    read = read_strategy(with_steps(edit))
    assert read.strategy is None
    found = [one for one in read.findings if one.severity == "error" and one.where == where]
    assert found, read.findings
    assert any(said in one.said for one in found), found
    assert all(one.line > 38 for one in found)


def test_steps_that_treat_nobody_are_refused_and_a_treatment_that_no_step_gives_is_told() -> None:
    none = "steps:\n  - {step: settle, wait: 7 days}\n  - {step: done, exit: enough}\nrollout:\n"
    assert any("no step treats anybody" in one.said for one in read_strategy(edited(("rollout:\n", none))).findings)
    one = "steps:\n  - {step: welcome, treat: [loyalty_credit]}\nrollout:\n"
    (found,) = read_strategy(edited(("rollout:\n", one))).findings
    assert (found.severity, found.said) == ("warning", "no step gives treatment 'saver_plan'; it is never given")


def test_steps_are_told_and_compared_in_words() -> None:
    before, after = sound(with_steps()), sound(with_steps(("wait: 7 days", "wait: 8 days")))
    words = {line.heading: line.words for line in told(before) if line.group == "steps"}
    assert words["1. welcome"] == "gives the best of Loyalty credit, if any fits; then settle"
    assert words["2. settle"] == "waits 7 days; then first use"
    assert words["3. first use"].endswith("then which; where it is not so after 36 hours, then help")
    assert words["7. done"] == "ends: has started"
    (change,) = changes(before, after)
    assert (change.before, change.after) == ("waits 7 days; then first use", "waits 8 days; then first use")
    assert any("leaves it where they are" in one for one in consequences(before, after))


def test_the_schema_for_editors_knows_steps() -> None:
    editor: Any = Draft202012Validator(strategy_schema())
    data = yaml.safe_load(with_steps())
    data["term"] = {"first": "2026-12-01", "last": "2027-02-28"}
    assert list(editor.iter_errors(data)) == []
    data["steps"][1]["wait"] = "a week"
    assert list(editor.iter_errors(data)) != []


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Texts whose steps are sound: each leads to one below, or to the end."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 8)))]
    steps: list[dict[str, Any]] = []
    for number, name in enumerate(names):
        later = names[number + 1 :]
        leads = bool(later) and draw(st.booleans())
        to: dict[str, Any] = {"then": draw(st.sampled_from(later))} if leads else {}
        kinds = ["treat", "wait", "wait_for", "branch"] if later else ["treat", "exit"]
        kind = draw(st.sampled_from(kinds)) if number else "treat"
        if kind == "treat":
            steps.append({"step": name, "treat": "all" if draw(st.integers(0, 1)) else ["loyalty_credit"], **to})
        elif kind == "wait":
            steps.append({"step": name, "wait": draw(st.sampled_from(["1 day", "12 hours", "3 days"])), **to})
        elif kind == "wait_for":
            steps.append({"step": name, "wait_for": "app_visits_7d > 0", "at_most": "2 days", **to})
        elif kind == "branch":
            steps.append({"step": name, "branch": [{"when": "data_mb_30d > 9", "go_to": draw(st.sampled_from(later))}]})
        else:
            steps.append({"step": name, "exit": "enough"})
    return edited(("rollout:\n", f"{yaml.safe_dump({'steps': steps})}rollout:\n"))


@settings(max_examples=25, deadline=None)
@given(texts())
def test_every_way_through_a_sound_text_ends_and_treats_in_no_step_twice(text: str) -> None:
    read = read_strategy(text)
    if read.strategy is None:  # a step that nothing leads to
        assert all("no step leads to" in one.said for one in read.findings if one.severity == "error")
        return
    steps = read.strategy.steps
    places = {one.step: place for place, one in enumerate(steps)}
    for place, one in enumerate(steps):
        for _, to in goes_to(steps, place):
            assert to is None or places[to] > place, "forward only, so that no step comes twice"
        if isinstance(one, ExitStep):
            assert goes_to(steps, place) == ()
    assert any(isinstance(one, TreatStep) for one in steps)
    assert [step_as_written(one) for one in steps] == [
        step_as_written(one) for one in sound(text_of(opened(text))).steps
    ], "the form loses nothing"
    assert digest(sound(text_of(opened(text)))) == digest(read.strategy)

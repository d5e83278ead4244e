"""The form of a strategy is another face of its text: nothing is lost, nothing is added, whatever is typed."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import yaml
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
from placet.interfaces.console.views.strategy_form.shape import SECTIONS, SHAPE, Items, Leaf, Part, Record
from placet.interfaces.console.views.strategy_form.shown import FormShown, Group, form_of
from placet.interfaces.console.views.strategy_form.together import all_findings
from placet.interfaces.console.views.strategy_form.tree import Tree, add, move, put, remove, tree_of
from placet.interfaces.console.views.strategy_form.writing import data_of, text_of
from placet.yaml_files import parse_yaml
from tests.unit.strategies.texts import SOUND, edited

HOSTILE = (
    "x\nbudget: {total: 1.00 USD}",
    "title: x\nbudget:",
    "<script>alert(1)</script>",
    "\u202e\x1b[31m\x07",
    "&a [*a]",
    "!!python/object/apply:os.system ['x']",
    "yes",
    "010",
    "1:30",
    "~",
    "# no comment",
    "'\"",
    "- x",
    "x" * 5_000,
    "\u2028---\u0085...",
)


def the_strategy(text: str) -> Strategy:
    found = legible_strategy(text)
    assert found is not None, read_strategy(text).findings
    return found


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


CODES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
WORDS = st.text(st.sampled_from("aZ é%:#{}[],&*!|>'\"@`-?漢0"), min_size=1, max_size=40).filter(
    lambda text: text == " ".join(text.split())
)
CONDITIONS = st.sampled_from(
    [
        "churn_percent >= 30",
        "place = 'o''clock: #1'",
        "  has_internet  ",
        "NOT has_internet\n  OR bills_issued_90d > 0",
        "nobody = 'x'",
        "{",
        "churn_percent >= 30 and (tenure_days > 1 or tenure_days < 0)",
    ]
)
SHARES = st.integers(0, 10_000).map(lambda bp: f"{bp / 100:.2f} %")
AMOUNTS = st.builds("{}.{:02} {}".format, st.integers(0, 10**9), st.integers(0, 99), st.sampled_from(["USD", "EUR"]))


def table(**values: st.SearchStrategy[Any] | Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {key: value if isinstance(value, st.SearchStrategy) else st.just(value) for key, value in values.items()}
    )


RULES = st.lists(table(when=CONDITIONS, code=CODES, otherwise=WORDS), max_size=2)
MOVES = st.lists(
    st.fixed_dictionaries({"offering": WORDS, "title": WORDS}, optional={"replaces": WORDS, "costs": AMOUNTS}),
    min_size=1,
    max_size=3,
)
ACTIONS = st.fixed_dictionaries(
    {"kind": st.just("adjust_balance"), "of_monthly": SHARES, "at_most": AMOUNTS}, optional={"in_steps_of": AMOUNTS}
) | st.fixed_dictionaries(
    {"kind": st.just("order_product"), "moves": MOVES, "at_most": AMOUNTS}, optional={"of_monthly": SHARES}
)
VALUES = table(of="staying", removes=SHARES) | table(
    of="taking_up", chance=SHARES, worth=AMOUNTS, months=st.integers(1, 60)
)
TREATMENT = st.fixed_dictionaries(
    {"code": CODES, "title": WORDS, "action": ACTIONS, "value": VALUES},
    optional={
        "eligible": RULES,
        "applicable": RULES,
        "suitable": RULES,
        "because": st.lists(table(when=CONDITIONS, code=CODES, says=WORDS), max_size=2),
    },
)
CHANNELS = st.lists(st.sampled_from(["sms", "push", "in_app", "email", "ivr", "agent"]), min_size=1, unique=True)
CONTACT = st.fixed_dictionaries(
    {
        "purpose": st.sampled_from(["marketing", "profiling", "service"]),
        "channels": CHANNELS,
        "cool_down_days": st.integers(0, 3_660),
        "period_days": st.sampled_from([7, 30, 90]),
        "most_per_period": st.integers(1, 1_000),
        "after_refusal_days": st.sampled_from([0, 7, 30, 90]),
    },
    optional={"quiet_hours": st.sampled_from(["21:00 to 09:00", "00:00 to 06:30"])},
)
MEASURES = st.sampled_from(["churn", "conversion", "spend", "complaints"])
RAILS = st.lists(
    table(
        measure=MEASURES,
        must_not=st.sampled_from(["rise", "fall"]),
        by_more_than=st.sampled_from(["0.5 points", "1 point", "5 %"]),
        sample=st.integers(10, 10_000),
        confidence=SHARES,
        then=st.sampled_from(["step_back", "stop", "stop_and_reverse"]),
    ),
    max_size=3,
)
DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Draw the text of a strategy that can be read; it need not make sense."""
    treatments = draw(st.lists(TREATMENT, min_size=1, max_size=3, unique_by=lambda one: str(one["code"])))
    picked = st.lists(st.sampled_from([one["code"] for one in treatments]), min_size=1, unique=True)
    data = draw(
        st.fixed_dictionaries(
            {
                "form": st.just("placet-strategy/1"),
                "name": CODES,
                "title": WORDS,
                "about": WORDS,
                "agent": st.just("retention"),
                "market": table(code="us", currency="USD", time_zone=WORDS),
                "objective": table(
                    measure=MEASURES,
                    direction=st.sampled_from(["higher", "lower"]),
                    within_days=st.sampled_from([30, 90, 365]),
                ),
                "cohort": CONDITIONS,
                "treatments": st.just(treatments),
                "contact": CONTACT,
                "value": st.fixed_dictionaries(
                    {"margin": SHARES, "horizon_months": st.integers(1, 120)}, optional={"weight": st.just("150 %")}
                ),
                "budget": table(total=AMOUNTS, per_customer=AMOUNTS, period_days=st.integers(1, 366)),
                "holdout": SHARES,
                "rollout": table(
                    stages=st.lists(SHARES, min_size=1, max_size=4),
                    hold_days=st.integers(1, 180),
                    per_hour=st.integers(1, 1_000_000),
                    guard_rails=RAILS,
                ),
                "term": table(first=DAYS, last=DAYS),
            },
            optional={"arms": st.lists(table(name=CODES, share=SHARES, treatments=picked), max_size=3)},
        )
    )
    return yaml.safe_dump(data, allow_unicode=draw(st.booleans()), sort_keys=draw(st.booleans()))


@settings(max_examples=150)
@given(texts())
def test_every_text_comes_back_as_the_same_version(text: str) -> None:
    tree = opened(text)
    assert digest(the_strategy(text_of(tree))) == digest(the_strategy(text))
    # And as a browser sends it.
    assert tree_of(dict(fields(form_of(tree)))) == tree


def fields(form: FormShown) -> Iterator[tuple[str, str]]:
    """Yield the fields of a form as a browser sends them."""
    for section in form.sections:
        for group in section.groups:
            yield from _of_group(group)


def _of_group(group: Group) -> Iterator[tuple[str, str]]:
    for one in group.fields:
        if one.kind == "picks":
            yield from ((box.name, box.value) for box in one.choices if box.chosen)
        elif one.choices:
            yield one.name, next(choice.value for choice in one.choices if choice.chosen)
        else:
            yield one.name, one.value.replace("\n", "\r\n")
    for listed in group.lists:
        for item in listed.items:
            for inner in item.groups:
                yield from _of_group(inner)


def leaves(part: Part, typed: Any, path: str = "") -> Iterator[str]:
    if isinstance(part, Record):
        for name, one in part.parts.items():
            yield from leaves(one, typed[name], f"{path}.{name}" if path else name)
    elif isinstance(part, Items):
        for number, one in enumerate(typed):
            yield from leaves(part.of, one, f"{path}.{number}")
    elif isinstance(part, Leaf):
        yield path


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


WRONG = (
    ("title", "", "It is missing"),
    ("title", "x" * 61, "write at most 60 characters"),
    ("about", "two\nlines", "characters that cannot be seen"),
    ("name", "Keep At Risk", "'Keep At Risk': not a code"),
    ("market.code", "Germany", "'Germany': write two small letters, such as de"),
    ("market.currency", "XXX", "is not an active ISO 4217 code"),
    ("market.time_zone", "Europe/Nowhere", "there is no time zone 'Europe/Nowhere'"),
    ("objective.measure", "churn_bp", "write 'churn'"),
    ("cohort", "npz > 3", "no column is called 'npz'"),
    ("cohort", "tenure_days > 3 AND npz > 3", "(at “npz > 3”)"),
    ("treatments.0.title", "", "It is missing"),
    ("treatments.0.code", "Loyalty Credit", "a code, such as"),
    ("treatments.0.action.of_monthly", "ten", "'ten': write it like '10 %'"),
    ("treatments.0.action.at_most", "5 EUR", "is not in the market's currency, USD"),
    ("treatments.0.action.in_steps_of", "0", "is nothing"),
    ("treatments.0.eligible.0.when", "open_tickets =", "of the condition"),
    ("treatments.0.eligible.0.otherwise", "", "It is missing"),
    ("treatments.0.because.0.says", "\u202e", "characters that cannot be seen"),
    ("treatments.0.value.removes", "101", "it is more than 100 %"),
    ("treatments.1.action.moves.0.costs", "-1", "is below nothing"),
    ("treatments.1.value.months", "many", "'many': write a whole number"),
    ("contact.cool_down_days", "-3", "it must be 0 or more"),
    ("contact.quiet_hours", "at night", "write them like '21:00 to 09:00'"),
    ("value.margin", "45 points", "write it like '10 %'"),
    ("budget.total", "much", "amount 'much' is malformed"),
    ("budget.per_customer", "5001", "more than the whole budget"),
    ("holdout", "100", "nobody is treated"),
    ("arms.0.share", "40", "together they must have 100 %"),
    ("arms.0.name", "", "It is missing"),
    ("rollout.stages", "50, 20, 100", "stages grow"),
    ("rollout.hold_days", "1.5", "write a whole number"),
    ("rollout.guard_rails.0.by_more_than", "5 %", "its margin is in points"),
    ("rollout.guard_rails.1.confidence", "50", "outside 80 % to 99.9 %"),
    ("term.last", "2026-02-30", "write a day"),
    ("term.last", "2026-11-01", "before it begins"),
)
ELSEWHERE = {"arms.0.share": "arms"}


@pytest.mark.parametrize(("path", "typed", "said"), WRONG)
def test_what_is_wrong_stands_beside_its_field(path: str, typed: str, said: str) -> None:
    tree = opened(SOUND)
    put(tree, path, typed)
    text = text_of(tree)
    form = form_of(tree, all_findings(tree, text, read_strategy(text).findings), text)
    place = ELSEWHERE.get(path, path)
    told = [one for one in form.said if one.where == place and one.tone == "bad"]
    if said == "of the condition":
        assert told
    else:
        assert any(said.lower() in one.said.lower() for one in told), form.said
    assert all(one.where for one in form.said), "each has a place"
    assert any(section.wrong for section in form.sections)


def test_all_faults_are_told_at_once_though_some_values_cannot_be_read() -> None:
    tree = opened(SOUND)
    typed = {
        "budget.total": "much",
        "treatments.0.title": "",
        "treatments.0.action.of_monthly": "0",
        "treatments.1.applicable.0.when": "npz > 3",
        "rollout.stages": "50, 20, 100",
        "market.time_zone": "Mars",
    }
    for path, value in typed.items():
        put(tree, path, value)
    put(tree, "contact.channels", [])
    text = text_of(tree)
    form = form_of(tree, all_findings(tree, text, read_strategy(text).findings), text)
    assert {one.where for one in form.said} == {*typed, "contact.channels"}


def test_what_hangs_on_a_value_that_cannot_be_read_is_not_told() -> None:
    tree = opened(edited(("per_customer: 40.00 USD", "per_customer: 4000.00 USD")))
    put(tree, "budget.total", "much")
    text = text_of(tree)
    [only] = all_findings(tree, text, read_strategy(text).findings)
    assert only.where == "budget.total"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- x",
        "k: [",
        edited(("holdout: 10 %", "holdout: 10")),
        edited(("holdout: 10 %", "holdout: 10 %\nmore: 1")),
        edited(("[sms, push, agent]", "[sms, push, sms]")),
        edited(("treatments: [loyalty_credit]}", "treatments: [other]}")),
    ],
)
def test_a_text_that_the_form_could_not_hand_back_is_not_opened(text: str) -> None:
    with pytest.raises(UsageError, match="The form cannot show"):
        opened(text)


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

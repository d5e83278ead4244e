"""Texts of strategies for the form: drawn ones, hostile ones, and values that are wrong; and what a form asks."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import yaml
from hypothesis import strategies as st

from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.strategies.reading import legible_strategy, read_strategy
from placet.interfaces.console.views.strategy_form.shape import Items, Leaf, Part, Record
from placet.interfaces.console.views.strategy_form.shown import FormShown, Group

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

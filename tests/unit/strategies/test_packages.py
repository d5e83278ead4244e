"""The ready packages: a sound strategy for each market, whatever a customer spends there; and nothing else gets in."""

import csv
import re
from datetime import date
from decimal import Decimal
from importlib import resources
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from placet.contracts.money import Money, parse_money
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.treatment import OrderOffering, Staying, StrategyTreatment
from placet.contracts.strategies.written import WHOLE
from placet.decisioning.strategies import packages as tested
from placet.decisioning.strategies.packages import (
    MOST_MONTHLY,
    Journey,
    Lifecycle,
    MarketFacts,
    Package,
    filled,
    market_named,
    markets,
    package_named,
    packages,
    share_of,
    written,
)
from placet.decisioning.strategies.reading import ReadStrategy, read_strategy
from placet.errors import ConfigurationError, UsageError
from placet.sandbox.derived.offerings import OFFERINGS

FIRST = date(2026, 12, 1)
US = market_named("us")
KENYA = market_named("ke")
MONTHLY = st.integers(1, MOST_MONTHLY)
EACH = pytest.mark.parametrize("package", packages(), ids=[package.name for package in packages()])


def text_of(package: Package, market: MarketFacts = US, **said: Any) -> str:
    return written(package, market, **{"name": "ours", "monthly": None, "first": FIRST, "days": 90, **said})


def strategy_of(package: Package, market: MarketFacts = US, **said: Any) -> Strategy:
    strategy = read_strategy(text_of(package, market, **said)).strategy
    assert strategy is not None
    return strategy


def spent(market: MarketFacts, minor: int = 6_509) -> Money:
    return Money(amount_minor=minor, currency=market.currency)


@EACH
def test_each_package_is_a_sound_strategy_in_each_market(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[ReadStrategy] = []

    def kept(text: str) -> ReadStrategy:
        reads.append(read_strategy(text))  # `written` reads what it hands out; once is enough for many markets
        return reads[-1]

    monkeypatch.setattr(tested, "read_strategy", kept)
    for market in markets():
        assert text_of(package, market, monthly=spent(market))
        read = reads[-1]
        assert (market.code, read.findings) == (market.code, ())
        assert read.strategy is not None
        found = read.strategy
        assert (found.name, found.market.code) == ("ours", market.code)
        assert (found.market.currency, found.market.time_zone) == (market.currency, market.time_zone)
        assert (str(found.term.first), str(found.term.last)) == ("2026-12-01", "2027-02-28")


@EACH
def test_the_list_says_what_the_template_says(package: Package) -> None:
    found = strategy_of(package)
    assert (found.title, found.about, found.objective.measure) == (package.title, package.about, package.objective)
    assert package.least_days == found.rollout.hold_days * (len(found.rollout.stages) - 1) + 1
    assert text_of(package, days=package.least_days)


@EACH
def test_each_package_can_be_stopped_and_compared(package: Package) -> None:
    found = strategy_of(package)
    assert (found.holdout, found.rollout.stages) == (1_000, (1_000, 2_500, 5_000, WHOLE))
    assert {"complaints", "refusals"} <= {rail.measure for rail in found.rollout.guard_rails}
    assert found.contact.purpose == "marketing"
    for treatment in found.treatments:
        eligible = [rule.when for rule in treatment.eligible]
        assert "consent_marketing" in eligible, treatment.code
        assert "open_tickets = 0" in eligible, treatment.code
        assert treatment.because, treatment.code
        if treatment.action.kind == "adjust_balance":
            assert "bills_disputed_90d = 0" in eligible, f"{treatment.code}: a credit for who disputes a bill"


@EACH
def test_orders_are_of_the_sandbox_and_called_what_they_are_called_there(package: Package) -> None:
    for treatment in strategy_of(package).treatments:
        for move in treatment.action.moves if isinstance(treatment.action, OrderOffering) else ():
            assert move.title == OFFERINGS[move.offering].name
            assert move.replaces is None or move.replaces in OFFERINGS


def expected(strategy: Strategy, treatment: StrategyTreatment, churn_percent: int) -> tuple[Decimal, Decimal]:
    """Return what a treatment is worth and what it costs, of a customer who spends 1,000,000 minor units in a month."""
    margin, value, action = Decimal(strategy.value.margin) / WHOLE, treatment.value, treatment.action
    if isinstance(value, Staying):
        kept = 1_000_000 * margin * strategy.value.horizon_months
        worth = kept * churn_percent / 100 * value.removes / WHOLE
    else:
        worth = value.worth.amount_minor * margin * value.months * value.chance / WHOLE
    cost = Decimal(1_000_000 * action.of_monthly) / WHOLE
    if isinstance(action, OrderOffering):
        cost += max(move.costs.amount_minor if move.costs else 0 for move in action.moves)
        assert cost <= action.at_most.amount_minor
    else:
        cost = Decimal(action.at_most.amount_minor)  # who spends more gets more, and takes up no more
    return worth, cost


CHURN_PERCENT = {"loyalty_credit": 50, "one_year_contract": 40, "smaller_bill": 50, "smaller_line": 40}
"""At which score a treatment that keeps customers must be worth it."""


@EACH
def test_each_treatment_is_worth_more_than_it_costs_to_a_customer_as_most_are(package: Package) -> None:
    strategy = strategy_of(package, KENYA, monthly=spent(KENYA, 1_000_000))
    for treatment in strategy.treatments:
        worth, cost = expected(strategy, treatment, CHURN_PERCENT.get(treatment.code, 0))
        assert worth > cost, f"{treatment.code} is worth {worth} and costs {cost}"


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(packages()), st.sampled_from(markets()), MONTHLY)
@example(package_named("churn_prevention"), market_named("jp"), MOST_MONTHLY)
@example(package_named("churn_prevention"), market_named("jo"), 1)
def test_it_is_sound_whatever_a_customer_spends(package: Package, market: MarketFacts, minor: int) -> None:
    assert text_of(package, market, monthly=spent(market, minor))  # it raises where there is an error


def amounts(package: Package, minor: int) -> list[Decimal]:
    words = dict.fromkeys(("market", "currency", "time_zone", "name", "first", "last"), "x")
    text = filled(tested._file(f"{package.name}.yaml"), words, spent(KENYA, minor), package.name)
    return [Decimal(amount) for amount in re.findall(r"([0-9.]+) KES", text)]


@given(st.sampled_from(packages()), MONTHLY, MONTHLY)
def test_amounts_grow_with_what_a_customer_spends(package: Package, one: int, other: int) -> None:
    less, more = (amounts(package, minor) for minor in sorted((one, other)))
    assert len(less) >= 4
    assert all(Decimal("0.01") <= before <= after for before, after in zip(less, more, strict=True))


@given(MONTHLY, st.integers(1, 99_999))
def test_a_share_is_rounded_down_to_two_digits_and_never_nothing(minor: int, percent: int) -> None:
    share = share_of(spent(KENYA, minor), percent)
    exact = Decimal(minor) * percent / 100
    assert set(str(share.amount_minor)[2:]) <= {"0"}
    assert share.amount_minor == 1 if exact < 1 else exact * 10 / 11 - 1 < share.amount_minor <= exact
    assert share_of(spent(KENYA, minor), percent + 1).amount_minor >= share.amount_minor


@pytest.mark.parametrize(
    ("monthly", "percent", "written_out"),
    [
        ("65.09 USD", 20, "13.00 USD"),
        ("65.09 USD", 3, "1.90 USD"),
        ("3980 JPY", 8, "310 JPY"),
        ("12.345 JOD", 20, "2.400 JOD"),
        ("0.05 USD", 3, "0.01 USD"),
        ("65.09 USD", 50_000, "32000.00 USD"),
    ],
)
def test_a_share_is_an_amount_that_the_currency_can_write(monthly: str, percent: int, written_out: str) -> None:
    assert str(share_of(parse_money(monthly), percent)) == written_out


def test_all_of_a_customers_life_and_all_journeys_are_served() -> None:
    assert {package.lifecycle for package in packages()} == set(get_args(Lifecycle))
    assert {package.journey for package in packages()} - {None} == set(get_args(Journey))


def test_each_template_is_a_package() -> None:
    folder = resources.files("placet.decisioning.strategies").joinpath("library")
    templates = {one.name.removesuffix(".yaml") for one in folder.iterdir() if one.name.endswith(".yaml")}
    assert templates == {package.name for package in packages()}


def test_what_is_spent_is_known_of_the_sample_alone() -> None:
    sample = resources.files("placet.sandbox.data").joinpath("telco_customers.csv").read_text(encoding="utf-8")
    charges = [Decimal(row["monthly_charges"]) for row in csv.DictReader(sample.splitlines())]
    assert {market.code: str(market.monthly) for market in markets() if market.monthly} == {
        "us": f"{sum(charges) / len(charges):.2f} USD"
    }


def test_a_market_spends_its_own_currency() -> None:
    with pytest.raises(ValueError, match=r"65\.09 USD is not in KES"):
        MarketFacts.model_validate({**KENYA.model_dump(), "monthly": "65.09 USD"})


def test_a_package_and_a_market_are_found_by_name() -> None:
    assert package_named("win_back").title == "Win back customers who stopped spending"
    assert market_named("ke") == market_named("KE") == market_named("kenya")
    with pytest.raises(UsageError, match=r"^no package is called 'winback'; did you mean 'win_back'\?$") as package:
        package_named("winback")
    with pytest.raises(UsageError, match="`placet strategy packages` shows them"):
        package_named("\x1b[2J" + "z" * 200)
    with pytest.raises(UsageError, match=r"^no market is called 'Kenia'; did you mean 'ke'\?$") as market:
        market_named("Kenia")
    with pytest.raises(UsageError, match="`placet strategy markets` shows them"):
        market_named("xx")
    assert (package.value.code, market.value.code) == ("unknown_package", "unknown_market")


@pytest.mark.parametrize(
    ("market", "said", "line"),
    [
        (
            "ke",
            {},
            "say what a customer of this market (Kenya) spends in a month as a rule with --monthly, an amount in KES",
        ),
        (
            "ke",
            {"monthly": "65.00 USD"},
            "65.00 USD: customers of this market (Kenya) spend KES; write --monthly in it",
        ),
        ("us", {"monthly": "65.00 KES"}, "65.00 KES: customers of this market (United States) spend USD"),
        ("us", {"monthly": "0.00 USD"}, "0.00 USD in a month is nothing"),
        ("us", {"monthly": "-1.00 USD"}, "-1.00 USD in a month is nothing"),
        ("us", {"monthly": "10000000.01 USD"}, "10000000.01 USD in a month is more than one customer spends"),
        ("us", {"days": 0}, "0 days: a strategy runs on 1 to 366 days"),
        ("us", {"days": 367}, "367 days: a strategy runs on 1 to 366 days"),
        ("us", {"days": 42}, "42 days: 'upsell' needs 43 days or more"),
        ("us", {"first": date(9999, 12, 1)}, "90 days from 9999-12-01 on: the calendar ends before"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(market: str, said: dict[str, Any], line: str) -> None:
    if "monthly" in said:
        said = {**said, "monthly": parse_money(said["monthly"])}
    with pytest.raises(UsageError) as raised:
        text_of(package_named("upsell"), market_named(market), **said)
    assert str(raised.value).startswith(line)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "name",
    ["", "A", "9lives", "a b", "a-b", "a: b", 'a"', "a\nb", "a\n", "ä", "a" * 49, "{{market}}", "# x", "a\u202e"],
)
def test_what_is_no_name_never_lands_in_the_text(name: str) -> None:
    with pytest.raises(UsageError, match="is no name of a strategy, such as 'keep_at_risk'"):
        text_of(package_named("upsell"), name=name)


@given(st.text(max_size=60))
def test_a_name_is_refused_or_kept_as_it_is(name: str) -> None:
    if re.fullmatch(r"[a-z][a-z0-9_]{0,47}", name, re.ASCII) is None:
        with pytest.raises(
            UsageError, match=r"^'[^\n]*' is no name of a strategy|^\"[^\n]*\" is no name of a strategy"
        ):
            text_of(package_named("upsell"), name=name)
        return
    text = text_of(package_named("upsell"), name=name)
    read = read_strategy(text)
    assert read.strategy is not None
    assert read.strategy.name == name


@pytest.mark.parametrize("name", ["no", "on", "null", "true", "y"])
def test_words_that_yaml_takes_for_something_else_are_names(name: str) -> None:
    found = strategy_of(package_named("upsell"), market_named("no"), name=name, monthly=parse_money("400.00 NOK"))
    assert (found.name, found.market.code) == (name, "no")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("a: {{colour}}", "there is no placeholder {{colour}}; known: {{market}}, {{20 % of monthly}}"),
        ("a: {{0 % of monthly}}", "there is no placeholder {{0 % of monthly}}"),
        ("a: {{20% of monthly}}", "there is no placeholder {{20% of monthly}}"),
        ("a: {{ market }}", "there is no placeholder {{ market }}"),
        ("a: {{}}", "there is no placeholder {{}}"),
        ("a: {{market}\nb: }}", "a placeholder does not end: 'a: {{market}'"),
    ],
)
def test_a_template_with_an_unknown_placeholder_is_refused(template: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        filled(template, {"market": "us"}, parse_money("65.09 USD"), "the package x.yaml")
    assert str(raised.value).startswith(f"the package x.yaml: {said}")


def test_placeholders_are_filled_in_tables_and_comments() -> None:
    text = filled("{a: {{market}}, b: {{20 % of monthly}}}  # {{market}}", {"market": "us"}, parse_money("65 USD"), "x")
    assert text == "{a: us, b: 13.00 USD}  # us"


def test_a_template_that_is_no_strategy_is_never_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tested._file("upsell.yaml")
    monkeypatch.setattr(tested, "_file", lambda _: whole.replace("holdout: 10 %", "holdout: ten"))
    with pytest.raises(ConfigurationError, match=r"^the package upsell\.yaml:\d+: holdout: 'ten'"):
        text_of(package_named("upsell"))

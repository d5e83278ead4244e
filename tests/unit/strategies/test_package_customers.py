"""Whom the ready packages are for: a customer made by hand whom each treatment is for, and those whom it is not for."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import pytest

from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.treatment import StrategyTreatment
from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.cohorts.flattening import Row, Value, row_of
from placet.decisioning.strategies.packages import market_named, packages, written
from placet.decisioning.strategies.reading import read_strategy
from tests.unit.cohorts.drawing import empty_state

Said = Mapping[str, Value]

WELCOME: Final[Said] = {"consent_marketing": True, "consent_profiling": True, "currency": "USD"}
"""What every customer below has said, of whom nothing else is known."""

MEMBERS: Final[Mapping[str, Said]] = {
    "onboarding": {"tenure_days": 10},
    "upsell": {
        "tenure_days": 400, "data_mb_trend_percent": 60, "data_mb_30d": 30_000, "voice_seconds_trend_percent": 25,
    },
    "family_convergence": {"household_members": 3, "products": 1, "devices": 3},
    "wallet_activation": {"has_wallet": True, "recharges_30d": 2, "airport_visits_30d": 1, "place": "airport"},
    "spend_triggered": {
        "tenure_days": 400, "recharged_minor_90d": 9_000, "recharged_minor_30d": 5_000, "recharges_7d": 2,
    },
    "gaming_persona": {"data_mb_30d": 60_000, "devices": 4, "age_years": 30, "balance_checks_7d": 2},
    "third_balance_check": {"balance_checks_7d": 3, "recharges_90d": 6, "recharge_late_percent": 60},
    "second_product": {
        "products": 1, "data_mb_trend_percent": -40, "devices": 2, "household_members": 2, "tenure_days": 800,
    },
    "churn_prevention": {"churn_percent": 65, "tenure_days": 800, "products": 2},
    "win_back": {"recharges_90d": 4, "tenure_days": 800, "products": 2},
}  # fmt: skip
"""Of each package, somebody in its cohort."""

GETS: Final[Mapping[tuple[str, str], Said]] = {
    ("onboarding", "first_steps_credit"): {},
    ("onboarding", "help_at_home"): {"has_internet": True, "tickets_opened_30d": 1, "tickets_closed_30d": 1},
    ("upsell", "faster_line"): {"has_internet": True},
    ("upsell", "more_lines"): {"has_mobile": True, "household_members": 2},
    ("upsell", "streaming"): {"has_internet": True, "devices": 2},
    ("family_convergence", "home_internet"): {},
    ("family_convergence", "family_lines"): {"has_mobile": True},
    ("family_convergence", "family_tv"): {"has_internet": True},
    ("wallet_activation", "first_payment_credit"): {},
    ("wallet_activation", "travel_credit"): {},
    ("spend_triggered", "thank_you_credit"): {},
    ("spend_triggered", "event_credit"): {"place": "stadium", "stadium_visits_7d": 1, "stadium_visits_90d": 3},
    ("spend_triggered", "larger_line"): {"data_mb_trend_percent": 60},
    ("gaming_persona", "faster_line"): {"has_internet": True},
    ("gaming_persona", "device_protection"): {},
    ("gaming_persona", "data_credit"): {},
    ("third_balance_check", "small_credit"): {},
    ("third_balance_check", "smaller_line"): {
        "bills_issued_90d": 3, "balance_checks_90d": 12, "payment_late_percent": 70,
    },
    ("second_product", "add_internet"): {"competitor_signals_30d": 1},
    ("second_product", "add_tv"): {"has_internet": True},
    ("second_product", "add_line"): {},
    ("churn_prevention", "loyalty_credit"): {},
    ("churn_prevention", "one_year_contract"): {"bills_issued_90d": 3},
    ("churn_prevention", "smaller_bill"): {"bills_issued_90d": 3, "data_mb_trend_percent": -30},
    ("win_back", "welcome_back_credit"): {},
    ("win_back", "smaller_line"): {"bills_issued_90d": 2},
}  # fmt: skip
"""What makes that member somebody whom the treatment is for, with a reason that can be said."""

OUTSIDERS: Final[tuple[tuple[str, Said], ...]] = (
    ("onboarding", {"tenure_days": 61}),
    ("onboarding", {"tenure_days": None}),
    ("upsell", {"tenure_days": 100}),
    ("upsell", {"data_mb_trend_percent": 19, "voice_seconds_trend_percent": None}),
    ("family_convergence", {"household_members": 1}),
    ("family_convergence", {"products": 3}),
    ("wallet_activation", {"has_wallet": False}),
    ("wallet_activation", {"wallet_payments_90d": 1}),
    ("spend_triggered", {"recharged_minor_30d": 3_899}),
    ("spend_triggered", {"tenure_days": 20}),
    ("spend_triggered", {"recharged_minor_30d": 0, "recharged_minor_90d": 0}),
    ("gaming_persona", {"data_mb_30d": 19_999}),
    ("gaming_persona", {"devices": 1}),
    ("third_balance_check", {"balance_checks_7d": 2}),
    ("second_product", {"products": 2}),
    ("second_product", {"data_mb_trend_percent": -10}),
    ("churn_prevention", {"churn_percent": 39}),
    ("churn_prevention", {"churn_percent": None}),
    ("win_back", {"recharges_30d": 1}),
    ("win_back", {"bills_issued_30d": 1}),
    ("win_back", {"recharges_90d": 0}),
)

REFUSED: Final[tuple[tuple[str, str, Said, str], ...]] = (
    ("onboarding", "first_steps_credit", {"app_visits_30d": 4}, "uses_app"),
    ("upsell", "faster_line", {"payment_late_percent": 80}, "pays_late"),
    ("upsell", "streaming", {"has_tv": True}, "no_room_for_tv"),
    ("family_convergence", "home_internet", {"has_internet": True}, "has_internet"),
    ("wallet_activation", "first_payment_credit", {"recharges_30d": 0}, "pays_nothing"),
    ("wallet_activation", "travel_credit", {"consent_profiling": None}, "no_profiling"),
    ("spend_triggered", "event_credit", {"stadium_visits_7d": 0}, "not_at_event"),
    ("spend_triggered", "event_credit", {"consent_profiling": False}, "no_profiling"),
    ("gaming_persona", "device_protection", {"age_years": 17}, "no_adult"),
    ("gaming_persona", "data_credit", {"age_years": None}, "no_adult"),
    ("third_balance_check", "small_credit", {"recharges_7d": 1}, "just_recharged"),
    ("second_product", "add_internet", {"network_fault_minutes_30d": 120}, "bad_network"),
    ("churn_prevention", "loyalty_credit", {"bills_disputed_90d": 1}, "disputes_bill"),
    ("churn_prevention", "smaller_bill", {"churn_percent": 49}, "risk_too_low"),
    ("win_back", "welcome_back_credit", {"refusals_90d": 2}, "tired_of_offers"),
)


@pytest.fixture(scope="module")
def strategies() -> Mapping[str, Strategy]:
    found = {}
    for package in packages():
        text = written(package, market_named("us"), name=package.name, monthly=None, first=date(2026, 12, 1), days=90)
        strategy = read_strategy(text).strategy
        assert strategy is not None
        found[package.name] = strategy
    return found


def customer(package: str, *said: Said) -> Row:
    row = row_of(empty_state(), None)
    for more in (WELCOME, MEMBERS[package], *said):
        assert more.keys() <= row.keys()
        row.update(more)
    return row


def in_cohort(strategy: Strategy, row: Row) -> bool:
    return cohort_of(strategy.cohort).has(row) is True


def against(treatment: StrategyTreatment, row: Row) -> list[str]:
    """Return the codes of the rules that do not hold, in their order."""
    return [rule.code for _, _, rule in treatment.rules() if cohort_of(rule.when).has(row) is not True]


def treatment_of(strategy: Strategy, code: str) -> StrategyTreatment:
    return next(one for one in strategy.treatments if one.code == code)


def test_each_treatment_of_each_package_is_asked_here(strategies: Mapping[str, Strategy]) -> None:
    assert {(name, one.code) for name, strategy in strategies.items() for one in strategy.treatments} == set(GETS)
    assert {name for name, _ in OUTSIDERS} == {name for name, *_ in REFUSED} == {one.name for one in packages()}


@pytest.mark.parametrize(("package", "code"), GETS, ids=["-".join(key) for key in GETS])
def test_whom_a_treatment_is_for_gets_it_and_is_told_why(
    package: str, code: str, strategies: Mapping[str, Strategy]
) -> None:
    strategy, row = strategies[package], customer(package, GETS[package, code])
    treatment = treatment_of(strategy, code)
    assert in_cohort(strategy, row)
    assert against(treatment, row) == []
    told = [because.says for because in treatment.because if cohort_of(because.when).has(row) is True]
    assert told
    assert all(says.endswith(".") and "churn" not in says for says in told)


@pytest.mark.parametrize(("package", "said"), OUTSIDERS, ids=[f"{name}-{'-'.join(said)}" for name, said in OUTSIDERS])
def test_whom_a_package_is_not_for_is_not_in_its_cohort(
    package: str, said: Said, strategies: Mapping[str, Strategy]
) -> None:
    assert not in_cohort(strategies[package], customer(package, said))


@pytest.mark.parametrize(
    ("package", "code", "said", "reason"), REFUSED, ids=["-".join((one[0], one[1], one[3])) for one in REFUSED]
)
def test_whom_a_treatment_is_not_for_is_told_the_reason(
    package: str, code: str, said: Said, reason: str, strategies: Mapping[str, Strategy]
) -> None:
    row = customer(package, GETS[package, code], said)
    assert in_cohort(strategies[package], row)
    assert against(treatment_of(strategies[package], code), row) == [reason]


@pytest.mark.parametrize("said", [{"consent_marketing": False}, {"consent_marketing": None}], ids=["no", "unknown"])
def test_nobody_gets_anything_without_consent(said: Said, strategies: Mapping[str, Strategy]) -> None:
    for package, code in GETS:
        row = customer(package, GETS[package, code], said)
        assert against(treatment_of(strategies[package], code), row) == ["no_consent"]


def test_nobody_gets_anything_while_a_ticket_is_open(strategies: Mapping[str, Strategy]) -> None:
    for package, code in GETS:
        row = customer(package, GETS[package, code], {"open_tickets": 1})
        assert against(treatment_of(strategies[package], code), row) == ["open_ticket"]


def test_who_is_known_by_nothing_is_in_no_package(strategies: Mapping[str, Strategy]) -> None:
    nobody = row_of(empty_state(), None)
    assert [name for name, strategy in strategies.items() if in_cohort(strategy, nobody)] == []

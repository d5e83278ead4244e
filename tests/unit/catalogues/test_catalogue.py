"""A catalogue is checked as a strategy is, names what a run reads and nothing else, and is asked as a strategy is."""

from pathlib import Path
from typing import Any

import pytest

from agents.catalogue import load
from agents.own_catalogue import OwnCatalogue, read_own_catalogue
from placet.contracts.billing import HeldProduct
from placet.contracts.customer import DeclaredFact
from placet.contracts.proposal import Candidate, OrderProduct
from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.cohorts.columns import BY_NAME
from placet.decisioning.cohorts.run_columns import RUN_COLUMNS, columns_of_run, row_of_run
from placet.decisioning.facts import Facts
from placet.decisioning.next_best_action.candidates import Live, prepare
from placet.decisioning.next_best_action.catalogues import decide_by_catalogue
from placet.decisioning.next_best_action.worth import STATE
from placet.decisioning.strategies.catalogues import agent_of_catalogue, read_catalogue
from placet.decisioning.strategies.reading import read_strategy
from placet.entrypoints.environment import CHECKOUT
from placet.errors import ConfigurationError, UsageError
from placet.governance.signing.canonical import digest
from placet.service.strategies.checking import check_catalogue
from tests.agents.support import customer, evidence, usd
from tests.unit.next_best_action.drawing import strategy

PROTECTED = {"gender", "female", "sex", "age", "age_years", "senior_citizen", "partner", "dependents", "name"}
FOLDER = CHECKOUT / "agents" / "retention"
TEXT = (FOLDER / "strategy.yaml").read_text()
DECLARED = load("retention").facts
KNOWN = columns_of_run(DECLARED)
OWN: OwnCatalogue = read_own_catalogue(FOLDER, "retention", DECLARED)


def edited(*edits: tuple[str, str]) -> str:
    text = TEXT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def own(folder: Path, *edits: tuple[str, str]) -> OwnCatalogue:
    (folder / "strategy.yaml").write_text(edited(*edits))
    return read_own_catalogue(folder, "retention", DECLARED)


def weighed(asked: OwnCatalogue = OWN, churn_bp: int = 7_000, **changes: Any) -> dict[str, Candidate]:
    profile = customer(**{name: changes.pop(name) for name in ("tenure_months", "contract") if name in changes})
    found = asked.weigh(evidence(profile, **changes), churn_bp, None)
    return {one.treatment: one for one in found}


def product(offering: str, product_id: str = "P-9") -> HeldProduct:
    return HeldProduct(product_id=product_id, offering_id=offering, name="x", status="active")


def test_what_ships_is_sound_and_has_no_warning() -> None:
    assert read_catalogue(TEXT, KNOWN).findings == ()
    assert agent_of_catalogue(TEXT) == "retention"


def test_no_column_of_a_run_is_a_protected_attribute() -> None:
    assert not PROTECTED & {*KNOWN.columns, *Facts.model_fields}


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("churn_bp >= 1500", "churn_percent >= 15"), "no column is called 'churn_percent'; did you mean churn_bp?"),
        (
            ("churn_bp >= 1500", "consent_marketing"),
            "no column is called 'consent_marketing'; docs/strategies.md lists",
        ),
        (
            ("contract = 'month_to_month'", "contract = 'lifetime'"),
            "contract is never 'lifetime'; it is one of: month_",
        ),
        (("churn_bp >= 1500", "churn_bp >= 10001"), "churn_bp >= 10001 is never true: it leaves everybody out"),
        (("at_most: 20.00 USD", "at_most: 20.00 EUR"), "20.00 EUR is not in the catalogue's currency, USD"),
        (("code: loyalty_bonus", "code: goodwill_credit"), "treatment 'goodwill_credit' is listed twice"),
        (("code: loyalty_bonus", "code: nothing"), "'nothing' is always there"),
        (("of_monthly: 10 %", "of_monthly: 10"), "write it with its unit, like '10 %'"),
        (("margin: 45 %", "margin: 45 %, budget: 5"), "budget"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(edit: tuple[str, str], said: str) -> None:
    read = read_catalogue(edited(edit), KNOWN)
    assert read.catalogue is None
    [finding] = read.findings
    assert said in finding.said or said in finding.where
    line = edited(edit).splitlines()[finding.line - 1]
    assert edit[1].split(":")[0].split(" ")[0].strip("'") in line


def test_a_cohort_and_a_strategy_cannot_name_what_only_a_run_reads() -> None:
    for column in RUN_COLUMNS:
        if column.name not in BY_NAME:
            with pytest.raises(UsageError, match="no column is called"):
                cohort_of(f"{column.name} IS NOT NULL")
    [finding] = read_strategy(TEXT).findings
    assert (finding.where, finding.severity) == ("form", "error")
    assert finding.said.startswith("it is an application's catalogue, which decides runs that name no strategy")


def test_a_fact_that_every_run_has_cannot_be_declared() -> None:
    with pytest.raises(ConfigurationError, match="declares 'churn_bp', which every run has"):
        columns_of_run((DeclaredFact(name="churn_bp", kind="number"),))


def test_a_declared_figure_is_a_column_within_its_bounds() -> None:
    known = columns_of_run((DeclaredFact(name="lines", kind="number"), DeclaredFact(name="segment")))
    profile = customer(facts=({"name": "lines", "value": 10**12}, {"name": "segment", "value": "gold"}))
    row = row_of_run(evidence(profile, bill_minor=2 * 10**12), 7_000, known)
    assert (row["lines"], row["segment"], row["monthly_charge_minor"]) == (10**12, "gold", 10**12)
    assert cohort_of("lines >= 4 AND segment = 'gold'", known).has(row) is True
    unsaid = row_of_run(evidence(customer(facts=({"name": "lines", "value": "four"},))), 7_000, known)
    assert (unsaid["lines"], unsaid["segment"]) == (None, None)


def test_nothing_read_is_nothing_known() -> None:
    row = row_of_run(evidence(bills=(), products=(), balances=()), 7_000, KNOWN)
    known = {name: row[name] for name in ("currency", "monthly_charge_minor", "balance_minor", "usage_trend_bp")}
    assert known == {"currency": None, "monthly_charge_minor": 0, "balance_minor": None, "usage_trend_bp": None}


def test_of_an_order_the_move_that_fits_is_weighed_and_costs_what_it_costs() -> None:
    dsl, fiber = (weighed(products=(product(f"PO-internet-{one}"),))["plan_change"] for one in ("dsl", "fiber"))
    assert (dsl.cost_minor, fiber.cost_minor) == (6_000, 9_600)
    assert isinstance(dsl.mutation, OrderProduct)
    assert (dsl.mutation.offering_id, dsl.mutation.product_id) == ("PO-internet-dsl-saver", "P-9")
    none = weighed(products=(product("PO-phone"),))["plan_change"]
    assert (none.cost_minor, [one.code for one in none.reasons_against]) == (0, ["no_product_to_move"])


def test_an_order_that_would_cost_more_than_its_bound_falls_for_that(tmp_path: Path) -> None:
    asked = own(tmp_path, ("at_most: 150.00 USD\n      moves:", "at_most: 96.00 USD\n      moves:"))
    assert weighed(asked)["plan_change"].eligible
    asked = own(tmp_path, ("of_monthly: 50 %\n      at_most: 150.00 USD", "of_monthly: 50 %\n      at_most: 52.49 USD"))
    [reason] = weighed(asked, tenure_months=20)["contract_extension"].reasons_against
    assert (reason.code, reason.detail) == ("above_cap", "would cost 52.50 USD, more than 52.49 USD")


def test_each_candidate_keeps_the_stage_reason_chance_and_value_as_those_of_strategies_do() -> None:
    decision = decide_by_catalogue(OWN.catalogue, OWN.version, OWN.ground, evidence(), 7_282)
    chosen = decision.chosen
    assert chosen is not None
    assert (chosen.strategy, chosen.version, chosen.treatment) == (
        "retention_catalogue",
        OWN.version,
        "goodwill_credit",
    )
    assert (chosen.chance, chosen.chance_of, chosen.cost, chosen.value) == (7_282, "leaving", usd(1_050), usd(2_253))
    assert [(one.treatment, one.fell, one.reason.code) for one in decision.weighed] == [
        ("goodwill_credit", None, "worth_most"),
        ("plan_change", "outranked", "outranked"),
        ("loyalty_bonus", "eligible", "tenure_too_short"),
        ("contract_extension", "eligible", "too_early_to_commit"),
    ]
    assert [one.detail for one in chosen.because] == [
        "We would like to keep you.",
        "You have been with us for a year or less.",
        "You have a bill that is not paid yet.",
    ]


def test_strategies_of_two_grounds_are_never_asked_at_once() -> None:
    one, other = strategy(), strategy(("name: keep_at_risk", "name: keep_others"))
    lives = [Live(one, digest(one)), Live(other, digest(other), ground=OWN.ground)]
    assert lives[0].ground is STATE
    with pytest.raises(ValueError, match="one ground"):
        prepare(lives, "agent", evidence().read_at)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("agent: retention", "agent: advance"), r"is of agent 'advance', not 'retention'"),
        (
            ("churn_bp >= 1500", "churn >= 15"),
            r"strategy\.yaml:27:16' is wrong: treatments\.1\.eligible\.1\.when: no col",
        ),
    ],
)
def test_an_application_whose_catalogue_is_wrong_is_not_loaded(
    tmp_path: Path, edit: tuple[str, str], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        own(tmp_path, edit)


def test_a_check_says_a_catalogue_in_words_and_names_its_version() -> None:
    checked = check_catalogue(TEXT, DECLARED)
    assert (checked.name, checked.digest, checked.sound) == ("retention_catalogue", OWN.version, True)
    assert ("catalogue", "signed by") in {(one.group, one.heading) for one in checked.told}
    assert not check_catalogue(edited(("churn_bp >= 1500", "churn >= 15")), DECLARED).sound

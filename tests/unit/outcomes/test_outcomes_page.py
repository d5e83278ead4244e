"""docs/outcomes.md names every reason and every verdict, and what customers did is said of every measure."""

from pathlib import Path
from typing import get_args

from placet.contracts.outcomes.figures import UnknownCode
from placet.contracts.outcomes.guard import Counting, GuardVerdict
from placet.contracts.outcomes.windows import NotKnown
from placet.contracts.strategies.rollout import Measure
from placet.decisioning.windows.counting import MEASURES, docs_table
from placet.interfaces.telling import outcome_reports
from placet.interfaces.telling.outcomes import DID, SAID

PAGE = (Path(__file__).parents[3] / "docs" / "outcomes.md").read_text(encoding="utf-8")


def test_the_page_names_every_code_verdict_and_way_of_counting() -> None:
    verdicts = get_args(GuardVerdict.model_fields["verdict"].annotation)
    for name in (*get_args(UnknownCode), *verdicts, *get_args(Counting)):
        assert f"`{name}`" in PAGE, name
    assert set(SAID) == set(verdicts)


def test_the_page_has_the_measures_of_a_window_and_every_reason_why_a_customer_is_not_known() -> None:
    assert docs_table() in PAGE
    assert set(outcome_reports.WHY) == set(get_args(NotKnown))
    for name in get_args(NotKnown):
        assert f"`{name}`" in PAGE, name


def test_what_customers_did_is_said_of_every_measure() -> None:
    assert set(DID) == set(outcome_reports.DID) == set(MEASURES) == set(get_args(Measure))

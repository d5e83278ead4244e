"""docs/outcomes.md names every reason and every verdict, and what customers did is said of every measure."""

from pathlib import Path
from typing import get_args

from placet.contracts.outcomes.figures import UnknownCode
from placet.contracts.outcomes.guard import Counting, GuardVerdict
from placet.contracts.strategies.rollout import Measure
from placet.interfaces.telling.outcomes import DID, SAID

PAGE = (Path(__file__).parents[3] / "docs" / "outcomes.md").read_text(encoding="utf-8")


def test_the_page_names_every_code_verdict_and_way_of_counting() -> None:
    verdicts = get_args(GuardVerdict.model_fields["verdict"].annotation)
    for name in (*get_args(UnknownCode), *verdicts, *get_args(Counting)):
        assert f"`{name}`" in PAGE, name
    assert set(SAID) == set(verdicts)


def test_what_customers_did_is_said_of_every_measure() -> None:
    assert set(DID) == set(get_args(Measure))

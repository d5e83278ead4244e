"""Strategies and customers for decisions: made ones whose answer is known, and drawn ones."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from placet.contracts.strategies.decision import NextBestAction, Weighed
from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.cohorts.flattening import Row, row_of
from placet.decisioning.next_best_action.candidates import Live, prepare
from placet.decisioning.next_best_action.deciding import decide
from placet.decisioning.strategies.reading import read_strategy
from placet.governance.signing.canonical import digest
from tests.unit.cohorts.drawing import NOW, empty_state
from tests.unit.strategies.texts import edited

NOON = datetime(2026, 12, 10, 18, tzinfo=UTC)
"""Noon in Chicago, within the strategy's term."""

CUSTOMERS = tuple(f"C{number:05}" for number in range(400))


def strategy(*edits: tuple[str, str]) -> Strategy:
    """Return the sound strategy of `tests.unit.strategies.texts` with edits."""
    read = read_strategy(edited(*edits))
    assert read.strategy is not None, read.findings
    return read.strategy


def live(*edits: tuple[str, str], reached: int = 10_000) -> Live:
    """Return it as one that may speak."""
    one = strategy(*edits)
    return Live(one, digest(one), reached)


def customer(customer_id: str = "C00001", **values: Any) -> Row:
    """Return somebody whom nothing keeps from a loyalty credit, with values of their own."""
    likely = {
        "customer_id": customer_id,
        "churn_percent": 70,
        "tenure_days": 400,
        "consent_marketing": True,
        "currency": "USD",
        "billed_minor_90d": 24_000,
        "has_internet": True,
    }
    return {**row_of(empty_state(), None), **likely, **values}


def weighed(found: NextBestAction, strategy_name: str, treatment: str) -> Weighed:
    """Return a candidate of a decision."""
    (one,) = [one for one in found.weighed if (one.strategy, one.treatment) == (strategy_name, treatment)]
    return one


def decided(strategies: list[Live], row: Row, channel: Any = "sms", at: datetime = NOON) -> NextBestAction:
    """Return the decision for a row."""
    return decide(prepare(strategies, channel, at), row, as_of=NOW, state_version=3, channel=channel, at=at)


def rows() -> st.SearchStrategy[Row]:
    """Return customers near the bounds of what the strategies ask."""
    return st.builds(
        customer,
        customer_id=st.sampled_from(CUSTOMERS),
        churn_percent=st.sampled_from([None, 0, 29, 30, 60, 100]),
        tenure_days=st.sampled_from([None, -5, 89, 90, 4000]),
        consent_marketing=st.sampled_from([None, False, True, True, True]),
        currency=st.sampled_from([None, "USD", "USD", "USD", "EUR"]),
        billed_minor_90d=st.sampled_from([-100, 0, 7, 24_000, 10**12]) | st.integers(0, 100_000),
        recharged_minor_90d=st.sampled_from([0, 0, 1, 9_999, 10**12]),
        open_tickets=st.sampled_from([0, 0, 0, 1]),
        bills_disputed_90d=st.sampled_from([0, 0, 0, 2]),
        has_internet=st.booleans(),
        contacts_90d=st.integers(0, 3),
        refusals_90d=st.sampled_from([0, 0, 0, 1]),
        days_since_contact=st.sampled_from([None, 0, 29, 30, -1]),
    )

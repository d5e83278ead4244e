"""The gate's own check accepts exactly what the published text makes, for whatever text and state; nothing else."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from placet.contracts.analysis.assessment import Assessment
from placet.contracts.money import Money
from placet.contracts.mutation import AdjustBalance
from placet.contracts.proposal import Proposal
from placet.contracts.strategies.strategy import Strategy
from placet.errors import DecisionRefused
from placet.gate.strategies.holding import check_decided, first_hand
from placet.governance.authority.mandates import covers
from tests.support.facts import FACTS
from tests.support.steps import Steps
from tests.support.strategies.published import ALSO_IN_BOTH, HELD, IN_BOTH, IN_SMALL, Shop, proposal_of, strategy

FIELDS = st.sampled_from(
    ["amount", "treatment", "customer", "version", "channel", "leaving", "drawn_by", "value", "conditions", "bucket"]
)
TREATMENTS = ("loyalty_credit", "small_credit", "goodwill_credit", "nothing")
CUSTOMERS = (IN_BOTH, ALSO_IN_BOTH, IN_SMALL, HELD)


SAID: Mapping[str, st.SearchStrategy[Any]] = {
    "version": st.text("0123456789abcdef", min_size=64, max_size=64),
    "channel": st.sampled_from(["sms", "push", "in_app"]),
    "leaving": st.integers(0, 100),
    "drawn_by": st.sampled_from(CUSTOMERS),
}
"""What a proposal may say of the strategy and of whom it is for."""


@st.composite
def texts(draw: st.DrawFn) -> Strategy:
    """Draw a version of the strategy with other figures."""
    share, steps = draw(st.integers(1, 40)), draw(st.sampled_from(["0.01", "0.50", "1.00"]))
    return strategy(
        ("of_monthly: 20 %", f"of_monthly: {share} %"),
        ("in_steps_of: 0.50 USD", f"in_steps_of: {steps} USD"),
        ("removes: 15 %", f"removes: {draw(st.integers(1, 60))} %"),
        ("about: A credit", f"about: Credit {secrets.token_hex(6)}"),
    )


def other(drawn: st.DataObject, values: st.SearchStrategy[Any], now: Any) -> Any:
    """Draw something else than what is so now."""
    return drawn.draw(values.filter(lambda value: value != now))


def bent(proposal: Proposal, field: str, drawn: st.DataObject) -> Proposal:
    """Change one thing of a proposal to something else."""
    mutation, used = proposal.mutation, proposal.strategy
    assert isinstance(mutation, AdjustBalance)
    assert used is not None
    changes: dict[str, Any]
    if field == "amount":
        minor = other(drawn, st.integers(1, 2_000), mutation.amount.amount_minor)
        money = Money(amount_minor=minor, currency="USD")
        changes = {"mutation": mutation.model_copy(update={"amount": money}), "cost": money}
    elif field == "treatment":
        changes = {"treatment": other(drawn, st.sampled_from(TREATMENTS), proposal.treatment)}
    elif field == "customer":
        customer = other(drawn, st.sampled_from(CUSTOMERS), proposal.customer_id)
        changes = {"customer_id": customer, "mutation": mutation.model_copy(update={"customer_id": customer})}
    elif field == "bucket":
        changes = {"mutation": mutation.model_copy(update={"bucket_id": "B-C00099"})}
    elif field == "value":
        changes = {"expected_value_minor": other(drawn, st.integers(-9, 9_999), proposal.expected_value_minor)}
    elif field == "conditions":
        changes = {"preconditions": proposal.preconditions[1:]}
    else:
        changes = {"strategy": used.model_copy(update={field: other(drawn, SAID[field], getattr(used, field))})}
    return proposal.model_copy(update=changes)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=texts(), drawn=st.data())
def test_what_the_text_makes_is_accepted_and_anything_else_is_refused(
    shop: Shop, one: Strategy, drawn: st.DataObject
) -> None:
    record = shop.publish(one)
    steps = shop.run(one, key=secrets.token_hex(8))
    analysed = steps.analyse()
    proposed = steps.propose(analysed, steps.query(analysed))
    if proposed.proposal is None:
        return  # no credit of this version is worth what it costs
    proposal = proposal_of(steps, proposed)
    _check(shop, steps, record.mandate.document_id, proposal)
    for field in drawn.draw(st.lists(FIELDS, min_size=1, max_size=4, unique=True)):
        with pytest.raises(DecisionRefused):
            _check(shop, steps, record.mandate.document_id, bent(proposal, field, drawn))


def _check(shop: Shop, steps: Steps, mandate_id: str, proposal: Proposal) -> None:
    """Ask what `clear` asks of a mandate, its signature and budget aside."""
    known = first_hand(steps.parts.context, steps.run)
    with shop.database.reading() as tx:
        record = tx.mandates.get("demo", mandate_id)
        assert record is not None
        found = tx.artifacts.get_model(proposal.assessment, Assessment, tenant="demo")
        covers(record.mandate, proposal, found.customer, found.risk, datetime.now(UTC), FACTS)
        check_decided(tx, record, steps.run, proposal, known, shop.policies, datetime.now(UTC))

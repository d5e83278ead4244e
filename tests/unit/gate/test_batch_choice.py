"""What a batch is about: the bounds of what was chosen, and the limits its signer states."""

from collections.abc import Iterator

import pytest

from placet.contracts.money import LARGEST_MINOR, Money
from placet.contracts.people.batch import BatchBounds
from placet.contracts.proposal import Proposal
from placet.errors import DecisionRefused, UsageError
from placet.service.deciding.batch_choice import BatchLimits
from tests.unit.gate.batching import proposal_of, usd


def amounts() -> Iterator[Proposal]:
    for number, minor in enumerate((300, 500, 200)):
        yield proposal_of(number, minor)


def test_bounds_are_what_was_chosen_unless_the_signer_states_them() -> None:
    chosen = tuple(amounts())
    assert BatchLimits().around(chosen) == BatchBounds(
        agent="retention",
        kinds=("adjust_balance",),
        treatments=("goodwill_credit",),
        max_cost=usd(500),
        total_cost=usd(1000),
    )
    stated = BatchLimits(max_cost=usd(600), total_cost=usd(2000), treatments=("goodwill_credit", "data_pack"))
    assert stated.around(chosen) == BatchBounds(
        agent="retention",
        kinds=("adjust_balance",),
        treatments=("goodwill_credit", "data_pack"),
        max_cost=usd(600),
        total_cost=usd(2000),
    )


def test_a_sum_that_no_amount_can_say_is_one_clear_line_and_signs_nothing() -> None:
    dear = [proposal_of(number, LARGEST_MINOR) for number in range(2)]
    assert BatchLimits().around(dear[:1]).total_cost == usd(LARGEST_MINOR)
    with pytest.raises(UsageError, match="the 2 proposals cost 18014398509481982 minor units together") as caught:
        BatchLimits().around(dear)
    assert caught.value.code == "too_much"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"agent": "advance"}, "one signature is for one agent's proposals, not for those of advance, retention"),
        ({"cost": Money(amount_minor=1, currency="EUR")}, "the costs are in EUR, USD and cannot be added up"),
    ],
)
def test_one_batch_is_one_agents_and_in_one_currency(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        BatchLimits().around([proposal_of(0), proposal_of(1).model_copy(update=change)])
    assert caught.value.code == "mixed_batch"


@pytest.mark.parametrize(
    "limits",
    [
        BatchLimits(agent="advance"),
        BatchLimits(kinds=("order_product",)),
        BatchLimits(treatments=("data_pack",)),
        BatchLimits(max_cost=usd(999)),
        BatchLimits(max_cost=Money(amount_minor=5000, currency="EUR")),
        BatchLimits(total_cost=usd(999)),
    ],
)
def test_what_is_outside_a_stated_limit_is_left_out(limits: BatchLimits) -> None:
    BatchLimits().check(proposal_of(0))
    with pytest.raises(DecisionRefused) as caught:
        limits.check(proposal_of(0))
    assert caught.value.code == "outside_batch"

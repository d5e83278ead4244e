"""What a run proposes is what the decision ranks first among what billing permits, for the ready packages."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache

from hypothesis import assume, given
from hypothesis import strategies as st

from placet.contracts.billing import Balance, Evidence, HeldProduct
from placet.contracts.money import Money
from placet.contracts.proposal import Candidate
from placet.contracts.strategies.decision import NextBestAction, Weighed
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.treatment import OrderOffering, StrategyTreatment
from placet.decisioning.cohorts.flattening import Row, Value
from placet.decisioning.next_best_action.candidates import Live, prepare
from placet.decisioning.next_best_action.deciding import decide
from placet.decisioning.next_best_action.proposing import candidates_of
from placet.decisioning.strategies.packages import market_named, packages, written
from placet.decisioning.strategies.reading import read_strategy
from placet.governance.signing.canonical import digest
from tests.agents.support import evidence
from tests.unit.cohorts.drawing import NOW
from tests.unit.next_best_action.drawing import CUSTOMERS
from tests.unit.strategies.test_package_customers import GETS, customer

NOON = datetime(2026, 12, 10, 18, tzinfo=UTC)


@cache
def ready_packages() -> Mapping[str, Strategy]:
    found = {}
    for package in packages():
        text = written(package, market_named("us"), name=package.name, monthly=None, first=date(2026, 12, 1), days=90)
        strategy = read_strategy(text).strategy
        assert strategy is not None
        found[package.name] = strategy
    return found


@st.composite
def cases(draw: st.DrawFn) -> tuple[Strategy, Row, Evidence]:
    """Draw a strategy, a customer near those whom it is for, and what billing shows of them."""
    package, code = draw(st.sampled_from(sorted(GETS)))
    strategy = ready_packages()[package]
    drawn: dict[str, Value] = {
        "customer_id": draw(st.sampled_from(CUSTOMERS)),
        "billed_minor_90d": draw(st.sampled_from([0, 24_000, 60_000]) | st.integers(-100, 200_000)),
        "churn_percent": draw(st.sampled_from([None, 0, 45, 70, 100])),
        "open_tickets": draw(st.sampled_from([0, 0, 0, 1])),
        "has_internet": draw(st.booleans()),
        "has_mobile": draw(st.booleans()),
        "tenure_days": draw(st.sampled_from([10, 400, 800])),
    }
    of_theirs = GETS[package, code]
    row = customer(package, of_theirs, {name: value for name, value in drawn.items() if name not in of_theirs})
    return strategy, row, draw(shown(strategy))


def shown(strategy: Strategy) -> st.SearchStrategy[Evidence]:
    actions = [one.action for one in strategy.treatments]
    moves = [move for action in actions if isinstance(action, OrderOffering) for move in action.moves]
    offerings = sorted({one for move in moves for one in (move.offering, move.replaces) if one} | {"PO-other"})
    products = st.lists(
        st.builds(
            HeldProduct,
            product_id=st.sampled_from(["P1", "P2", "P3"]),
            offering_id=st.sampled_from(offerings),
            name=st.just("A product"),
            status=st.sampled_from(["active", "Active", "suspended"]),
        ),
        max_size=3,
        unique_by=lambda product: product.product_id,
    )
    balances = st.lists(
        st.builds(
            Balance,
            bucket_id=st.just("B1"),
            name=st.just("Main balance"),
            status=st.sampled_from(["active", "active", "suspended"]),
            remaining=st.builds(Money, amount_minor=st.just(500), currency=st.sampled_from(["USD", "USD", "EUR"])),
        ),
        max_size=1,
    )
    return st.builds(
        lambda held, money: evidence().model_copy(update={"products": tuple(held), "balances": tuple(money)}),
        products,
        balances,
    )


def decided(strategy: Strategy, row: Row) -> NextBestAction:
    ready = prepare([Live(strategy, digest(strategy))], "agent", NOON)
    return decide(ready, row, as_of=NOW, state_version=3, channel="agent", at=NOON)


def permits(treatment: StrategyTreatment, found: Evidence) -> bool:
    """Say whether billing shows what the treatment can be done to."""
    action = treatment.action
    if not isinstance(action, OrderOffering):
        return any(one.status == "active" and one.remaining.currency == "USD" for one in found.balances)
    held = {one.offering_id for one in found.products if one.status.lower() == "active"}
    return any(move.offering not in held and (move.replaces is None or move.replaces in held) for move in action.moves)


def pick(candidates: tuple[Candidate, ...]) -> Candidate | None:
    return next((one for one in candidates if one.eligible and one.mutation is not None), None)


@given(cases())
def test_what_is_picked_is_ranked_first_among_what_billing_permits(case: tuple[Strategy, Row, Evidence]) -> None:
    strategy, row, found = case
    decision = decided(strategy, row)
    order = {one.code: number for number, one in enumerate(strategy.treatments)}
    treatments = {one.code: one for one in strategy.treatments}
    open_ = [
        one for one in decision.weighed if one.fell in (None, "outranked") and permits(treatments[one.treatment], found)
    ]
    best = max(open_, key=lambda one: (worth(one), -order[one.treatment]), default=None)
    candidates = candidates_of(decision, strategy, found)
    picked = pick(candidates)
    assert (picked and picked.treatment) == (best and best.treatment)
    if picked is not None and best is not None:
        assert best.cost is not None
        assert (picked.cost_minor, picked.expected_value_minor) == (best.cost.amount_minor, worth(best))
        assert worth(best) > 0
        assert picked.mutation is not None
        assert picked.mutation.customer_id == found.customer.customer_id
        moved = picked.mutation.moved
        assert moved is None or moved == best.cost
    if decision.chosen is not None and permits(treatments[decision.chosen.treatment], found):
        assert picked is not None
        assert picked.treatment == decision.chosen.treatment
    assert {one.treatment for one in candidates} == {*order, "nothing"}
    assert all(one.reasons_against for one in candidates if not one.eligible)


@given(cases())
def test_of_what_is_drawn_something_is_often_proposed(case: tuple[Strategy, Row, Evidence]) -> None:
    """Only what some customer gets says anything above: hypothesis gives up where nobody would."""
    strategy, row, found = case
    assume(pick(candidates_of(decided(strategy, row), strategy, found)) is not None)


def worth(one: Weighed) -> int:
    assert one.value is not None
    return one.value.amount_minor

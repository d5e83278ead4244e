"""A strategy that explores, of which the truth is known: simulated customers, decided for by the product's own step.

Billing answers of them what it answers of one customer of the sandbox, under their own ids.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from activities.propose import Propose
from placet.contracts.billing import Evidence
from placet.contracts.contact import ContactHistory
from placet.contracts.proposal import Proposal
from placet.contracts.run import ProposeInput
from placet.contracts.state import StateRead
from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.next_best_action.proposing import state_for
from placet.service.state.taking import take_events
from placet.service.strategies.publishing import carried
from tests.integration.outcomes.trial import MEMBERS, Trial, begun, event, habit, lot, recharge
from tests.support.steps import Steps
from tests.support.strategies.published import IN_BOTH, Shop
from tests.support.strategies.rolling import everybody
from tests.support.strategies.travelling import Trip

SPEND: Final = ("measure: churn, direction: lower", "measure: spend, direction: higher")
ALL_AT_ONCE: Final = ("stages: [60 %, 100 %]", "stages: [100 %]")
_ARMS: Final = (
    "arms:\n"
    "  - {name: both, share: 50 %, treatments: [loyalty_credit, small_credit]}\n"
    "  - {name: small, share: 50 %, treatments: [small_credit]}\n"
)
NO_ARMS: Final = (_ARMS, "")
EXPLORES: Final = ("holdout: 20 %", "holdout: 20 %\nexplore: 40 %")
SMALL_FIRST: Final = ("value: {of: staying, removes: 10 %}", "value: {of: staying, removes: 30 %}")
"""A changed text, by which the small credit is worth more."""
EDITS: Final = (SPEND, ALL_AT_ONCE, NO_ARMS, EXPLORES)
BRINGS: Final[Mapping[str, int]] = {"loyalty_credit": 500, "small_credit": 1_700}
"""What a customer recharges more after each: the truth."""


@dataclass
class Explored:
    """A rollout of it, and what was decided for whom."""

    trial: Trial
    decided: dict[str, Proposal]

    def live(self, brings: Callable[[str, str], int] | None = None) -> None:
        """Let a month pass, in which what each treatment brings is known."""
        texts = []
        for one in MEMBERS:
            chosen = self.decided.get(one)
            more = 0 if chosen is None else (brings or by_treatment)(one, chosen.treatment)
            noise = round(800 * (lot(one, "after") - 0.5))
            texts.append(recharge(one, self.trial.at(5), "after", habit(one) + noise + more))
        self.trial.take(texts, at=self.trial.at(10))
        self.trial.count()


def by_treatment(_customer: str, treatment: str) -> int:
    """Return what a treatment brings, to everybody alike."""
    return BRINGS[treatment]


def explored(shop: Shop, *edits: tuple[str, str], customers: Sequence[str] = MEMBERS) -> Explored:
    """Roll a strategy out, and let it decide for everybody whom it treats."""
    now = datetime.now(UTC)
    agreed = {"purpose": "marketing", "given": True}
    texts = [event(one, "consent.changed", now - timedelta(days=13), "consent", agreed) for one in MEMBERS]
    take_events(shop.database, "demo", texts, now=now, oldest=now - timedelta(days=400))
    trial = begun(shop, *EDITS, *edits)
    of = trial.rolling.of
    like = at_step(shop, of, IN_BOTH) if of.steps else shop.run(of, IN_BOTH, key="like")
    with shop.database.reading() as tx:
        queried = like.query(like.analyse())
        evidence = tx.artifacts.get_model(queried.evidence, Evidence, tenant="demo")
        entry = tx.audit.find(like.run.run_id, "analyse.completed")
    assert entry is not None
    made = Explored(trial, {})
    for one in customers:
        if trial.treated(one):
            proposal = decide(shop, trial, one, evidence, str(entry.body["assessment"]))
            if proposal is not None:
                made.decided[one] = proposal
    return made


def decide(shop: Shop, trial: Trial, customer: str, like: Evidence, assessment: str) -> Proposal | None:
    """Let the product's step decide for a customer, on their own state and on what billing says."""
    of, context, now = trial.rolling.of, shop.steps.parts.context, datetime.now(UTC)
    if of.steps:
        steps = at_step(shop, of, customer)
    else:
        carries = carried(shop.database, "demo", of.name, "agent", lambda _: shop.policies, now)
        steps = shop.carrying(carries, customer, f"of-{customer}")
    state = state_for(of, context.live_state("demo", customer))
    with shop.database.transaction() as tx:
        digest = tx.artifacts.put_model("demo", state)
        said = {"digest": digest, "as_of": state.as_of.isoformat(), "version": state.version, "signals": 0}
        body = {"assessment": assessment, "risk": "low", "marks": [], "state": said, "queries": [], "model_use": []}
        tx.record(steps.run, "analyse.completed", actor="worker", at=now, body=body)
        theirs = like.model_copy(
            update={
                "customer": like.customer.model_copy(update={"customer_id": customer}),
                "history": ContactHistory(days=90, contacts=()),
                "state": StateRead.of(state, digest),
                "read_at": now,
            }
        )
        evidence = tx.artifacts.put_model("demo", theirs)
        read = {"evidence": evidence, "operations": [], "calls": [], "duration_ms": 1}
        tx.record(steps.run, "query_billing.completed", actor="plugin:billing", at=now, body=read)
    asked = ProposeInput(run=steps.run, assessment=assessment, evidence=evidence)
    proposed = steps.call(Propose(context).propose, asked)
    found: Proposal | None = proposed.proposal
    return found


def at_step(shop: Shop, of: Strategy, customer: str) -> Steps:
    """Let a customer enter a strategy of several steps, and return the steps of the run at the first that treats."""
    trip = Trip(shop, of, customer)
    trip.enter()
    return replace(shop.steps, run=trip.request())


def changed(*edits: tuple[str, str]) -> Strategy:
    """Return a changed text of it."""
    return everybody(*EDITS, *edits)

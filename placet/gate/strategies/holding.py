"""Whether a strategy still decides so: asked when a mandate is to clear what it proposes, and before the effect."""

from datetime import datetime

from placet.contracts.billing import Evidence
from placet.contracts.people.mandate import MandateRecord
from placet.contracts.proposal import Proposal
from placet.contracts.state import CustomerState
from placet.decisioning.next_best_action.proposing import candidates_of, decide_by, state_for
from placet.errors import DecisionRefused, UsageError
from placet.gate.context import GateContext
from placet.gate.strategies.published import published, strategy_of
from placet.gate.strategies.rollout import Authorised, standing_of
from placet.governance.policy.set import PolicySet
from placet.storage.transaction import Transaction

NOT_NOW = "strategy_changed"
_OPEN = (None, "outranked")


def check_decided(
    tx: Transaction, record: MandateRecord, proposal: Proposal, policies: PolicySet, now: datetime
) -> None:
    """Check that a proposal is what the published text makes of the run's evidence: whoever wrote it is not trusted.

    A mandate that publishes no strategy asks for nothing here.

    Raises:
        DecisionRefused: code `strategy_undecided`; it is not. Code `strategy_altered`; see `strategy_of`.
    """
    used = proposal.strategy
    if record.mandate.strategy is None or used is None:
        return
    strategy = strategy_of(tx, record)
    stands = standing_of(tx, Authorised(strategy, record.mandate, policies, now))
    try:
        evidence = tx.artifacts.get_model(proposal.evidence, Evidence, tenant=proposal.tenant)
        if evidence.state is None:
            raise DecisionRefused("the run read no state", code="strategy_undecided")
        state = tx.artifacts.get_model(evidence.state.digest, CustomerState, tenant=proposal.tenant)
    except UsageError as error:
        raise DecisionRefused(f"what it was decided on is gone: {error}", code="strategy_undecided") from error
    today = used.model_copy(update={"reached": stands.reached, "version": record.mandate.strategy})
    found = candidates_of(decide_by(strategy, today, state, evidence.read_at), strategy, evidence)
    made = next((one for one in found if one.treatment == proposal.treatment), None)
    stated = (True, proposal.mutation, proposal.cost.amount_minor, proposal.cost.currency)
    if made is None or (made.eligible, made.mutation, made.cost_minor, strategy.market.currency) != stated:
        why = made.reasons_against[0].detail if made is not None and made.reasons_against else "it decides otherwise"
        raise DecisionRefused(
            f"strategy {strategy.name!r} does not propose {proposal.treatment!r} for them: {why}",
            code="strategy_undecided",
        )


def check_still_decided(context: GateContext, proposal: Proposal, now: datetime) -> None:
    """Check immediately before an effect that the strategy is in force and permits the treatment for the customer now.

    It is asked whoever approved the proposal: a person, or the strategy's own mandate. What the customer is worth then
    need not be what it was; the cohort, the control group, the stage, rules, consent and contact rules must hold.

    Raises:
        DecisionRefused: code `strategy_unpublished`, `strategy_altered`, or `strategy_changed` with the reason.
    """
    used = proposal.strategy
    if used is None:
        return
    with context.database.reading() as tx:
        policies = context.policies(proposal.tenant, proposal.agent)
        found = published(tx, proposal.tenant, proposal.agent, used.version, policies, now)
    strategy = found.strategy
    known = context.live_customer(proposal.tenant, proposal.customer_id)
    today = used.model_copy(
        update={
            "drawn_by": known.drawn_by,
            "household_members": known.household_members,
            "reached": found.reached,
        }
    )
    decision = decide_by(strategy, today, state_for(strategy, known.state), now)
    made = next((one for one in decision.weighed if one.treatment == proposal.treatment), None)
    if made is None or made.fell not in _OPEN:
        why = "it has no such treatment" if made is None else made.reason.detail
        raise DecisionRefused(f"strategy {strategy.name!r} no longer permits it: the customer {why}", code=NOT_NOW)

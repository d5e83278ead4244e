"""Whether a strategy still decides so: asked when a mandate is to clear what it proposes, and before the effect."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from placet.contracts.billing import Evidence
from placet.contracts.people.mandate import MandateRecord
from placet.contracts.proposal import Candidate, Proposal
from placet.contracts.run import RunRequest
from placet.contracts.state import CustomerState
from placet.contracts.strategies.decision import Weighed
from placet.contracts.strategies.used import StrategyUsed
from placet.decisioning.contact import ContactPolicy, within_contact_policy
from placet.decisioning.next_best_action.proposing import candidates_of, chosen_of, decide_by, state_for
from placet.errors import DecisionRefused, GovernanceError, PolicyError, UsageError
from placet.gate.context import GateContext, LiveCustomer
from placet.gate.strategies.journey import check_step
from placet.gate.strategies.published import published, strategy_of
from placet.gate.strategies.rollout import Authorised, in_words, standing_of
from placet.governance.policy.set import PolicySet
from placet.storage.transaction import Transaction

NOT_NOW = "strategy_changed"
UNDECIDED = "strategy_undecided"
ROLLOUT_HELD = "rollout_held"
_OPEN = (None, "outranked")
_WHOLE_SENTENCES = frozenset({"not_reached", "contact_channel", "contact_term", "contact_quiet_hours"})
_SHOWN = 16
"""Of a digest, in characters."""


class FirstHand(NamedTuple):
    """What the gate knows itself of a customer, beside what a proposal says of them.

    Attributes:
        contact: The contact policy in force.
        leaving: Returns how likely they leave by what a run read, in per cent; None where nothing says it.
    """

    customer: LiveCustomer
    contact: ContactPolicy
    leaving: Callable[[Evidence, CustomerState], int | None]


def first_hand(context: GateContext, run: RunRequest) -> FirstHand | None:
    """Return what the gate knows of the customer of a strategy's run; None of other runs, or while policy is faulty.

    Call it outside a transaction: events that wait are folded.

    Raises:
        StorageError: the database does not answer, or their row is unreadable.
    """
    if run.strategy is None:
        return None
    try:
        contact = context.contact(run.tenant, run.agent)
    except PolicyError:
        return None
    customer = context.live_customer(run.tenant, run.customer_id)
    return FirstHand(customer, contact, lambda evidence, state: context.leaving(run.tenant, evidence, state))


def check_decided(
    tx: Transaction,
    record: MandateRecord,
    run: RunRequest,
    proposal: Proposal,
    known: FirstHand | None,
    policies: PolicySet,
    now: datetime,
) -> None:
    """Check that a proposal is what the published text makes of the run's evidence: whoever wrote it is not trusted.

    Of a mandate that publishes no strategy it asks only that the run names none.

    Args:
        tx: Where the record is.
        record: The mandate that would clear it.
        run: As it was requested.
        proposal: What it proposes.
        known: To be asked when it is cleared: it must be the treatment that is chosen. None: before its effect; what it
            says of the customer was compared then, and `check_still_decided` asks for what is so now.
        policies: The set in force for the agent.
        now: When it is to hold.

    Raises:
        DecisionRefused: code `strategy_undecided`; it is not. Code `strategy_altered`; see `strategy_of`. Code
            `journey_elsewhere`; the customer is in another step than the run's.
    """
    _check_named(run, proposal)
    used = proposal.strategy
    if record.mandate.strategy is None or used is None:
        return
    strategy = strategy_of(tx, record)
    evidence, state = _read_by(tx, run, proposal)
    stands = standing_of(tx, Authorised(strategy, record.mandate, policies, now))
    check_step(tx, run, strategy, stands.holds)
    today = used.model_copy(update={"reached": stands.reached, "version": record.mandate.strategy})
    if known is not None:
        _check_stated(used, known, known.leaving(evidence, state))
        today = today.model_copy(update={"household_members": known.customer.household_members})
    found = candidates_of(decide_by(strategy, today, state, evidence.read_at), strategy, evidence)
    made = next((one for one in found if one.treatment == proposal.treatment), None)
    if made is None or _made_of(made, strategy.market.currency) != _proposed(proposal):
        why = made.reasons_against[0].detail if made is not None and made.reasons_against else "it decides otherwise"
        raise _undecided(f"strategy {strategy.name!r} does not propose {proposal.treatment!r} for them: {why}")
    if known is not None:
        currency = strategy.market.currency
        found = within_contact_policy(found, known.contact, evidence.history, currency, evidence.read_at)
        chosen, probability = chosen_of(found, strategy, used.drawn_by)
        if chosen is None or chosen.treatment != proposal.treatment:
            said = "nothing" if chosen is None else repr(chosen.treatment)
            raise _undecided(f"strategy {strategy.name!r} chooses {said} for them, not {proposal.treatment!r}")
        if used.probability != probability:
            raise _undecided(
                f"the proposal says that it was chosen with {used.probability} of 10,000, not {probability}"
            )


def check_still_decided(context: GateContext, run: RunRequest, proposal: Proposal, now: datetime) -> None:
    """Check immediately before an effect that the strategy is in force and permits the treatment for the customer now.

    It is asked whoever approved the proposal: a person, or the strategy's own mandate. Cohort, control group, stage,
    rules, consent and contact rules must hold, and it must be worth something still, if not as much as it was.

    Raises:
        DecisionRefused: code `strategy_undecided`; the run was to carry out something else. Code
            `strategy_unpublished`, `strategy_altered`, or `strategy_changed` with the reason. Code `journey_elsewhere`;
            the customer is in another step than the run's.
    """
    _check_named(run, proposal)
    used = proposal.strategy
    if used is None:
        return
    with context.database.reading() as tx:
        policies = context.policies(proposal.tenant, proposal.agent)
        found = published(tx, proposal.tenant, proposal.agent, used.version, policies, now)
        strategy = found.strategy
        stands = standing_of(tx, Authorised(strategy, found.record.mandate, policies, now))
        check_step(tx, run, strategy, stands.holds)
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
        why = "it has no such treatment" if made is None else _in_words(made)
        raise DecisionRefused(f"strategy {strategy.name!r} no longer permits it: {why}", code=NOT_NOW)


def check_going_on(tx: Transaction, proposal: Proposal, policies: PolicySet, now: datetime) -> None:
    """Check at an approval that the strategy of a proposal is in force, and that its rollout is not held.

    What is approved executes at once, and would be refused then: the run would be over, and its customer get nothing
    when the rollout goes on. So it keeps waiting, and the same signature may be sent again.

    Raises:
        DecisionRefused: code `rollout_held`; it is held, over or altered. Else as `published`.
    """
    used = proposal.strategy
    if used is None:
        return
    found = published(tx, proposal.tenant, proposal.agent, used.version, policies, now)
    if found.reached > 0:
        return
    stands = standing_of(tx, Authorised(found.strategy, found.record.mandate, policies, now))
    raise DecisionRefused(
        f"nothing of strategy {used.name!r} executes now, since its rollout is {in_words(stands)}; "
        "send the decision again when it goes on, or reject the proposal",
        code=ROLLOUT_HELD,
    )


def _check_named(run: RunRequest, proposal: Proposal) -> None:
    """Check that a proposal is of the strategy, channel and step that its run was requested for, or of none."""
    used = proposal.strategy
    asked_for = (run.strategy, run.channel, run.step)
    if asked_for == ((None, None, None) if used is None else (used.version, used.channel, used.step)):
        return
    asked, said = _named(*asked_for), "no strategy" if used is None else _named(used.version, used.channel, used.step)
    raise _undecided(f"the run was to carry out {asked}, its proposal is of {said}")


def _named(version: str | None, channel: str | None, step: str | None) -> str:
    if version is None:
        return "no strategy"
    return f"version {version[:_SHOWN]} by {channel}{'' if step is None else f' at step {step!r}'}"


def _check_stated(used: StrategyUsed, known: FirstHand, leaving: int | None) -> None:
    """Check what a proposal says of its customer that neither the strategy's text nor the run's evidence holds."""
    if used.drawn_by != known.customer.drawn_by:
        raise _undecided(f"the proposal draws them by {used.drawn_by!r}; they are drawn by {known.customer.drawn_by!r}")
    if used.leaving != leaving:
        made = "nothing says it" if leaving is None else f"what the run read makes it {leaving} %"
        raise _undecided(f"the proposal says that they leave with {used.leaving} %; {made}")


def _read_by(tx: Transaction, run: RunRequest, proposal: Proposal) -> tuple[Evidence, CustomerState]:
    """Return what the run's own steps read: evidence of another run may be of another day."""
    queried, analysed = (tx.audit.find(run.run_id, step) for step in ("query_billing.completed", "analyse.completed"))
    if queried is None or queried.body.get("evidence") != proposal.evidence:
        raise _undecided(f"the evidence that it names is not what run {run.run_id!r} read")
    try:
        evidence = tx.artifacts.get_model(proposal.evidence, Evidence, tenant=proposal.tenant)
        named = None if evidence.state is None else evidence.state.digest
        state = None if named is None else tx.artifacts.get_model(named, CustomerState, tenant=proposal.tenant)
    except (GovernanceError, UsageError) as error:
        raise _undecided(f"what it was decided on is gone or altered: {error}") from error
    read = None if analysed is None else analysed.body.get("state")
    if state is None or not isinstance(read, dict) or read.get("digest") != named:
        raise _undecided("the state that its evidence names is not what the run's analysis read")
    return evidence, state


def _made_of(made: Candidate, currency: str) -> tuple[object, ...]:
    return made.eligible, made.mutation, made.cost_minor, made.expected_value_minor, made.preconditions, currency


def _proposed(proposal: Proposal) -> tuple[object, ...]:
    cost = proposal.cost
    figures = (cost.amount_minor, proposal.expected_value_minor)
    return True, proposal.mutation, *figures, proposal.preconditions, cost.currency


def _in_words(made: Weighed) -> str:
    """Say why a treatment fell; some reasons are of the customer and have no subject of their own."""
    said = made.reason.detail
    if made.fell == "value":
        return f"{made.title} is not worth it now: {said}"
    return said if made.reason.code in _WHOLE_SENTENCES else f"the customer {said}"


def _undecided(said: str) -> DecisionRefused:
    return DecisionRefused(said, code=UNDECIDED)

"""What a run of a published strategy proposes: the signed text decides, by arithmetic alone; no model has a say."""

from typing import Final

from placet.contracts.analysis.outcome import ProposalOutcome
from placet.contracts.billing import Evidence
from placet.contracts.money import Money
from placet.contracts.propensity.likelihood import Likelihood
from placet.contracts.proposal import Basis, Candidate, Proposal, Reason
from placet.contracts.run import ProposeInput
from placet.contracts.state import CustomerState
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.used import StrategyUsed
from placet.contracts.strategies.written import WHOLE, share_in_words
from placet.contracts.text import WORDS, shortened
from placet.decisioning.assignment.shares import assign
from placet.decisioning.contact import ContactPolicy, given, within_contact_policy
from placet.decisioning.likelihood import reasons_of
from placet.decisioning.next_best_action.proposing import candidates_of, chosen_of, decide_by
from placet.decisioning.next_best_action.saying import assumptions_of, why_nothing
from placet.decisioning.state.telling import stood_out
from placet.errors import DecisionRefused, GovernanceError
from placet.gate.context import GateContext
from placet.gate.strategies.journey import check_step
from placet.gate.strategies.published import Published, published
from placet.gate.strategies.rollout import Authorised, standing_of
from placet.governance.authority.mandates import left
from placet.governance.signing.canonical import digest
from placet.version import version

_PERCENT: Final = 100
_DETAIL: Final = 160


def propose(context: GateContext, step: ProposeInput, evidence: Evidence, likelihood: Likelihood) -> ProposalOutcome:
    """(3) Decide by the published strategy of a run, on the state that its analysis saw.

    Raises:
        GovernanceError: code `wrong_run`; the run names no strategy, or read no state.
    """
    run = step.run
    if run.strategy is None or run.channel is None or evidence.state is None:
        raise GovernanceError(f"run {run.run_id!r} names no strategy, or read no state", code="wrong_run")
    with context.database.reading() as tx:
        try:
            policies = context.policies(run.tenant, run.agent)
            found = published(tx, run.tenant, run.agent, run.strategy, policies, evidence.read_at)
            stands = standing_of(tx, Authorised(found.strategy, found.record.mandate, policies, evidence.read_at))
            check_step(tx, run, found.strategy, stands.holds)
        except DecisionRefused as error:
            return _nothing(str(error))
    if left(found.record).amount_minor <= 0:
        return _nothing(f"the budget of strategy {found.strategy.name!r}, {found.strategy.budget.total}, is spent")
    if evidence.state.version == 0:
        return _nothing("no event of the customer is known, so the strategy cannot be asked")
    state = context.artifact(run, evidence.state.digest, CustomerState)
    known, strategy = context.live_customer(run.tenant, run.customer_id), found.strategy
    drawn = assign(strategy.name, known.drawn_by, holdout_bp=strategy.holdout, weights=_weights(strategy))
    used = StrategyUsed(
        name=strategy.name,
        version=run.strategy,
        channel=run.channel,
        drawn_by=known.drawn_by,
        reached=found.reached,
        arm=drawn.arm,
        probability=WHOLE,
        leaving=likelihood.probability_bp // _PERCENT,
        household_members=known.household_members,
        step=run.step,
    )
    contact = context.contact(run.tenant, run.agent)
    candidates = weigh(strategy, used, state, evidence, contact)
    return _outcome(step, evidence, likelihood, contact, found, used, candidates)


def weigh(
    strategy: Strategy, used: StrategyUsed, state: CustomerState, evidence: Evidence, contact: ContactPolicy | None
) -> tuple[Candidate, ...]:
    """Weigh a strategy's treatments: the same evidence gives the same candidates."""
    decision = decide_by(strategy, used, state, evidence.read_at)
    candidates = candidates_of(decision, strategy, evidence)
    if contact is None:
        return candidates
    return within_contact_policy(candidates, contact, evidence.history, strategy.market.currency, evidence.read_at)


def _outcome(
    step: ProposeInput,
    evidence: Evidence,
    likelihood: Likelihood,
    contact: ContactPolicy,
    found: Published,
    used: StrategyUsed,
    candidates: tuple[Candidate, ...],
) -> ProposalOutcome:
    run, strategy = step.run, found.strategy
    basis = Basis(catalogue=used.version, churn=likelihood.digest, contact=digest(contact), version=version())
    currency = strategy.market.currency
    pick, probability = chosen_of(candidates, strategy, used.drawn_by)
    used = used.model_copy(update={"probability": probability})
    over = None if pick is None else _over_budget(found, pick)
    if pick is None or pick.mutation is None or over is not None:
        why = over or f"nothing by strategy {strategy.name!r}: {why_nothing(candidates)}"
        chose = used if over is None else None  # what a spent budget stopped was no choice of the text
        return ProposalOutcome(
            None, shortened(why, WORDS), candidates, (), (), basis=basis, currency=currency, strategy=chose
        )
    proposal = Proposal(
        run_id=run.run_id,
        tenant=run.tenant,
        customer_id=run.customer_id,
        agent=run.agent,
        triggered_by=run.requested_by,
        treatment=pick.treatment,
        treatment_name=pick.name,
        mutation=pick.mutation,
        cost=Money(amount_minor=pick.cost_minor, currency=currency),
        expected_value_minor=pick.expected_value_minor,
        facts=(
            *_why_them(strategy, used, found),
            *reasons_of(likelihood),
            *stood_out(evidence.state),
            *given(evidence.history, evidence.read_at),
        ),
        assumptions=assumptions_of(strategy.value, strategy.treatments, pick.treatment, likelihood),
        basis=basis,
        candidates=candidates,
        preconditions=pick.preconditions,
        evidence=step.evidence,
        assessment=step.assessment,
        strategy=used,
    )
    summary = f"{proposal.name} by strategy {strategy.name!r}, {proposal.price}"
    return ProposalOutcome(proposal, shortened(summary, WORDS), candidates, (), (), basis=basis)


def _over_budget(found: Published, pick: Candidate) -> str | None:
    """Say that what is left of the budget is not enough; nobody is asked about what could not be sent."""
    room, budget, currency = left(found.record), found.strategy.budget, found.strategy.market.currency
    moved = None if pick.mutation is None else pick.mutation.moved
    takes = Money(amount_minor=max(pick.cost_minor, moved.amount_minor if moved else 0), currency=currency)
    if takes.amount_minor <= room.amount_minor:
        return None
    return (
        f"nothing: the budget of strategy {found.strategy.name!r}, {budget.total}, has {room} left, "
        f"and {pick.name} takes {takes}"
    )


def _why_them(strategy: Strategy, used: StrategyUsed, found: Published) -> tuple[Reason, ...]:
    signer = found.record.mandate.signer
    arm = "" if used.arm is None else f", in arm {used.arm}"
    held = share_in_words(strategy.holdout)
    said: tuple[tuple[str, str], ...] = (
        ("strategy", f"is in the cohort of strategy “{strategy.title}” ({strategy.name}), published by {signer}"),
        ("strategy_cohort", f"its cohort: {strategy.cohort}"),
        (
            "strategy_drawn",
            f"is outside the control group of {held}, within the {share_in_words(used.reached)} it has reached{arm}",
        ),
    )
    if used.leaving is not None:
        said = (*said, ("strategy_leaving", f"is {used.leaving} % likely to leave, by what the run read"))
    return tuple(Reason(code=code, detail=shortened(text, _DETAIL)) for code, text in said)


def _weights(strategy: Strategy) -> dict[str, int]:
    return {arm.name: arm.share for arm in strategy.arms}


def _nothing(why: str) -> ProposalOutcome:
    return ProposalOutcome(None, shortened(f"nothing: {why}", WORDS), (), (), (), reason=why)

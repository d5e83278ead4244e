"""The contact policy at the gate and before the effect: several runs for one customer do not add up unseen."""

from datetime import datetime

from placet.contracts.proposal import Proposal, Reason
from placet.decisioning.contact import breaches, rule
from placet.errors import DecisionRefused
from placet.gate.context import GateContext
from placet.storage.transaction import Transaction

CODE = "contact_policy"


def check_contact(context: GateContext, tx: Transaction, proposal: Proposal, now: datetime) -> None:
    """Check, in the transaction that counts the send, that what was given by now leaves room for this treatment.

    Every sender of the same customer waits here for the one before it, and then sees what that one sent.

    Raises:
        DecisionRefused: code `contact_policy`.
        PolicyError: there is no valid contact policy.
    """
    breach = contact_breach(context, tx, proposal, now, pending=False)
    if breach is not None:
        raise DecisionRefused(f"the contact policy ({rule(breach)}) does not permit it now: {breach.detail}", code=CODE)


def contact_breach(
    context: GateContext, tx: Transaction, proposal: Proposal, now: datetime, *, pending: bool
) -> Reason | None:
    """Return the first limit that `proposal` would break; None for a reversal, which gives nothing.

    Args:
        context: Names the policy.
        tx: A transaction that writes: the customer stays locked until it ends.
        proposal: What would be done.
        now: The caller's clock.
        pending: Whether proposals of other runs that wait for a decision count.
    """
    if proposal.reverses is not None:
        return None
    policy = context.contact(proposal.tenant, proposal.agent)
    tx.contacts.lock(proposal.tenant, proposal.customer_id)
    history = tx.contacts.of_customer(
        proposal.tenant,
        proposal.customer_id,
        days=policy.reach_days,
        now=now,
        besides=proposal.run_id,
        pending=pending,
    )
    return next(iter(breaches(policy, history, proposal.treatment, proposal.cost, now)), None)

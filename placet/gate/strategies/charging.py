"""A strategy's budget binds what people approve, too: what its mandate did not clear is charged before it is sent."""

from datetime import datetime
from typing import Final

from placet.contracts.audit import RecordKind
from placet.contracts.money import Money
from placet.contracts.people.mandate import Mandate
from placet.contracts.proposal import Proposal
from placet.contracts.run import RunRequest
from placet.contracts.text import counted
from placet.errors import DecisionRefused
from placet.gate.account import take
from placet.gate.context import GateContext
from placet.gate.strategies.published import published
from placet.governance.authority.mandates import charge, left
from placet.storage.pending import pending_on_record
from placet.storage.transaction import Transaction

CHARGED: Final[RecordKind] = "mandate.charged"
SPENT: Final = "mandate_spent"


def charge_budget(
    context: GateContext, tx: Transaction, run: RunRequest, proposal: Proposal, digest: str, now: datetime
) -> None:
    """Take what a strategy's proposal costs of its signed budget, in the transaction that counts the send.

    What the strategy's mandate cleared was taken when it was cleared. What costs nothing takes nothing.

    Raises:
        DecisionRefused: code `mandate_spent`; the budget, or what one customer may get, has no room. The codes of
            `published`.
    """
    used = proposal.strategy
    if used is None or pending_on_record(tx, run.run_id).gate.clearance is not None:
        return
    amount = charge(proposal)
    if amount.amount_minor <= 0:
        return
    policies = context.policies(run.tenant, run.agent)
    mandate = published(tx, run.tenant, run.agent, used.version, policies, now).record.mandate
    if not take(tx, mandate, run, proposal=digest, customer_id=proposal.customer_id, amount=amount, now=now):
        raise DecisionRefused(_no_room(tx, mandate, amount), code=SPENT)
    after = tx.mandates.get(run.tenant, mandate.document_id)
    body = {
        "proposal": digest,
        "mandate_id": mandate.document_id,
        "name": mandate.name,
        "consumed": amount.model_dump(mode="json"),
        "left": None if after is None else left(after).model_dump(mode="json"),
    }
    tx.record(run, CHARGED, actor="worker", at=now, body=body)


def _no_room(tx: Transaction, mandate: Mandate, amount: Money) -> str:
    """Say which of the two has no room: the budget, or what one customer may get."""
    now = tx.mandates.get(mandate.tenant, mandate.document_id)
    room = mandate.budget if now is None else left(now)
    if amount.amount_minor > room.amount_minor:
        return (
            f"the budget of strategy {mandate.name!r} is spent: {room} of {mandate.budget} is left, and this takes "
            f"{amount}"
        )
    return (
        f"strategy {mandate.name!r} gives one customer {mandate.cap_per_customer} in "
        f"{counted(mandate.period_days, 'day')} at most, and {amount} more has no room"
    )

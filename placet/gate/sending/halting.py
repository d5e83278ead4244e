"""No effect while a halt is in force: asked when a decision is reviewed, before an effect, and as it is sent."""

from placet.contracts.proposal import Proposal
from placet.errors import DecisionRefused
from placet.storage.transaction import Transaction


def check_not_halted(tx: Transaction, proposal: Proposal, *, for_sending: bool = False) -> None:
    """Check that no halt stops this effect.

    With `for_sending`, it also makes sure that none can be placed before this transaction is over.

    Raises:
        DecisionRefused: code `halted`.
    """
    halt = tx.halts.in_force(
        proposal.tenant, agent=proposal.agent, kind=proposal.mutation.kind, for_sending=for_sending
    )
    if halt is not None:
        doubt = f"; {halt.doubt}" if halt.doubt else ""
        raise DecisionRefused(
            f"{halt.halt_id} by {halt.placed_by} is in force: {halt.reason or 'no reason given'}{doubt}; "
            "nothing executes until it is lifted",
            code="halted",
        )

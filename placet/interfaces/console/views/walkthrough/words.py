"""The words of a walkthrough, for somebody who has never seen the system."""

from collections.abc import Mapping
from typing import Final

from placet.contracts.run import RunState

LEFT_OUT: Final = (
    "who the customer is: every id, name, telephone number and address",
    "the amounts of bills, balances and usage; charts show them as a share of the largest one",
    "the names of what the customer holds",
    "what the model wrote, and what people wrote as their reasons",
    "identifiers in the operator's other systems",
)
"""What a walkthrough never shows."""

WHO: Final = "the names of people; their roles are shown"
RISKS: Final = {"low": "low", "medium": "medium", "high": "high"}
READS: Final = {
    "customer": "the customer's account",
    "products": "the products they hold",
    "bills": "their bills",
    "balances": "their balances",
    "usage": "how much they use",
}
KINDS: Final = {"data": "Mobile data", "voice": "Calls", "sms": "Messages", "other": "Other usage"}
CHANGES: Final = {
    "credit": "a credit to the customer's balance",
    "debit": "a charge to the customer's balance",
    "add": "one more product for the customer",
    "modify": "another product in place of one that the customer holds",
    "delete": "the end of a product that the customer holds",
}
VERDICTS: Final = {
    "approve": "approved it",
    "reject": "rejected it",
    "amend": "changed it, and approved what they changed",
}
GATES: Final = {
    "human": "It waited for people to decide",
    "cleared": "A person had decided beforehand",
    "denied": "Policy said no",
}
CONFIRMED: Final = {
    "response": "Its answer confirmed the change.",
    "read_back": "The change was read back there afterwards.",
    "person": "A person looked there, found the change, and signed that.",
}
ENDS: Final[Mapping[RunState, str]] = {
    "executed": "An agent proposed a change for a customer. People decided, and it was carried out once.",
    "no_action": "An agent looked at a customer, and found nothing worth doing.",
    "rejected": "An agent proposed a change for a customer. A person said no, and nothing was changed.",
    "denied": "An agent proposed a change for a customer. The operator's policy forbade it, and nothing was changed.",
    "expired": "An agent proposed a change for a customer. Nobody decided in time, and nothing was changed.",
    "halted": "An agent proposed a change for a customer. Somebody had stopped such changes, and nothing was changed.",
    "failed": "An agent's work on a customer failed, and was ended.",
    "cancelled": "An agent's work on a customer was called off before anything was changed.",
    "awaiting_decision": "An agent proposed a change for a customer. It waits for people to decide.",
    "unknown_outcome": "A change was sent, and its answer was lost. A person must look whether it happened.",
}
TO_TAKE_BACK: Final = "Somebody asked to take back a change that an earlier run had made for a customer. "
ENDS_BACK: Final[Mapping[RunState, str]] = {
    "executed": f"{TO_TAKE_BACK}People decided, and it was taken back once.",
    "no_action": f"{TO_TAKE_BACK}It could not be taken back, and nothing was changed.",
    "rejected": f"{TO_TAKE_BACK}A person said no, and the change stays.",
    "denied": f"{TO_TAKE_BACK}The operator's policy forbade it, and the change stays.",
    "expired": f"{TO_TAKE_BACK}Nobody decided in time, and the change stays.",
    "halted": f"{TO_TAKE_BACK}Somebody had stopped such changes, and the change stays.",
    "failed": f"{TO_TAKE_BACK}That work failed, and was ended.",
    "cancelled": f"{TO_TAKE_BACK}It was called off before anything was changed.",
    "awaiting_decision": f"{TO_TAKE_BACK}It waits for people to decide.",
    "unknown_outcome": f"{TO_TAKE_BACK}It was sent, and its answer was lost. A person must look whether it happened.",
}
UNDER_WAY_BACK: Final = f"{TO_TAKE_BACK}Nothing has been changed yet."
UNDER_WAY: Final = "An agent is looking at a customer at this moment. Nothing has been changed."
DOING: Final = {
    "analyse.completed": "while it read billing",
    "query_billing.completed": "while it weighed what could be done",
    "propose.completed": "after it had proposed a change",
    "approve.opened": "while people were asked to decide",
    "execute.intended": "while the change was being carried out",
}
"""What a run did after the last entry of these."""
STOPPED: Final = {"failed": "ended by a fault", "cancelled": "called off", "halted": "stopped"}
STATES: Final = {True: "This run is over.", False: "This run is still under way: the page shows it as it is now."}

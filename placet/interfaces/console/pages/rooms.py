"""The pages of governance and of the record: their paths, and what access policy is asked about each."""

from collections.abc import Callable
from typing import Final, NamedTuple

from starlette.responses import Response

from placet.contracts.people.access import Action
from placet.interfaces.console.body_limit import LARGER
from placet.interfaces.console.forms import LARGEST_PART, Form
from placet.interfaces.console.pages import inbox
from placet.interfaces.console.pages.audit import entry, log, replay, verification
from placet.interfaces.console.pages.governance import (
    batches,
    delegations,
    mandates,
    notifications,
    oversight,
    policies,
    reversals,
    what_if,
)
from placet.interfaces.console.parts import Asked


class Shown(NamedTuple):
    """A page that only shows."""

    path: str
    show: Callable[[Asked], Response]
    area: str
    action: Action = "read"


class Posted(NamedTuple):
    """What a form is posted to; `largest` bounds a file that comes with it, in bytes."""

    path: str
    do: Callable[[Asked, Form], Response]
    action: Action
    area: str
    largest: int = LARGEST_PART


SHOWN: Final = (
    Shown("/inbox/live", inbox.live, "inbox"),
    Shown("/batches/new", batches.choose, "batches", "deliver"),
    Shown("/batches/{number}", batches.outcome, "batches", "deliver"),
    Shown("/governance", policies.lead_here, "policies"),
    Shown("/governance/policies", policies.show, "policies"),
    Shown("/governance/what-if", what_if.show, "policies"),
    Shown("/governance/mandates", mandates.show_all, "mandates"),
    Shown("/governance/mandates/{mandate_id}", mandates.show, "mandates"),
    Shown("/governance/delegations", delegations.show_all, "delegations"),
    Shown("/governance/reversals", reversals.show_all, "runs"),
    Shown("/governance/reversals/new", reversals.order, "runs", "operate"),
    Shown("/governance/notifications", notifications.show, "notifications"),
    Shown("/governance/oversight", oversight.show, "oversight"),
    Shown("/audit", log.show, "record"),
    Shown("/audit/verification", verification.show, "record"),
    Shown("/audit/entries/{stream:path}/{seq:int}", entry.show, "record"),
    Shown("/audit/proofs/{number:int}", entry.proof, "record"),
    Shown("/audit/replays/{run_id}", replay.show, "record"),
)
POSTED: Final = (
    Posted("/batches", batches.hand_in, "deliver", "batches", LARGER["/console/batches"]),
    Posted("/governance/mandates/{mandate_id}/revoke", mandates.revoke, "withdraw", "mandates"),
    Posted("/governance/delegations/{delegation_id}/revoke", delegations.revoke, "withdraw", "delegations"),
    Posted("/governance/reversals", reversals.start, "operate", "runs"),
)

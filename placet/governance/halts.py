"""When a halt may be lifted. Anyone may place one: stopping is always safe. Starting again takes a signature.

Invariants, in the order they are checked, after those of every signed document (`placet.governance.signing.signed`):
 (1) the halt exists for this tenant and is in force: a lift is used once, and each halt is lifted by its own;
 (2) it was signed after the halt was placed, within the tolerated clock skew, and not long ago: who lifts has looked at
     what stands now.
Whether policy entitles the signer is the caller's to ask.
"""

from datetime import datetime, timedelta
from typing import Final

from placet.contracts.people.halt import Halt, Lift
from placet.contracts.times import moment
from placet.errors import DecisionRefused
from placet.governance.approvals import CLOCK_SKEW

PLACED: Final = "halt.placed"
"""Kind of the entry that places a halt, on its tenant's stream."""

LIFT_VALIDITY = timedelta(hours=1)
"""How long a signature that lifts a halt may wait to be delivered."""


def check_lift(lift: Lift, halt: Halt | None, now: datetime) -> Halt:
    """Check that `lift` may lift `halt` at `now`, if policy entitles its signer; return the halt.

    Raises:
        DecisionRefused: code `unknown_halt`, `already_lifted`, `predates_halt` or `stale`.
    """
    if halt is None or (halt.tenant, halt.halt_id) != (lift.tenant, lift.halt_id):
        raise DecisionRefused(f"no halt {lift.halt_id!r} of tenant {lift.tenant!r}", code="unknown_halt")
    if halt.lifted_at is not None:
        raise DecisionRefused(
            f"{halt.halt_id} was lifted by {halt.lifted_by} at {moment(halt.lifted_at)}",
            code="already_lifted",
        )
    if lift.signed_at < halt.placed_at - CLOCK_SKEW:
        raise DecisionRefused(f"signed at {moment(lift.signed_at)}, before the halt was placed", code="predates_halt")
    if now - lift.signed_at > LIFT_VALIDITY:
        raise DecisionRefused(
            f"signed at {moment(lift.signed_at)}, over {LIFT_VALIDITY} ago; look again and sign again",
            code="stale",
        )
    return halt


def stops(scope: str, subject: str, *, agent: object, kind: object) -> bool:
    """Return whether a halt of this scope and subject stops `agent` from mutations of `kind`."""
    return scope == "tenant" or subject == {"agent": agent, "kind": kind}.get(scope)


def what_it_stops(halt: Halt) -> str:
    """Say what a halt is about, as people say it."""
    if halt.scope == "tenant":
        return f"everything of tenant {halt.tenant}"
    return f"agent {halt.subject}" if halt.scope == "agent" else f"every {halt.subject}"

"""Who decided a run that has ended: each accepted decision, as its entry of the record and its key have it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from placet.contracts.audit import AuditEvent
from placet.contracts.gate import Gate
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.mandate import Clearance
from placet.contracts.text import NAME, WORDS, one_line

_VERDICTS: Final = {
    "approve": "approved it",
    "reject": "rejected it",
    "amend": "changed it and approved that",
    "confirm_executed": "said that it had happened",
    "confirm_not_executed": "said that it had not happened",
}
_BEFORE: Final = "approved what was proposed before it was changed"
_KINDS: Final = ("approve.decided", "approve.settled")


@dataclass(frozen=True, slots=True)
class Decider:
    """One accepted decision.

    Attributes:
        did: What the person decided, in words.
        instead_of: In whose stead; empty where in their own name.
        with_what: The kind of key that signed.
        key_id: Which one.
    """

    name: str
    did: str
    at: datetime
    reason: str
    instead_of: str
    with_what: str
    key_id: str


def deciders_of(events: Sequence[AuditEvent], find_key: Callable[[str], EnrolledKey | None]) -> tuple[Decider, ...]:
    """Return who decided, oldest first.

    Only a decision whose signature, key and entitlement were verified becomes such an entry. An approval that an
    amendment made void was of another proposal, and is told so.

    Args:
        events: The entries of the run.
        find_key: Finds a key that it is signed was enrolled, a revoked one as well.
    """
    void = made_void(events)
    return tuple(_decider(event, find_key, void) for event in events if event.kind in _KINDS)


def made_void(events: Sequence[AuditEvent]) -> frozenset[str]:
    """Return the digests of the approvals that an amendment made void: they were of another proposal."""
    lists = [event.body.get("void") for event in events if event.kind == "approve.amended"]
    return frozenset(one for found in lists if isinstance(found, list) for one in found if isinstance(one, str))


def _decider(event: AuditEvent, find_key: Callable[[str], EnrolledKey | None], void: Collection[str]) -> Decider:
    key_id = str(event.body.get("key_id") or "")
    key = find_key(key_id)
    what = "a key that is not enrolled any more" if key is None else "a passkey" if key.passkey else "a key file"
    return Decider(
        name=one_line(event.actor, NAME),
        did=_BEFORE
        if str(event.body.get("envelope")) in void
        else _VERDICTS.get(str(event.body.get("verdict")), "decided"),
        at=event.at,
        reason=one_line(str(event.body.get("reason") or ""), WORDS),
        instead_of=one_line(str(event.body.get("delegated_by") or ""), NAME),
        with_what=f"{what}, together with others" if event.body.get("batch") else what,
        key_id=key_id,
    )


def cleared_by(events: Sequence[AuditEvent]) -> Clearance | None:
    """Return the mandate that the gate was cleared by beforehand; None where it was not."""
    opened = [event for event in events if event.kind == "approve.opened"]
    try:
        return Gate.model_validate(opened[-1].body["gate"]).clearance if opened else None
    except (ValidationError, KeyError):
        return None

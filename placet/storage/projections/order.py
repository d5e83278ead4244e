"""Finds what counted although the record had taken away before what it rests on, and what was sent under a halt.

Positions are the order of the record. The use of a mandate and its revocation wait for one lock, and so do a send and a
halt (docs/adr/0010): there the positions alone decide. A review waits for no revocation of a key or a delegation, so
that a decision under review just then may come to stand after it: what comes later than `REVIEW` is a finding.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from placet.contracts.audit import tenant_stream
from placet.contracts.times import moment
from placet.governance.halts import PLACED, stops
from placet.storage.projections.finding import Finding
from placet.storage.projections.rows import Entry, ProjectionRows

REVIEW = timedelta(minutes=2)
"""Longest time that a review may take, with what the clocks of two machines differ by."""

_REVOKED: Final = {"key.revoked": "key_id", "mandate.revoked": "mandate_id", "delegation.revoked": "delegation_id"}
_RESTS_ON: Final = {
    "approve.decided": ("key.revoked", "delegation.revoked"),
    "approve.settled": ("key.revoked",),
    "mandate.charged": ("mandate.revoked",),
    "mandate.consumed": ("mandate.revoked", "key.revoked"),
}
_AT_ONCE: Final = "mandate.revoked"
_SENDING: Final = "execute.sending"
_LIFTED: Final = "halt.lifted"


@dataclass(frozen=True, slots=True)
class _Halt:
    scope: str
    subject: str
    placed: Entry
    lifted: Entry | None

    def stopped(self, sending: Entry, agent: object, kind: object) -> bool:
        if sending.position < self.placed.position or (self.lifted and self.lifted.position < sending.position):
            return False
        return stops(self.scope, self.subject, agent=agent, kind=kind)


class Withdrawn:
    """What a tenant's own stream took away, and when.

    Args:
        rows: The snapshot.
        tenant: Whose.
    """

    def __init__(self, rows: ProjectionRows, tenant: str) -> None:
        self._revoked: dict[tuple[str, str], Entry] = {}
        placed: list[Entry] = []
        lifted: dict[str, Entry] = {}
        for entry in rows.entries([tenant_stream(tenant)], [*_REVOKED, PLACED, _LIFTED]):
            if entry.kind == PLACED:
                placed.append(entry)
            elif entry.kind == _LIFTED:
                lifted[_named(entry, "halt_id")] = entry
            else:
                self._revoked[entry.kind, _named(entry, _REVOKED[entry.kind])] = entry
        self._halts = [_halt(entry, lifted.get(_named(entry, "halt_id"))) for entry in placed]

    def used(self, entry: Entry) -> Iterator[Finding]:
        """Yield what an entry of a run rests on that had been revoked."""
        for kind in _RESTS_ON.get(entry.kind, ()):
            name = _named(entry, _REVOKED[kind])
            revoked = self._revoked.get((kind, name)) if name else None
            if revoked is None or entry.position < revoked.position:
                continue
            if kind == _AT_ONCE or entry.at - revoked.at > REVIEW:
                what = kind.partition(".")[0]
                detail = f"{entry.kind!r} rests on a {what} that {revoked.actor} had revoked at {moment(revoked.at)}"
                yield Finding("record", entry.stream, detail)

    def sent(self, sends: list[Entry], agents: Mapping[str, object], kinds: Mapping[str, object]) -> Iterator[Finding]:
        """Yield what was sent while a halt was in force, given the agent and the kind of mutation of each run."""
        for sending in sends:
            for halt in self._halts:
                if halt.stopped(sending, agents.get(sending.stream), kinds.get(sending.stream)):
                    detail = f"it was sent at {moment(sending.at)} under {_named(halt.placed, 'halt_id')}"
                    yield Finding("record", sending.stream, detail)


def is_sending(entry: Entry) -> bool:
    """Return whether the entry says that a request is about to be sent."""
    return entry.kind == _SENDING


def kind_of(proposal: Mapping[str, Any]) -> object:
    """Return the kind of mutation of a proposal's document; None where it is no longer kept."""
    mutation = proposal.get("mutation")
    return mutation.get("kind") if isinstance(mutation, dict) else None


def _named(entry: Entry, field: str) -> str:
    """Return the name in `field` of an entry; empty if there is none, or if it is no text."""
    name = entry.body.get(field)
    return name if isinstance(name, str) else ""


def _halt(placed: Entry, lifted: Entry | None) -> _Halt:
    return _Halt(str(placed.body.get("scope")), str(placed.body.get("subject")), placed, lifted)

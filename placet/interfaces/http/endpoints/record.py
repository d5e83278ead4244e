"""`/v1/record`: the record of everything that happened, its newest signed head, and proofs that verify offline.

Nothing is signed here: heads are signed by the integrator beside a worker, and a proof rests on one of them.
"""

from typing import Annotated

from fastapi import APIRouter, Query

from placet.contracts.audit import AuditEvent
from placet.contracts.base import Frozen
from placet.errors import UsageError
from placet.governance.log.bundle import ProofBundle
from placet.governance.log.checkpoints import parse_checkpoint
from placet.governance.log.notes import untrusted_text
from placet.interfaces.http.served import Served
from placet.service.keeping.log import prove_entry

Limit = Annotated[int, Query(ge=1, le=1000)]
After = Annotated[int, Query(ge=0, lt=2**63)]
Position = Annotated[int, Query(ge=1, lt=2**63, description="`position` of the entry in the record")]


class RecordedEntry(Frozen):
    """An entry and its place among all of the tenant's."""

    position: int
    entry: AuditEvent


class RecordPage(Frozen):
    """Entries of all streams of the tenant, oldest first; pass `next` as `after` to go on, None at the end."""

    entries: tuple[RecordedEntry, ...]
    next: int | None


class StreamPage(Frozen):
    """Entries of one stream, in order; pass `next` as `after` to go on, None at the end."""

    entries: tuple[AuditEvent, ...]
    next: int | None


class SignedHead(Frozen):
    """The newest checkpoint, as a signed note (C2SP); who verifies it has the log's key from elsewhere."""

    origin: str
    size: int
    root: str
    checkpoint: str


class HeadPage(Frozen):
    """Signed heads of the log, smallest first; pass `next` as `after` to go on, None at the end."""

    heads: tuple[SignedHead, ...]
    next: int | None


class RecordEndpoints:
    """The endpoints, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1/record", tags=["record"])
        router.add_api_route("", self.entries, methods=["GET"])
        router.add_api_route("/tenant", self.tenant_stream, methods=["GET"])
        router.add_api_route("/head", self.head, methods=["GET"])
        router.add_api_route("/heads", self.heads, methods=["GET"])
        router.add_api_route("/proof", self.proof, methods=["GET"])
        return router

    def entries(self, after: After = 0, limit: Limit = 100) -> RecordPage:
        """Follow the record of the tenant: every entry in the order in which it was recorded."""
        with self._served.database.reading() as tx:
            found = tx.audit.tail(self._served.tenant, after_id=after, limit=limit + 1)
        shown = tuple(RecordedEntry(position=position, entry=event) for position, event in found[:limit])
        return RecordPage(entries=shown, next=shown[-1].position if len(found) > limit else None)

    def tenant_stream(self, after: After = 0, limit: Limit = 100) -> StreamPage:
        """Read the tenant's own stream: keys, mandates, halts, configuration, anchors; `after` is an entry's number."""
        with self._served.database.reading() as tx:
            found = tx.audit.page(f"tenant/{self._served.tenant}", after, limit + 1)
        return StreamPage(entries=tuple(found[:limit]), next=found[limit - 1].seq if len(found) > limit else None)

    def head(self) -> SignedHead:
        """Show the newest signed head of the tenant's log."""
        return _shown(self._newest())

    def heads(self, after: After = 0, limit: Limit = 100) -> HeadPage:
        """List the signed heads, smallest first; `after` is the size of the one before."""
        with self._served.database.reading() as tx:
            found = tx.checkpoints.page(self._served.tenant, after, limit + 1)
        shown = tuple(_shown(note) for _, note in found[:limit])
        return HeadPage(heads=shown, next=shown[-1].size if len(found) > limit else None)

    def proof(self, position: Position) -> ProofBundle:
        """Prove one entry under the newest signed head: a file that `placet audit verify --proof` verifies offline."""
        with self._served.database.snapshot() as tx:
            return prove_entry(tx, self._served.tenant, position, self._newest())

    def _newest(self) -> str:
        with self._served.database.reading() as tx:
            note = tx.checkpoints.newest(self._served.tenant)
        if note is None:
            raise UsageError("no head of this log was signed yet; a worker signs one every few seconds", code="no_head")
        return note


def _shown(note: str) -> SignedHead:
    head = parse_checkpoint(untrusted_text(note))
    return SignedHead(origin=head.origin, size=head.size, root=head.root.hex(), checkpoint=note)

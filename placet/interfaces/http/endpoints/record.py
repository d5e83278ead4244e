"""`/v1/record`: the record of everything that happened, its newest signed head, and proofs that verify offline.

Nothing is signed here: heads are signed by the integrator beside a worker, and a proof rests on one of them.
"""

from typing import Annotated

from fastapi import APIRouter, Query

from placet.contracts.audit import AuditEvent, tenant_stream
from placet.contracts.base import Frozen
from placet.errors import UsageError
from placet.governance.log.bundle import ProofBundle
from placet.governance.log.checkpoints import parse_checkpoint
from placet.governance.log.notes import untrusted_text
from placet.interfaces.http.endpoints.paging import ENTRIES, AfterNumber, Limit, split
from placet.interfaces.http.served import Served
from placet.service.keeping.following import prove_number, read_record

Position = Annotated[int, Query(ge=1, lt=2**63, description="`position` of the entry in the tenant's record")]


class RecordedEntry(Frozen):
    """An entry and its place among all of the tenant's, from 1 without gaps: one more than its index in the log."""

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

    def entries(self, after: AfterNumber = 0, limit: Limit = ENTRIES) -> RecordPage:
        """Follow the record of the tenant: every entry in the order in which it was recorded."""
        with self._served.database.snapshot() as tx:
            found = read_record(tx, self._served.tenant, after, limit + 1)
        shown, following = split(found, limit, lambda one: one[0])
        entries = tuple(RecordedEntry(position=position, entry=event) for position, event in shown)
        return RecordPage(entries=entries, next=following)

    def tenant_stream(self, after: AfterNumber = 0, limit: Limit = ENTRIES) -> StreamPage:
        """Read the tenant's own stream: keys, mandates, halts, configuration, anchors."""
        with self._served.database.reading() as tx:
            found = tx.audit.page(tenant_stream(self._served.tenant), after, limit + 1)
        shown, following = split(found, limit, lambda one: one.seq)
        return StreamPage(entries=shown, next=following)

    def head(self) -> SignedHead:
        """Show the newest signed head of the tenant's log."""
        return _shown(self._newest())

    def heads(self, after: AfterNumber = 0, limit: Limit = ENTRIES) -> HeadPage:
        """List the signed heads, smallest first."""
        with self._served.database.reading() as tx:
            found = tx.checkpoints.page(self._served.tenant, after, limit + 1)
        shown, following = split(found, limit, lambda one: one[0])
        return HeadPage(heads=tuple(_shown(note) for _, note in shown), next=following)

    def proof(self, position: Position) -> ProofBundle:
        """Prove one entry under the newest signed head: a file that `placet audit verify --proof` verifies offline."""
        with self._served.database.snapshot() as tx:
            return prove_number(tx, self._served.tenant, position, self._newest())

    def _newest(self) -> str:
        with self._served.database.reading() as tx:
            note = tx.checkpoints.newest(self._served.tenant)
        if note is None:
            raise UsageError("no head of this log was signed yet; a worker signs one every few seconds", code="no_head")
        return note


def _shown(note: str) -> SignedHead:
    head = parse_checkpoint(untrusted_text(note))
    return SignedHead(origin=head.origin, size=head.size, root=head.root.hex(), checkpoint=note)

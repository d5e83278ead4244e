"""`/v1/batches`: one signature over many decisions, on the tenant's record before its runs get their shares."""

from fastapi import APIRouter

from placet.contracts.people.batch import Batch
from placet.governance.batches import BatchedDecision
from placet.interfaces.http.access import posts
from placet.interfaces.http.served import Served
from placet.service.deciding.batches import record_batch


class Share(BatchedDecision, defer_build=False):
    """One run's share of a signed batch, as `placet approve --all --print` writes it."""


class BatchEndpoints:
    """The endpoint, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the route."""
        router = APIRouter(prefix="/v1/batches", tags=["batches"])
        router.add_api_route("", self.record, **posts("deliver"), status_code=201)
        return router

    def record(self, share: Share) -> Batch:
        """Put a signed batch on the record, given one of its shares. Each share then goes to its run's decisions."""
        return record_batch(self._served.database, self._served.tenant, share.model_dump_json())

"""`/v1/mandates`: what people signed beforehand, so that proposals within it need no decision each."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path

from placet.contracts.base import AgentName, Frozen
from placet.contracts.money import Money
from placet.contracts.people.mandate import Mandate, MandateRecord, MandateUse
from placet.governance.authority.mandates import MandateState, left
from placet.governance.signing.signed import unverified_document
from placet.interfaces.http.access import Operator, posts
from placet.interfaces.http.endpoints.common import Signed, Why, text_of
from placet.interfaces.http.endpoints.paging import DEFAULT, After, Limit, split
from placet.interfaces.http.served import Served
from placet.service.documents.mandates import find_mandate, id_of, revoke_mandate, standing, take_mandate
from placet.storage.governance.mandates import AlteredMandate
from placet.storage.transaction import Transaction

MandateId = Annotated[str, Path(pattern=r"^[0-9a-f]{8,32}$", description="its id, or an unambiguous beginning of it")]


class StandingMandate(Frozen):
    """A mandate, where it stands, and what of its budget is left.

    Attributes:
        state: By its own terms; `does_not_count` where it would clear something and its signature fails.
        signature: `good`, or the code and reason of the check that its signature fails now.
    """

    record: MandateRecord
    state: MandateState | Literal["does_not_count"]
    signature: str
    left: Money


class MandateInFull(Frozen):
    """One mandate with what it cleared.

    Attributes:
        signed: The signed document, as it is kept.
    """

    mandate: StandingMandate
    uses: tuple[MandateUse, ...]
    signed: str


class Altered(Frozen):
    """A mandate whose row does not say what was signed, and why; it clears nothing."""

    mandate_id: str
    fault: str


class Mandates(Frozen):
    """A page of the mandates that were asked for; those whose rows were altered stand apart."""

    mandates: tuple[StandingMandate, ...]
    altered: tuple[Altered, ...]
    next: str | None


class MandateEndpoints:
    """The endpoints, for one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1/mandates", tags=["mandates"])
        router.add_api_route("", self.list_mandates, methods=["GET"])
        router.add_api_route("", self.take, **posts("deliver"), status_code=201)
        router.add_api_route("/{mandate_id}", self.show, methods=["GET"])
        router.add_api_route("/{mandate_id}/revoke", self.revoke, **posts("withdraw"))
        return router

    def list_mandates(self, agent: AgentName | None = None, after: After = None, limit: Limit = DEFAULT) -> Mandates:
        """List every mandate, those that are over or revoked included; those that end last come first."""
        now = datetime.now(UTC)
        with self._served.database.reading() as tx:
            found = tx.mandates.listed(self._served.tenant, agent, after=after, limit=limit + 1)
            shown, following = split(found, limit, id_of)
            mandates = tuple(self._standing(tx, one, now) for one in shown if isinstance(one, MandateRecord))
        return Mandates(
            mandates=mandates,
            altered=tuple(
                Altered(mandate_id=one.mandate_id, fault=one.fault) for one in shown if isinstance(one, AlteredMandate)
            ),
            next=following,
        )

    def show(self, mandate_id: MandateId) -> MandateInFull:
        """Show one mandate: its bounds, what it cleared, whether its signature still counts, the signed document."""
        served, now = self._served, datetime.now(UTC)
        with served.database.reading() as tx:
            record = find_mandate(tx, served.tenant, mandate_id)
            return MandateInFull(
                mandate=self._standing(tx, record, now),
                uses=tuple(tx.mandates.uses(served.tenant, record.mandate.document_id)),
                signed=tx.artifacts.get(record.document, tenant=served.tenant).decode(errors="replace"),
            )

    def take(self, envelope: Signed) -> StandingMandate:
        """Put a signed mandate in force; the same one again changes nothing. Policy says who may sign what."""
        served, text = self._served, text_of(envelope)
        claimed, _ = unverified_document(text, Mandate)  # only which agent's policies are asked about it
        record = take_mandate(
            served.database,
            text,
            tenant=served.tenant,
            policies=served.policies_of(claimed.agent),
            declared=served.facts(claimed.agent),
        )
        return self._read(record)

    def revoke(self, mandate_id: MandateId, why: Why, operator: Operator) -> StandingMandate:
        """Revoke a mandate: it clears nothing more, and what it cleared and is not executed yet will not be."""
        served = self._served
        record = revoke_mandate(
            served.database,
            tenant=served.tenant,
            mandate_id=mandate_id,
            by=operator.name,
            reason=why.reason,
            voucher=operator.token_id,
        )
        return self._read(record)

    def _read(self, record: MandateRecord) -> StandingMandate:
        with self._served.database.reading() as tx:
            return self._standing(tx, record, datetime.now(UTC))

    def _standing(self, tx: Transaction, record: MandateRecord, now: datetime) -> StandingMandate:
        state, signature = standing(tx, record, lambda: self._served.policies_of(record.mandate.agent), now)
        return StandingMandate(record=record, state=state, signature=signature, left=left(record))

"""`/v1/customers`: what our own record knows of customers. Nothing is asked of billing here."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query

from placet.contracts.base import CustomerId, Frozen, RunId
from placet.contracts.identity.profile import Profile
from placet.contracts.state import CustomerState, HouseholdState
from placet.contracts.times import Moment
from placet.governance.access.rules import PERSONAL, permits
from placet.interfaces.http.access import Holder
from placet.interfaces.http.endpoints.paging import DEFAULT, After, Limit, split
from placet.interfaces.http.served import Served
from placet.interfaces.profile_words import profile_of
from placet.service.customers import (
    GIVEN_DAYS,
    CustomerInFull,
    DecidedRun,
    KnownCustomer,
    find_customer,
    list_customers,
    list_decided,
)
from placet.service.given import gone_by
from placet.service.state.current import state_of
from placet.service.state.households import household_of
from placet.service.state.profile import known_of


class CustomerPage(Frozen):
    """Customers by id; pass `next` as `after` to go on, None at the end."""

    customers: tuple[KnownCustomer, ...]
    next: CustomerId | None


class Decisions(Frozen):
    """A page of what was decided about one customer, newest run first."""

    decided: tuple[DecidedRun, ...]
    next: RunId | None


class CustomerEndpoints:
    """The endpoints, for the customers of one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1/customers", tags=["customers"])
        router.add_api_route("", self.list_customers, methods=["GET"])
        router.add_api_route("/{customer_id}", self.show, methods=["GET"])
        router.add_api_route("/{customer_id}/state", self.state, methods=["GET"])
        router.add_api_route("/{customer_id}/profile", self.profile, methods=["GET"])
        router.add_api_route("/{customer_id}/decisions", self.decisions, methods=["GET"])
        return router

    def list_customers(self, after: CustomerId | None = None, limit: Limit = DEFAULT) -> CustomerPage:
        """List the customers about whom runs were asked for."""
        served = self._served
        found = list_customers(served.database, served.tenant, after=after or "", limit=limit + 1)
        shown, following = split(found, limit, lambda one: one.customer_id)
        return CustomerPage(customers=shown, next=following)

    def show(
        self,
        customer_id: Annotated[CustomerId, Path()],
        days: Annotated[int, Query(ge=1, le=730, description="how far back what was given reaches")] = GIVEN_DAYS,
    ) -> CustomerInFull:
        """Show one customer: what they were given, the newest runs about them, what billing answered last and when."""
        served = self._served
        return find_customer(served.database, served.tenant, customer_id, now=datetime.now(UTC), days=days)

    def state(
        self,
        customer_id: Annotated[CustomerId, Path()],
        as_of: Annotated[
            Moment | None, Query(description="windows end with its day; none that is still to come; default: now")
        ] = None,
    ) -> CustomerState:
        """Show a customer's live state: what events led to. Of whom none is known, it is empty."""
        at = gone_by(as_of, datetime.now(UTC))
        return state_of(self._served.database, self._served.tenant, customer_id, at)

    def profile(self, customer_id: Annotated[CustomerId, Path()], holder: Holder) -> Profile:
        """Show all that is known of a customer in one view, each field with its source and age.

        Keys are whole for a token whose role is operator, auditor or administrator, and masked for others.
        """
        known = known_of(self._served.database, self._served.tenant, customer_id, datetime.now(UTC))
        reveal = holder is None or permits(frozenset(holder.roles), "read", PERSONAL)
        return profile_of(known, reveal=reveal)

    def decisions(
        self, customer_id: Annotated[CustomerId, Path()], after: After = None, limit: Limit = DEFAULT
    ) -> Decisions:
        """List the runs about one customer, what each proposed, how it ended, and what people decided."""
        served = self._served
        found = list_decided(served.database, served.tenant, customer_id, after=after, limit=limit + 1)
        shown, following = split(found, limit, lambda one: one.proposed.run.run_id)
        return Decisions(decided=shown, next=following)


class HouseholdEndpoints:
    """`/v1/households`: customers who say that they belong together, of one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1/households", tags=["customers"])
        router.add_api_route("/{household_id}/state", self.household_state, methods=["GET"])
        return router

    def household_state(
        self,
        household_id: Annotated[CustomerId, Path()],
        as_of: Annotated[
            Moment | None, Query(description="windows end with its day; none that is still to come; default: now")
        ] = None,
    ) -> HouseholdState:
        """Show a household's live state: its members' states put together. Of which no member is known, it is empty."""
        at = gone_by(as_of, datetime.now(UTC))
        return household_of(self._served.database, self._served.tenant, household_id, at)

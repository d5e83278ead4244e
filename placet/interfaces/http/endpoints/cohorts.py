"""`/v1/cohorts`: SQL conditions on the live state of customers, whom they have, and the named segments of the trade."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import StringConstraints

from placet.contracts.base import CustomerId, Frozen, Text
from placet.contracts.cohorts.kpis import KpiReport
from placet.contracts.cohorts.preview import CheckedCohort, CohortPreview, ColumnShown, ListedSegment, Membership
from placet.contracts.times import Moment
from placet.errors import UpstreamUnavailable
from placet.interfaces.http.access import posts
from placet.interfaces.http.served import Served
from placet.service.cohorts import (
    check_size,
    checked,
    cohort_given,
    list_columns,
    list_segments,
    membership,
    preview,
)
from placet.service.given import gone_by
from placet.service.kpis.kept import kept_report, told
from placet.service.kpis.once import kpi_report

MOST_CUSTOMERS: Final = 20_000
"""Of a base that is looked through while somebody waits: some ten seconds of a core."""
MOST_AT_A_TIME: Final = 2_000
"""The same as of an earlier time, for which events are folded anew."""

Expression = Annotated[Text, StringConstraints(min_length=1, max_length=4000)]


class CohortToCheck(Frozen, defer_build=False):
    """An expression, and perhaps a customer of whom it is asked."""

    expression: Expression
    customer_id: CustomerId | None = None


class CohortChecked(CheckedCohort):
    """An expression that means something; `member` says whether the customer is in it, None where none was named."""

    member: Membership | None


class CohortAsked(Frozen, defer_build=False):
    """An expression, or the name of a segment; windows end with the day of `as_of`, not to come, by default now."""

    expression: Expression | None = None
    segment: Annotated[Text, StringConstraints(max_length=64)] | None = None
    as_of: Moment | None = None


class Segments(Frozen):
    """The named segments, by category."""

    segments: tuple[ListedSegment, ...]


class Columns(Frozen):
    """The columns that expressions may name."""

    columns: tuple[ColumnShown, ...]


class CohortEndpoints:
    """The endpoints, for the customers of one tenant."""

    def __init__(self, served: Served) -> None:
        self._served, self._looking = served, served.looking

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1/cohorts", tags=["cohorts"])
        router.add_api_route("", self.list_segments, methods=["GET"])
        router.add_api_route("/columns", self.columns, methods=["GET"])
        router.add_api_route("/check", self.check, **posts("read"))
        router.add_api_route("/preview", self.preview, **posts("read"))
        router.add_api_route("/kpis", self.kpis, **posts("read"))
        return router

    def list_segments(self) -> Segments:
        """List the named segments of the trade; those that need columns which there are not yet say so."""
        return Segments(segments=list_segments())

    def columns(self) -> Columns:
        """List the columns of a customer's state that expressions may name."""
        return Columns(columns=list_columns())

    def check(self, asked: CohortToCheck) -> CohortChecked:
        """Check an expression, and say whether a customer is in it. What is wrong with it is 422, with the position."""
        cohort = cohort_given(asked.expression, None)
        member = None
        if asked.customer_id is not None:
            served = self._served
            member = membership(served.database, served.tenant, asked.customer_id, cohort, datetime.now(UTC))
        return CohortChecked(**dict(checked(cohort)), member=member)

    def preview(self, asked: CohortAsked) -> CohortPreview:
        """Show whom a cohort has, by what they differ from all customers, and which segments they are in.

        Events that no worker folded yet do not count. A large base is looked through on the command line.
        """
        cohort = cohort_given(asked.expression, asked.segment)
        at = gone_by(asked.as_of, datetime.now(UTC))
        with self._whole_base(asked):
            return preview(self._served.database, self._served.tenant, cohort, at)

    def kpis(self, asked: CohortAsked) -> KpiReport:
        """Show churn, ARPU and other figures of the last 30 days, of all customers or of a cohort.

        Name neither an expression nor a segment for all customers. Of all, and of a segment, as of now, the figures are
        those of `GET /v1/kpis`; the others are computed in one pass.
        """
        served, everybody = self._served, asked.expression is None and asked.segment is None
        if asked.expression is None and asked.as_of is None:
            return kept_report(
                served.database,
                served.tenant,
                asked.segment,
                datetime.now(UTC),
                economics=served.economics(),
                most=MOST_CUSTOMERS,
            )
        cohort = None if everybody else cohort_given(asked.expression, asked.segment)
        at = gone_by(asked.as_of, datetime.now(UTC))
        with self._whole_base(asked):
            found = kpi_report(served.database, served.tenant, cohort, at)
            return told(found, asked.segment, served.economics())

    @contextmanager
    def _whole_base(self, asked: CohortAsked) -> Iterator[None]:
        most = MOST_CUSTOMERS if asked.as_of is None else MOST_AT_A_TIME
        check_size(self._served.database, self._served.tenant, most)
        if not self._looking.acquire(blocking=False):
            raise UpstreamUnavailable(
                "the base is being looked through for somebody else; try again in a moment", code="busy"
            )
        try:
            yield
        finally:
            self._looking.release()

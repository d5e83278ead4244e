"""A base of customers in a file: what the file says of itself, and what is answered from it."""

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from placet.contracts.base import Digest, Frozen, TenantId
from placet.contracts.cohorts.kpis import KpiReport
from placet.contracts.cohorts.preview import CohortPreview
from placet.contracts.times import Moment

Count = Annotated[StrictInt, Field(ge=0, le=10**12)]


class BaseHeader(Frozen):
    """What a file of a base says of itself, in the metadata of its Parquet footer.

    Attributes:
        as_of: Windows and rhythms of all customers are as of this time.
        written_at: When it was written.
        columns: Digest of the columns, their bounds and their meaning.
        customers: Rows in the file.
        left_out: Customers whose rows could not be read; they are not in the file.
        unreadable: The first of them, shortened.
    """

    placet_base: Literal[1] = 1
    tenant: TenantId
    as_of: Moment
    written_at: Moment
    columns: Digest
    customers: Count
    left_out: Count = 0
    unreadable: Annotated[tuple[Annotated[str, Field(max_length=100)], ...], Field(max_length=10)] = ()


class FilePreview(Frozen):
    """Whom a cohort has, by a file."""

    header: BaseHeader
    found: CohortPreview


class FileKpis(Frozen):
    """The figures of a file's customers, or of a cohort of them."""

    header: BaseHeader
    found: KpiReport

"""What requests of several kinds have in common: signed documents, reasons, times."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from placet.contracts.base import Frozen
from placet.contracts.people.signed import Remark
from placet.governance.signing import dsse

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)


def _written_out(value: object) -> object:
    # Pydantic would take a number as well, for seconds since 1970.
    if isinstance(value, str) and not _RFC_3339.fullmatch(value):
        raise ValueError("write a time with its offset, such as 2026-03-01T09:30:00Z")
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it lies outside the calendar") from error


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]
"""A time with its offset (RFC 3339), taken to UTC."""


# Built at once: FastAPI looks into the body of a request before pydantic would build it, and complains.
class Why(Frozen, defer_build=False):
    """Why something is done; kept on the record."""

    reason: Remark = ""


class Signed(dsse.Envelope, defer_build=False):
    """A document that somebody signed, as a DSSE envelope over an in-toto statement; `payload` and `sig` are base64."""


def text_of(envelope: Signed) -> str:
    """Return the text of a signed document, as it is kept.

    Raises:
        DecisionRefused: it is over something else than an in-toto statement.
    """
    dsse.check_payload_type(envelope)
    return envelope.model_dump_json()

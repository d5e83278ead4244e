"""The envelope of every event: CloudEvents 1.0.2 in its JSON form (github.com/cloudevents/spec, `cloudevents/formats`).

An event is known by its source and id together: the same two, and the same content, are the same event however often it
arrives. Extension attributes are permitted, as the specification demands, and ignored.
"""

from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from placet.contracts.base import PLAIN
from placet.contracts.times import Moment

MOST_EVENT_BYTES: Final = 65_536
"""The largest event that is read; a typical one has 300 bytes."""

SIMULATED: Final = "simulated"
"""The source of events that are not real: a state that has one names it, whatever else it has."""

SUBJECT: Final = (
    r"^(customer:[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}|household:[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}"
    r"|msisdn:\+[1-9][0-9]{6,14}|email:[0-9a-f]{64}|device:[A-Za-z0-9][A-Za-z0-9_.:-]{0,63})$"
)


EventId = Annotated[str, StringConstraints(min_length=1, max_length=128), PLAIN]
EventSource = Annotated[str, StringConstraints(min_length=1, max_length=200), PLAIN]
"""A URI reference that names the system which the event is from (RFC 3986)."""

Subject = Annotated[str, StringConstraints(pattern=SUBJECT)]
"""Whom it is about, by one declared key: `customer:C00042`, `msisdn:+4915112345678` (E.164), `email:` and the SHA-256
of the address in lower case, `device:` and its id, or `household:` and its id."""


class CloudEvent(BaseModel):
    """What every event has.

    Attributes:
        id: Unique among the events of its source.
        subject: Whom it is about.
        time: When it happened, by the clock of its source.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    specversion: Literal["1.0"]
    id: EventId
    source: EventSource
    subject: Subject
    time: Moment
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: Annotated[str | None, Field(max_length=200)] = None


class Unreadable(NamedTuple):
    """What arrived in another form than JSON and is no event there: kept as a dead letter, with its reason.

    Attributes:
        text: What is kept of it. It is no event, so that nothing can become of it later; but see `code`.
        code: Why, as a code; `set_aside` says of an event that it may be taken another time.
    """

    text: bytes
    reason: str
    code: str = "unreadable"


Arrived = bytes | Unreadable
"""One event in CloudEvents' JSON format, or what could not be brought into it."""

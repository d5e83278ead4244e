"""`/v1/events`: what happens to customers, taken in as CloudEvents 1.0, and what could not be taken.

The HTTP protocol binding's three modes are understood: an event as the body (`application/cloudevents+json`), several
(`application/cloudevents-batch+json`), and one whose attributes are headers (`ce-id` …; the body is its data).
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import unquote

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from placet.contracts.base import Frozen
from placet.contracts.events.kinds import event_schema
from placet.errors import UsageError
from placet.interfaces.http.access import posts
from placet.interfaces.http.endpoints.paging import DEFAULT, After, Limit, split
from placet.interfaces.http.endpoints.splitting import items_of
from placet.interfaces.http.examples import EVENT_EXAMPLE
from placet.interfaces.http.gathering import Gathering
from placet.interfaces.http.served import Served
from placet.service.state.dead import list_letters, retry_letters
from placet.service.state.taking import MOST_IN_A_BATCH, Taken, take_events

_EVENT: Final = "application/cloudevents+json"
_BATCH: Final = "application/cloudevents-batch+json"
_JSON: Final = "application/json"
_HEADER: Final = "ce-"

LetterId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Reason = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]


class NotTaken(Frozen):
    """An event that is a dead letter now; `reason` is one line for people, `code` is stable."""

    letter_id: LetterId
    code: str
    reason: str


class EventsTaken(Frozen):
    """What became of the events: all of them are durable, as events or as dead letters."""

    accepted: int
    repeated: int
    refused: tuple[NotTaken, ...]


class DeadLetters(Frozen):
    """A page of dead letters, newest first; pass `next` as `after` to go on, None at the end."""

    letters: tuple["DeadLetterShown", ...]
    next: LetterId | None


class DeadLetterShown(NotTaken):
    """One dead letter; `content` is what arrived, as text."""

    received_at: AwareDatetime
    content: str


class LettersRetried(Frozen):
    """How many letters are events now, and how many cannot be taken still.

    One request tries 1,000 or so. Where there are `more`, pass `next` as `after` to go on; without one, begin again.
    """

    taken: int
    still: int
    more: bool
    next: LetterId | None


class EventEndpoints:
    """The endpoints, for the customers of one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._single = Gathering(self._take)

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1/events", tags=["events"])
        taking = posts("operate")
        taking["openapi_extra"]["requestBody"] = {
            "required": True,
            "content": {
                _EVENT: {
                    "schema": {"type": "object", "description": "one event, as GET /v1/events/schema says"},
                    "example": dict(EVENT_EXAMPLE),
                },
                _BATCH: {
                    "schema": {"type": "array", "items": {}, "maxItems": MOST_IN_A_BATCH},
                    "example": [dict(EVENT_EXAMPLE)],
                },
            },
        }
        router.add_api_route("", self.take, response_model=EventsTaken, **taking)
        router.add_api_route("/schema", self.schema, methods=["GET"])
        router.add_api_route("/dead-letters", self.dead_letters, methods=["GET"])
        router.add_api_route("/dead-letters/retry", self.retry, **posts("operate"))
        return router

    async def take(self, request: Request) -> Response:
        """Take one event, or several. Each counts once, however often it is sent.

        An answer means that they are durable. One event that cannot be taken is 422; of several, `refused` names those
        that cannot. Both are kept as dead letters.
        """
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = await request.body()
        if content_type == _BATCH:
            taken = await run_in_threadpool(self._take, await run_in_threadpool(_of_batch, body))
        else:
            text = (
                body
                if content_type == _EVENT
                else await run_in_threadpool(_text, content_type, body, request.headers.raw)
            )
            taken = Taken((await self._single.take(text),))
            if taken.refused:
                raise UsageError(taken.refused[0].reason, code=taken.refused[0].code)
        told = EventsTaken(
            accepted=taken.accepted,
            repeated=taken.repeated,
            refused=tuple(NotTaken(letter_id=one.letter_id, code=one.code, reason=one.reason) for one in taken.refused),
        )
        # As it is: FastAPI would check again what was made here, which costs as much as reading the event.
        return Response(told.model_dump_json(), media_type=_JSON)

    def _take(self, texts: Sequence[bytes]) -> Taken:
        now = datetime.now(UTC)
        return take_events(self._served.database, self._served.tenant, texts, now=now, oldest=self._oldest(now))

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of all kinds of event."""
        return event_schema()

    def dead_letters(self, code: Reason | None = None, after: After = None, limit: Limit = DEFAULT) -> DeadLetters:
        """List what could not be taken, newest first."""
        served = self._served
        found = list_letters(served.database, served.tenant, code=code, after=after, limit=limit + 1)
        shown, following = split(found, limit, lambda one: one.letter_id)
        return DeadLetters(
            letters=tuple(
                DeadLetterShown(
                    letter_id=one.letter_id,
                    code=one.code,
                    reason=one.reason,
                    received_at=one.received_at,
                    content=one.content.decode("utf-8", "replace"),
                )
                for one in shown
            ),
            next=following,
        )

    def retry(
        self, letter_id: LetterId | None = None, code: Reason | None = None, after: After = None
    ) -> LettersRetried:
        """Try dead letters again: one, all of one reason, or all. What is taken is a dead letter no longer."""
        served, now = self._served, datetime.now(UTC)
        done = retry_letters(
            served.database,
            served.tenant,
            letter_id,
            code=code,
            after=after,
            now=now,
            oldest=self._oldest(now),
        )
        return LettersRetried(taken=done.taken, still=done.still, more=done.more, next=done.last)

    def _oldest(self, now: datetime) -> datetime:
        return now - timedelta(days=self._served.events_days)


def _text(content_type: str, body: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return the one event of a request that is not an event as it is.

    Raises:
        UsageError: code `malformed`; the body is no such thing.
    """
    if content_type == _JSON:
        return _of_headers(body, headers)
    raise UsageError(f"write {_EVENT}, {_BATCH} or {_JSON} with ce- headers as the content type", code="malformed")


def _of_batch(body: bytes) -> list[bytes]:
    texts = _written_each(body)
    if len(texts) > MOST_IN_A_BATCH:
        raise UsageError(f"the body has {len(texts)} events; send {MOST_IN_A_BATCH} at once", code="malformed")
    return texts


def _written_each(body: bytes) -> list[bytes]:
    try:
        events = json.loads(body)
        if isinstance(events, list):
            return [json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass") for event in events]
    except (ValueError, RecursionError) as error:
        # One event with an endless number, or that nests without end, must not keep the others from being taken.
        texts = items_of(body)
        if texts is None:
            raise UsageError("the body is not JSON", code="malformed") from error
        return texts
    raise UsageError("the body is no list of events", code="malformed")


def _written(event: object) -> bytes:
    """Write what was read from JSON as JSON; what nests so deep that it cannot be written is no event either way."""
    try:
        return json.dumps(event, ensure_ascii=False).encode("utf-8", "surrogatepass")
    except RecursionError as error:
        raise UsageError("the body nests too deep", code="malformed") from error


def _of_headers(body: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return an event in binary mode as a text: attributes are headers, percent-encoded; the body is the data."""
    attributes = {
        name.decode("latin-1").removeprefix(_HEADER): unquote(value.decode("latin-1"))
        for name, value in headers
        if name.decode("latin-1").startswith(_HEADER)
    }
    if not attributes:
        raise UsageError(f"the request has no ce- headers; an event as the body is {_EVENT}", code="malformed")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UsageError("the body is not JSON", code="malformed") from error
    return _written({**attributes, "data": data})

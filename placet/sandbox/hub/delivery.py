"""Telling listeners: each in order, one event at a time, tried again until they take it.

A listener that answers 2xx has the event. 400, 413 and 422 say that they will never take it: it is counted, and the
next one follows. Whatever else happens, a connection that is refused too, is tried again after a pause that doubles up
to `LONGEST_PAUSE_SECONDS`. A listener is told at least once: whoever gets an event again knows it by its id.
"""

import asyncio
import contextlib
import json
import logging
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import httpx

from placet.sandbox.bss import Bss
from placet.sandbox.hub.days import tell_of_days
from placet.sandbox.hub.listeners import Listener
from placet.sandbox.money import JsonObject

POLL_SECONDS: Final = 0.2
"""How often it is looked for new events and listeners: another process may write to the same file."""
FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 10.0
_DAYS_SECONDS: Final = 1.0
_AT_ONCE: Final = 50
_NEVER: Final = frozenset({400, 413, 422})

_log = logging.getLogger(__name__)


class Delivery:
    """Tells the listeners of one sandbox, while it runs.

    Args:
        bss: Whose events.
        first_pause: Seconds before the first repetition.
    """

    def __init__(self, bss: Bss, *, first_pause: float = FIRST_PAUSE_SECONDS) -> None:
        self._bss = bss
        self._first_pause = first_pause
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Tell until it is cancelled."""
        days = asyncio.create_task(_repeated(_DAYS_SECONDS, self._days))
        listeners = asyncio.create_task(_repeated(POLL_SECONDS, self._start))
        try:
            await asyncio.gather(days, listeners)
        finally:
            for task in (days, listeners, *self._tasks.values()):
                task.cancel()
            await asyncio.gather(days, listeners, *self._tasks.values(), return_exceptions=True)

    async def _days(self) -> None:
        tell_of_days(self._bss)

    async def _start(self) -> None:
        """Start to tell new listeners, and stop to tell those that are gone."""
        present = {listener.number: listener for listener in self._bss.listeners.all()}
        for number in self._tasks.keys() - present.keys():
            self._tasks.pop(number).cancel()
        for number, listener in present.items():
            if number not in self._tasks:
                self._tasks[number] = asyncio.create_task(self._tell_all(listener))

    async def _tell_all(self, listener: Listener) -> None:
        # Nothing of the environment has a say, as in the rest of the program, and no redirect is followed.
        async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS) as client:
            await _repeated(POLL_SECONDS, lambda: self._tell_waiting(client, listener))

    async def _tell_waiting(self, client: httpx.AsyncClient, listener: Listener) -> None:
        """Tell one listener of what happened since they were told last."""
        while True:
            now = next((one for one in self._bss.listeners.all() if one.number == listener.number), None)
            if now is None:
                return
            events = self._bss.outbox.after(now.delivered, _AT_ONCE)
            for event in events:
                if now.kinds is None or event.type in now.kinds:
                    refused = await self._tell(client, now, notification(json.loads(event.body)))
                    self._bss.listeners.told(now.number, event.number, refused=refused)
            if events:
                # Also past what they did not ask for at the end of the page.
                self._bss.listeners.told(now.number, events[-1].number)
            if len(events) < _AT_ONCE:
                return

    async def _tell(self, client: httpx.AsyncClient, listener: Listener, body: JsonObject) -> bool:
        """Tell one listener of one event, until they answer; returns whether they will never take it."""
        pause, complained = self._first_pause, False
        while True:
            fault = await _post(client, listener, body)
            if not fault or fault in map(str, _NEVER):
                return bool(fault)
            if not complained:
                _log.warning("listener %s cannot be told (%s); it is tried again", listener.address, fault)
            complained = True
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def notification(event: JsonObject) -> JsonObject:
    """Make the TMF688 EventCreateEvent that tells of an event."""
    return {
        "eventId": event["eventId"],
        "eventTime": event["eventTime"],
        "eventType": "EventCreateEvent",
        "domain": event["domain"],
        "title": event["title"],
        "event": {"event": event},
    }


async def _post(client: httpx.AsyncClient, listener: Listener, body: JsonObject) -> str:
    """Post a notification; returns an empty text, or what is wrong: a status, or the name of a fault."""
    parts = urlsplit(listener.callback)
    headers = {}
    if parts.username is not None or parts.password is not None:
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
    try:
        async with client.stream("POST", listener.address, json=body, headers=headers) as answer:
            # The body of the answer says nothing that matters here, and may be of any length.
            return "" if answer.is_success else str(answer.status_code)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__


async def _repeated(seconds: float, work: Callable[[], Awaitable[Any]]) -> None:
    """Do `work` again and again; a fault of it is logged and ends nothing."""
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001 - a full disk or a fault of one event must not end the telling for good
            _log.exception("telling listeners failed; it is tried again")
        await asyncio.sleep(seconds)


@contextlib.asynccontextmanager
async def telling(bss: Bss) -> AsyncIterator[None]:
    """Tell listeners while the block runs."""
    task = asyncio.create_task(Delivery(bss).run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

"""Events that come one by one, taken in together.

A transaction of its own for each event costs the database a commit, and the server a thread, for each. Those that
arrive while a transaction is under way share the next one: under load most of them do, and whoever comes alone waits
for nobody.
"""

import asyncio
from collections.abc import Callable, Sequence

from starlette.concurrency import run_in_threadpool

from placet.errors import StorageError
from placet.service.state.taking import MOST_IN_A_BATCH, Outcome, Taken


class Gathering:
    """Takes single events in. Use it on one event loop."""

    def __init__(self, take: Callable[[Sequence[bytes]], Taken]) -> None:
        """Take events by `take`, which blocks and whose answer means that they are durable."""
        self._take = take
        self._waiting: list[tuple[bytes, asyncio.Future[Outcome]]] = []
        self._taking: asyncio.Task[None] | None = None

    async def take(self, text: bytes) -> Outcome:
        """Return what became of an event, once it is durable.

        Raises:
            StorageError: the database does not answer; nothing is known of it.
        """
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((text, future))
        if self._taking is None:
            # Not in this request, which its sender may leave.
            self._taking = asyncio.create_task(self._take_waiting())
        return await future

    async def _take_waiting(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[:MOST_IN_A_BATCH]
                del self._waiting[:MOST_IN_A_BATCH]
                await self._take_together(batch)
        finally:
            self._taking = None

    async def _take_together(self, batch: list[tuple[bytes, asyncio.Future[Outcome]]]) -> None:
        try:
            taken = await run_in_threadpool(self._take, [text for text, _ in batch])
            told = list(zip(batch, taken.outcomes, strict=True))
        except StorageError as error:
            _fail(batch, error)
            return
        except Exception as error:  # noqa: BLE001 - it is told to whoever sent the event
            if len(batch) == 1:
                _fail(batch, error)
                return
            for one in batch:  # one event that cannot be taken at all must not be everybody's fault
                await self._take_together([one])
            return
        except BaseException as error:
            _fail(batch, error)
            raise
        for (_, future), outcome in told:
            if not future.done():  # its request may be gone
                future.set_result(outcome)


def _fail(batch: Sequence[tuple[bytes, asyncio.Future[Outcome]]], error: BaseException) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)

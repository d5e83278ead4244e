"""Whose a presented token is, asked of the record for each request.

Requests that arrive while the record is asked about their token share the next question: under load most of them do.
A question that is under way may have read what was withdrawn since. Nobody who came after it began is given its
answer, so that a token that was withdrawn opens nothing from the next request on.
"""

import asyncio
from collections.abc import Callable

from placet.contracts.people.access import AccessGrant

FindHolder = Callable[[str], AccessGrant | None]
"""Returns what a presented token grants; None where it opens nothing."""


class Holders:
    """Asks about tokens. Use it on one event loop."""

    def __init__(self, find: FindHolder) -> None:
        """Ask by `find`, which blocks."""
        self._find = find
        self._next: dict[str, asyncio.Future[AccessGrant | None]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def holder(self, token: str) -> AccessGrant | None:
        """Return what a token grants by a question that begins now or later; None where it opens nothing.

        Raises:
            PlacetError: the record cannot be asked.
        """
        answer = self._next.get(token)
        if answer is None:
            answer = self._next[token] = asyncio.get_running_loop().create_future()
            if token not in self._asking:
                # Not in this request, which its sender may leave.
                self._asking[token] = asyncio.create_task(self._ask(token))
        return await asyncio.shield(answer)

    async def _ask(self, token: str) -> None:
        try:
            while (answer := self._next.pop(token, None)) is not None:
                try:
                    answer.set_result(await asyncio.to_thread(self._find, token))
                except Exception as error:  # noqa: BLE001 - it is told to whoever asked
                    answer.set_exception(error)
                except BaseException:
                    answer.cancel()
                    raise
        finally:
            del self._asking[token]
            if (left := self._next.pop(token, None)) is not None:  # only where this was ended from outside
                left.cancel()

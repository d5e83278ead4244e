"""Requests with one token share questions to the record, and none is answered by a question from before it came."""

import asyncio
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.people.access import AccessGrant
from placet.errors import StorageError
from placet.interfaces.http.holders import Holders

GRANT: Any = "what the token grants"
"""Nothing here looks into it."""


class Record:
    """A record that answers when it is let; `asked` are the tokens that it was asked about."""

    def __init__(self) -> None:
        self.go, self.began = threading.Semaphore(0), threading.Semaphore(0)
        self.asked = list[str]()
        self.revoked = self.away = False

    def __call__(self, token: str) -> AccessGrant | None:
        found = None if self.revoked else GRANT  # read at the beginning, told at the end
        self.asked.append(token)
        self.began.release()
        self.go.acquire()
        if self.away:
            raise StorageError("the database does not answer")
        return found


def test_who_comes_while_the_record_is_asked_shares_the_next_question() -> None:
    record = Record()

    async def requests() -> list[AccessGrant | None]:
        holders = Holders(record)
        first = asyncio.create_task(holders.holder("a"))
        await asyncio.to_thread(record.began.acquire)
        record.revoked = True
        rest = [asyncio.create_task(holders.holder("a")) for _ in range(5)]
        await asyncio.sleep(0)
        record.go.release(2)
        return [await first, *await asyncio.gather(*rest)]

    assert asyncio.run(requests()) == [GRANT, *[None] * 5]
    assert record.asked == ["a", "a"]


def test_another_token_waits_for_nobody() -> None:
    record = Record()

    async def requests() -> None:
        holders = Holders(record)
        both = [asyncio.create_task(holders.holder(token)) for token in "ab"]
        for _ in both:
            await asyncio.to_thread(record.began.acquire)
        record.go.release(2)
        await asyncio.gather(*both)

    asyncio.run(requests())
    assert sorted(record.asked) == ["a", "b"]


def test_who_leaves_takes_nobody_elses_answer_away() -> None:
    record = Record()

    async def requests() -> None:
        holders = Holders(record)
        leaves, stays = (asyncio.create_task(holders.holder("a")) for _ in range(2))
        await asyncio.to_thread(record.began.acquire)
        leaves.cancel()
        record.go.release()
        assert await stays == GRANT
        with pytest.raises(asyncio.CancelledError):
            await leaves

    asyncio.run(requests())


def test_when_the_record_cannot_be_asked_everybody_who_waits_is_told_and_the_next_asks_again() -> None:
    record = Record()
    record.go.release(9)

    async def requests() -> None:
        holders = Holders(record)
        record.away = True
        told = await asyncio.gather(*(holders.holder("a") for _ in range(4)), return_exceptions=True)
        assert [type(one) for one in told] == [StorageError] * 4
        record.away = False
        assert await holders.holder("a") == GRANT

    asyncio.run(requests())


@given(steps=st.lists(st.sampled_from(("ask", "turn", "revoke")), max_size=30))
def test_nobody_is_let_in_who_came_after_the_token_was_revoked(steps: list[str]) -> None:
    valid = True

    async def requests() -> None:
        nonlocal valid
        holders = Holders(lambda _: GRANT if valid else None)
        asked: list[tuple[bool, asyncio.Task[AccessGrant | None]]] = []
        for step in steps:
            if step == "ask":
                asked.append((valid, asyncio.create_task(holders.holder("a"))))
                await asyncio.sleep(0)
            elif step == "turn":
                await asyncio.sleep(0)
            else:
                valid = False
        for was_valid, task in asked:
            found = await task
            assert found is None or was_valid

    asyncio.run(requests())

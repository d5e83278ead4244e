"""Single events that arrive together share transactions: each sender learns what became of their own."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from placet.errors import StorageError
from placet.interfaces.http.gathering import Gathering
from placet.service.state.taking import Outcome, Taken
from tests.integration.http.live.test_http_events import SINGLE, api, event, sent

__all__ = ["api"]


def test_each_of_many_senders_is_told_of_their_own_event(api: httpx.Client) -> None:
    def send(number: int) -> tuple[int, str]:
        one = event(number) if number % 3 else {**event(number), "type": "placet.unknown.v1"}
        answer = sent(api, one, SINGLE)
        return answer.status_code, answer.json().get("code", "")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, [number // 2 for number in range(120)]))
    for place, answer in enumerate(answers):
        assert answer == ((200, "") if (place // 2) % 3 else (422, "unknown_type")), place
    state = api.get("/v1/customers/C00001/state").json()
    assert state["version"] == 40  # each twice, and a third of them no event


def all_new(count: int) -> Taken:
    new: Outcome = "accepted"
    return Taken((new,) * count)


class Slow:
    """Takes events when it is let; `batches` are what it was given."""

    def __init__(self) -> None:
        self.go, self.began = threading.Semaphore(0), threading.Event()
        self.batches, self.fails = list[list[bytes]](), False

    def __call__(self, texts: Sequence[bytes]) -> Taken:
        self.batches.append(list(texts))
        self.began.set()
        self.go.acquire()
        if self.fails:
            raise StorageError("the database does not answer")
        return all_new(len(texts))


def test_what_arrives_while_others_are_taken_shares_the_next_transaction() -> None:
    slow = Slow()

    async def senders() -> list[Outcome]:
        gathering = Gathering(slow)
        first = asyncio.create_task(gathering.take(b"0"))
        await asyncio.to_thread(slow.began.wait)
        rest = [asyncio.create_task(gathering.take(str(number).encode())) for number in range(1, 6)]
        await asyncio.sleep(0)
        first.cancel()  # whoever leaves takes nobody else's event away
        slow.go.release(2)
        return await asyncio.gather(*rest)

    assert asyncio.run(senders()) == ["accepted"] * 5
    assert slow.batches == [[b"0"], [b"1", b"2", b"3", b"4", b"5"]]


def test_when_the_database_does_not_answer_nobody_is_told_that_theirs_is_durable() -> None:
    slow = Slow()

    async def senders() -> None:
        gathering = Gathering(slow)
        slow.fails = True
        slow.go.release(5)
        told = await asyncio.gather(*(gathering.take(b"x") for _ in range(4)), return_exceptions=True)
        assert [type(one) for one in told] == [StorageError] * 4
        slow.fails = False
        assert await gathering.take(b"y") == "accepted"

    asyncio.run(senders())


def test_an_event_that_cannot_be_taken_at_all_is_nobody_elses_fault() -> None:
    def one_is_poison(texts: Sequence[bytes]) -> Taken:
        if b"poison" in texts:
            raise RecursionError("too deep")
        return all_new(len(texts))

    async def senders() -> list[object]:
        gathering = Gathering(one_is_poison)
        sent = [gathering.take(text) for text in (b"a", b"poison", b"b")]
        return list(await asyncio.gather(*sent, return_exceptions=True))

    first, poisoned, last = asyncio.run(senders())
    assert (first, type(poisoned), last) == ("accepted", RecursionError, "accepted")


def test_a_fault_of_ours_leaves_nobody_waiting() -> None:
    async def senders() -> None:
        gathering = Gathering(lambda texts: all_new(len(texts) + 1))
        with pytest.raises(ValueError, match="zip"):
            await asyncio.wait_for(gathering.take(b"x"), 5)

    asyncio.run(senders())

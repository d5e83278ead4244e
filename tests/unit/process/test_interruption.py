"""Ctrl-C is heard where it is safe: no work is cut off half-way, and none is heard too late."""

import asyncio
import os
import signal
from collections.abc import Coroutine, Iterator

import pytest

from placet.entrypoints.processes.interruption import (
    line_of,
    run_interruptible,
    terminate_as_interrupt,
    uninterrupted,
)


@pytest.fixture(autouse=True)
def as_in_a_shell() -> Iterator[None]:
    """A process that was started in the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_what_is_begun_is_finished_and_then_the_interruption_is_raised() -> None:
    done = []

    def begin() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append("finished")

    with pytest.raises(KeyboardInterrupt):
        begin()
    assert done == ["finished"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("moment", ["before the coroutine", "in its own work", "while it waits", "while it cleans up"])
def test_an_interrupted_coroutine_ends_where_it_waits(moment: str) -> None:
    seen = []

    def interrupt(now: str) -> None:
        if now == moment:
            signal.raise_signal(signal.SIGINT)
        seen.append(now)

    async def work() -> None:
        interrupt("in its own work")
        asyncio.get_running_loop().call_later(0.01, interrupt, "while it waits")
        try:
            await asyncio.sleep(0.05 if moment == "while it cleans up" else 60)
        finally:
            interrupt("while it cleans up")

    def make() -> Coroutine[None, None, None]:
        interrupt("before the coroutine")
        return work()

    with pytest.raises(KeyboardInterrupt):
        run_interruptible(make)
    assert "before the coroutine" in seen
    # A coroutine that was interrupted before its first step has begun nothing.
    assert ("while it cleans up" in seen) is ("in its own work" in seen)


def test_the_first_interruption_and_a_second_one_are_both_heard() -> None:
    async def stubborn() -> None:
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    with pytest.raises(KeyboardInterrupt):
        run_interruptible(stubborn)


def test_sigterm_is_one_way_to_interrupt() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        terminate_as_interrupt()
        with pytest.raises(KeyboardInterrupt), uninterrupted():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_without_an_interruption_the_answer_is_handed_on() -> None:
    async def answer() -> int:
        return 3

    assert run_interruptible(answer) == 3


def test_an_interruption_that_comes_when_the_loop_is_closed_is_heard_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing() -> None:
        return

    run = asyncio.run

    def interrupted_afterwards(work: Coroutine[None, None, None]) -> None:
        run(work)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(asyncio, "run", interrupted_afterwards)
    with pytest.raises(KeyboardInterrupt):
        run_interruptible(nothing)


def test_whoever_is_asked_answers_a_line_nothing_or_ctrl_c() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as asked:
        os.write(writing, b"yes\n")
        assert run_interruptible(lambda: line_of(asked)) == "yes\n"

        async def interrupted() -> str:
            asyncio.get_running_loop().call_later(0.01, signal.raise_signal, signal.SIGINT)
            return await line_of(asked)

        with pytest.raises(KeyboardInterrupt):
            run_interruptible(interrupted)
        os.close(writing)
        assert run_interruptible(lambda: line_of(asked)) == ""

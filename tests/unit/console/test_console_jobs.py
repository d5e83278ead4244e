"""Long work: once for whoever asks, one at a time, bounded in number, its fault told to who asks."""

import threading

import pytest

from placet.errors import GovernanceError
from placet.interfaces.console.jobs import MOST_KEPT, MOST_WAITING, Busy, Jobs
from tests.support.guard import GUARD


def test_work_under_way_is_begun_once_and_its_answer_is_shown_until_it_is_too_old() -> None:
    now, begun, go = [0.0], [0], threading.Event()
    jobs = Jobs(lambda: now[0])

    def work() -> int:
        begun[0] += 1
        go.wait(GUARD)
        return begun[0]

    assert jobs.ask("a", work, seconds=10, patience=0) is None
    assert jobs.ask("a", work, seconds=10, patience=0) is None
    go.set()
    assert jobs.ask("a", work, seconds=10, patience=GUARD) == 1
    now[0] = 10.0
    assert jobs.ask("a", work, seconds=10, patience=GUARD) == 1
    now[0] = 10.1
    assert jobs.ask("a", work, seconds=10, patience=GUARD) == 2
    assert (jobs.known("a"), jobs.known("b")) == (True, False)


def test_only_one_is_done_at_a_time_and_no_more_wait_than_may() -> None:
    jobs, go, at_once, most = Jobs(), threading.Event(), [0], [0]

    def work() -> None:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        go.wait(GUARD)
        at_once[0] -= 1

    for number in range(MOST_WAITING):
        jobs.ask(str(number), work, seconds=60, patience=0)
    with pytest.raises(Busy):
        jobs.check_room()
    with pytest.raises(Busy):
        jobs.ask("one more", work, seconds=60, patience=0)
    go.set()
    for number in range(MOST_WAITING):
        jobs.ask(str(number), work, seconds=60, patience=GUARD)
    assert most[0] == 1


def test_a_fault_is_raised_to_whoever_asks_and_ends_nothing_else() -> None:
    jobs = Jobs()

    def fail() -> None:
        raise GovernanceError("it is broken", code="audit_broken")

    for _ in range(2):
        with pytest.raises(GovernanceError, match="it is broken"):
            jobs.ask("a", fail, seconds=60, patience=GUARD)
    assert jobs.ask("b", lambda: 1, seconds=60, patience=GUARD) == 1


def test_no_more_answers_are_kept_than_may() -> None:
    jobs = Jobs()
    for number in range(3 * MOST_KEPT):
        assert jobs.ask(str(number), lambda: 1, seconds=60, patience=GUARD) == 1
    assert sum(jobs.known(str(number)) for number in range(3 * MOST_KEPT)) <= MOST_KEPT

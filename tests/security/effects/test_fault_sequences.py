"""Whatever the BSS does to the requests of one approval, its book shows one effect at most, and ours says the same.

The steps are driven directly, without Temporal: what it would do is try `execute` again when that asks for it. Our
clock is moved on by the waiting it asks for; what the BSS books late, it has booked by then.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError

from placet.contracts.receipt import ExecutionResult
from placet.storage.projections.verification import verify_projections
from tests.support.servers import asking
from tests.support.steps import Steps

ADJUST = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"
BUCKET = "B-C00005"
LATE_SECONDS = 0.03
MOST_ATTEMPTS = 60

OF_THE_REQUEST = (
    "status_after=429;retry_after=1",
    "status_after=409",
    "status_after=500",
    "status=400",
    "status=409",
    "status=429",
    "status=503",
    "garbage",
    "lost",
    "drop",
    "cut=0",
    "cut=12",
    "cut=0;lost",
    "cut=40;lost",
    "cut=12;status_after=429",
    "late=30;lost",
    "late=30;status_after=429",
    "late=30;status_after=503",
)
OF_THE_READ_BACK = ("blank", "status=503", "status=404", "lost", "garbage", "drop")

faults = st.lists(
    st.tuples(st.just("POST"), st.sampled_from(OF_THE_REQUEST), st.integers(1, 2))
    | st.tuples(st.just("GET"), st.sampled_from(OF_THE_READ_BACK), st.integers(1, 2)),
    min_size=1,
    max_size=4,
)


@dataclass
class Bss:
    """The other system, its faults and its own book."""

    url: str

    def break_it(self, sequence: list[tuple[str, str, int]], behind: str | None = None) -> None:
        asking.delete(f"{self.url}/sandbox/faults").raise_for_status()
        for method, fault, count in sequence:
            rule = {"method": method, "path": ADJUST, "fault": fault, "count": count, "about": BUCKET}
            rule |= {"behind": behind} if method == "GET" else {}
            asking.post(f"{self.url}/sandbox/faults", json=rule).raise_for_status()

    def booked(self) -> int:
        effects: dict[str, int] = asking.get(f"{self.url}/sandbox/effects?customer=C00005").raise_for_status().json()
        return effects["adjustments"]

    def received(self) -> int:
        received: dict[str, int] = asking.get(f"{self.url}/sandbox/requests").raise_for_status().json()
        return received.get(f"POST {ADJUST}", 0)

    def show_our_keys(self) -> None:
        """Hold one adjustment of ours already, so that it is known to show our keys."""
        amount = {"amount": 0.01, "units": "USD"}
        body = {"adjustType": "oneTimeChargeCredit", "description": f"placet:{'0' * 64}", "amount": amount}
        asking.post(f"{self.url}{ADJUST}", json={**body, "bucket": {"id": BUCKET}}).raise_for_status()


@pytest.fixture
def bss(bss_url: str) -> Bss:
    found = Bss(bss_url)
    found.show_our_keys()
    return found


@dataclass
class Clock:
    """The time, moved on."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def until_known(attempt: Callable[[], ExecutionResult], clock: Clock) -> ExecutionResult:
    """Try again as Temporal would, until the step answers."""
    for _ in range(MOST_ATTEMPTS):
        try:
            return attempt()
        except ApplicationError as error:
            if error.non_retryable:
                raise
            time.sleep(LATE_SECONDS)
            clock.ahead += error.next_retry_delay or timedelta(seconds=1)
    raise AssertionError(f"it was not known after {MOST_ATTEMPTS} attempts")


def one_approval(steps: Steps, bss: Bss, sequence: list[tuple[str, str, int]]) -> None:
    """Let a run of its own be approved and executed while the BSS does what `sequence` says."""
    clock = Clock()
    parts = replace(steps.parts, context=replace(steps.parts.context, clock=clock))
    run = replace(steps.another(secrets.token_hex(8)), parts=parts)
    proposed, gate = run.to_the_gate()
    review = run.review(proposed, gate, run.sign(proposed))
    booked, received = bss.booked(), bss.received()
    bss.break_it(sequence)

    result = until_known(lambda: run.execute(proposed, review), clock)
    if result.outcome != "executed":
        run.close("unknown_outcome" if result.outcome == "unknown_outcome" else "failed", proposed)
    time.sleep(2 * LATE_SECONDS)

    with parts.database.reading() as tx:
        (effect,) = tx.effects.for_run(run.run.run_id)
    assert (result.outcome, effect.status, run.record().state, bss.booked() - booked) in {
        ("executed", "settled", "executed", 1),
        ("failed", "failed", "failed", 0),
        ("unknown_outcome", "unknown", "unknown_outcome", 0),
        ("unknown_outcome", "unknown", "unknown_outcome", 1),
    }
    assert bss.received() - received == run.kinds().count("execute.sending") == effect.sends <= 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_sequence_of_faults_makes_two_effects_or_a_record_that_says_other_than_the_book(
    steps: Steps, bss: Bss
) -> None:
    @settings(max_examples=20)
    @given(sequence=faults)
    def whatever_it_does(sequence: list[tuple[str, str, int]]) -> None:
        one_approval(steps, bss, sequence)

    whatever_it_does()
    with steps.parts.database.snapshot() as tx:
        assert [str(finding) for finding in verify_projections(tx, "demo")] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_empty_answer_at_a_bad_moment_sends_nothing_again(steps: Steps, bss: Bss) -> None:
    """The time to settle is over, one listing is empty, and the next one shows what other runs did, and this one."""
    clock = Clock()
    parts = replace(steps.parts, context=replace(steps.parts.context, clock=clock))
    steps.another("earlier").executed()
    run = replace(steps, parts=parts)
    proposed, gate = run.to_the_gate()
    review, booked = run.review(proposed, gate, run.sign(proposed)), bss.booked()
    bss.break_it([("POST", "status_after=429", 1), ("GET", "blank", 1)], behind="POST")
    with pytest.raises(ApplicationError, match="not confirmed"):
        run.execute(proposed, review)
    clock.ahead += timedelta(hours=1)
    bss.break_it([("GET", "blank", 1)])
    assert until_known(lambda: run.execute(proposed, review), clock).outcome == "executed"
    assert bss.booked() - booked == 1

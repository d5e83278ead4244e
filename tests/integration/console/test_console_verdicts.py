"""A run is verified and replayed at a click, and nobody waits for it."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from placet.entrypoints import api
from placet.errors import PlacetError
from placet.interfaces.console.checks import MOST_WAITING, Checks, Replayed
from tests.support.guard import GUARD
from tests.support.servers.console import ConsoleUnderTest, form_token


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def executed(console: ConsoleUnderTest) -> str:
    run_id = console.world.pending("C00009")
    console.world.approve(run_id, console.world.approver("anna"))
    return run_id


def test_a_click_shows_that_the_chain_holds_and_the_history_replays(console: ConsoleUnderTest, executed: str) -> None:
    with console.signed_in("otto", "auditor") as http:
        place = f"/console/runs/{executed}"
        page = http.get(place).text
        assert "Verify and replay" in page
        assert http.post(f"{place}/verdict", data={"form_token": form_token(page)}).status_code == 303
        console.world.until(lambda: "Found" in http.get(f"{place}/verdict").text, "a verdict")
        found = http.get(place).text
    assert "The chain holds: every hash and link of 11 entries" in found
    assert "The history replays, and every digest holds." in found


def test_a_form_of_another_page_makes_no_verdict(console: ConsoleUnderTest, executed: str) -> None:
    with console.signed_in("otto", "auditor") as http:
        assert http.post(f"/console/runs/{executed}/verdict", data={"form_token": "x"}).status_code == 403
        missing = http.get("/console/inbox").text
        answer = http.post("/console/runs/run-00000000000000000000/verdict", data={"form_token": form_token(missing)})
    assert answer.status_code == 404


def test_one_is_made_at_a_time_and_only_a_few_wait(console: ConsoleUnderTest, executed: str) -> None:
    go_on, under_way, most = threading.Event(), 0, 0

    def slow(_run_id: str) -> Replayed:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        assert go_on.wait(GUARD)
        under_way -= 1
        return Replayed(())

    checks = Checks(console.world.database, slow, now)
    asked = [checks.ask(executed), checks.ask(executed)]
    asked += [checks.ask(f"run-{number:020d}") for number in range(MOST_WAITING)]
    assert asked == [True, True, *([True] * (MOST_WAITING - 1)), False], "the same run counts once"
    go_on.set()
    console.world.until(lambda: not checks.under_way(f"run-{MOST_WAITING - 2:020d}"), "the last verdict")
    assert most == 1
    verdict = checks.found(executed)
    assert verdict is not None
    assert (verdict.entries, verdict.broken, verdict.replayed) == (11, "", Replayed(()))
    unknown = checks.found(f"run-{0:020d}")
    assert unknown is not None
    assert "does not exist" in unknown.broken


@pytest.mark.parametrize(
    "replay", [lambda _: (_ for _ in ()).throw(PlacetError("Temporal does not answer")), lambda _: 1 // 0]
)
def test_what_goes_wrong_is_said_and_stops_nothing(
    console: ConsoleUnderTest, executed: str, replay: Callable[[str], Replayed]
) -> None:
    checks = Checks(console.world.database, replay, now)
    for _ in range(2):
        assert checks.ask(executed)
        console.world.until(lambda: not checks.under_way(executed), "the end")
    verdict = checks.found(executed)
    assert verdict is not None
    assert verdict.replayed is None
    assert verdict.unable


def test_a_replay_in_a_process_of_its_own_says_in_one_line_why_it_could_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACET_HOME", "/nonexistent/placet")
    with pytest.raises(PlacetError) as told:
        api.replayed("run-00000000000000000000")
    assert len(str(told.value).splitlines()) == 1

"""What a run read of the live state, where people look: the run's page, the command line, the API, a walkthrough."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from placet.interfaces.cli.running.in_hand import print_in_hand
from placet.service.sharing.walkthroughs import Walkthroughs
from placet.service.state.taking import take_events
from tests.integration.http.calling import TOKEN
from tests.integration.state.sending import recharge
from tests.support.servers.console import ConsoleUnderTest

STOOD_OUT = "the balance was asked for 4 times in a week"


@pytest.fixture(scope="module")
def run(console: ConsoleUnderTest) -> str:
    now = datetime.now(UTC)
    events = [
        recharge(
            number,
            type="placet.balance.checked.v1",
            data={},
            subject="customer:C00009",
            time=(now - timedelta(hours=number)).isoformat(),
            source="simulated",
        )
        for number in range(1, 5)
    ]
    oldest = now - timedelta(days=400)
    assert take_events(console.world.database, "demo", events, now=now, oldest=oldest).accepted == 4
    return console.world.pending("C00009")


def test_the_page_of_a_run_says_as_of_version_and_what_stood_out(console: ConsoleUnderTest, run: str) -> None:
    with console.signed_in("olga", "operator") as http:
        page = http.get(f"/console/runs/{run}").text
    evidence = page.partition('id="evidence-title"')[2]
    assert "Live state, from events" in evidence
    assert "4 events, some of them simulated" in evidence
    assert STOOD_OUT in evidence
    reasons = page.partition('id="why-title"')[2].partition("</section>")[0]
    assert STOOD_OUT in reasons
    assert "from 4 events, some of which are simulated" in reasons
    assert "knew 4 events and 1 signal" in page


def test_of_a_customer_without_events_the_page_says_so(console: ConsoleUnderTest) -> None:
    other = console.world.pending("C00005", key="without-events")
    with console.signed_in("olga", "operator") as http:
        page = http.get(f"/console/runs/{other}").text
    assert "no event of this customer is known; the run decides on what billing says alone" in page


def test_the_command_line_says_it_with_the_digest(
    console: ConsoleUnderTest, run: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_in_hand(console.world.database, run, "demo", evidence=True, prompts=True, answers=False)
    said = " ".join(capsys.readouterr().out.split())
    assert "events of the customer had led to:" in said
    assert f"stood out {STOOD_OUT}" in said
    assert "according to recorded events, some of which are simulated" in said


def test_a_walkthrough_tells_it_without_a_figure_of_the_customer(console: ConsoleUnderTest, run: str) -> None:
    links = Walkthroughs(console.world.database, "demo", SecretStr(TOKEN))
    with console.signed_in("olga", "operator") as http:
        page = http.get(f"/console/walkthrough/{links.text_of(links.share(run, by='olga', days=1)[0])}").text
    assert "From 4 recorded events, some of them simulated, as of " in page
    assert "the balance was asked for often" in page
    assert STOOD_OUT not in page

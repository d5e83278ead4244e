"""The console's main flow on PostgreSQL: sign in, inbox, run, sign, approvers, audit, walkthrough."""

import re
from collections.abc import Iterator

import httpx
import pytest

from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import running
from tests.support.databases import Postgres
from tests.support.passkeys import enrolled
from tests.support.pressing import asked, browser, sign, use_passkey
from tests.support.servers.console import ConsoleUnderTest, console_of, form_token
from tests.support.world import world


@pytest.fixture(scope="module")
def console(
    tmp_path_factory: pytest.TempPathFactory, temporal_address: str, postgres: Postgres
) -> Iterator[ConsoleUnderTest]:
    name = postgres.new_database(postgres.template())
    home = tmp_path_factory.mktemp("console")
    with (
        running(SandboxConfig()) as bss,
        world(home, temporal_address, bss, database_url=postgres.url(name)) as made,
        console_of(made) as served,
    ):
        yield served
    postgres.drop_database(name)


def shown(http: httpx.Client, path: str, *texts: str) -> str:
    answer = http.get(f"/console/{path}")
    assert answer.status_code == 200, (path, answer.text)
    assert [text for text in texts if text not in answer.text] == [], path
    return answer.text


def test_a_run_is_decided_by_passkey_and_told_on_every_page(console: ConsoleUnderTest) -> None:
    console_world = console.world
    roles = ("retention_lead", "operator", "auditor")
    device = enrolled(console_world, console.url, "petra", roles=roles)
    run_id = console_world.pending("C00006")
    with browser(console) as http:
        assert use_passkey(http, device).headers["location"] == "/console/inbox"
        shown(http, "inbox", run_id, "1 run waits")
        shown(http, f"runs/{run_id}", "The exact change", "Approve")
        led = sign(http, asked(http, run_id, "approve", reason="a good customer"), device)
        assert led.status_code == 303
        assert "petra APPROVED the proposal" in http.get(led.headers["location"]).text
        console_world.wait(run_id, "executed")
        shown(http, f"runs/{run_id}", "Who decided", "a passkey", "a good customer")
        shown(http, "inbox", "Nothing waits for a decision")
        shown(http, "runs?state=executed", run_id)
        shown(http, "customers/C00006", "Given in the last")
        shown(http, "approvers", "petra", "Passkey")
        shown(http, "sessions", "1 browser.")
        shown(http, "audit", "petra")
        shown(http, "audit/verification")
        shown(http, "governance/oversight")
        page = shown(http, f"runs/{run_id}/walkthroughs")
        key = page.partition('name="key" value="')[2].partition('"')[0]
        place = f"/console/runs/{run_id}/walkthroughs"
        made = http.post(place, data={"form_token": form_token(page), "days": "7", "key": key})
        assert made.status_code == 303, made.text
        address = re.search(r'href="http[^"]+(/console/walkthrough/[^"]+)"', http.get(place).text)
        assert address is not None
    with browser(console) as guest:
        told = guest.get(address[1])
        assert told.status_code == 200
        assert "C00006" not in told.text

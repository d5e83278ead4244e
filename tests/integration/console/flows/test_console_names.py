"""A treatment has one name on every page, and a reversal says only what applies to one."""

import secrets

import httpx
import pytest
from pydantic import SecretStr

from placet.service.sharing.walkthroughs import Walkthroughs
from tests.integration.http.calling import TOKEN
from tests.support.servers.console import ConsoleUnderTest, form_token


def walkthrough(console: ConsoleUnderTest, http: httpx.Client, run_id: str) -> str:
    links = Walkthroughs(console.world.database, "demo", SecretStr(TOKEN))
    return http.get(f"/console/walkthrough/{links.text_of(links.share(run_id, by='olga', days=7)[0])}").text


@pytest.fixture(scope="module")
def executed(console: ConsoleUnderTest) -> str:
    world = console.world
    run_id = world.pending("C00005", key=secrets.token_hex(6))
    world.approve(run_id, world.approver("anna"))
    world.wait(run_id, "executed")
    return run_id


def test_a_treatment_has_one_name_on_every_page(console: ConsoleUnderTest, executed: str) -> None:
    candidates = console.world.proposal(executed).candidates
    named = {one.treatment: one.name for one in candidates}
    assert named["plan_change"] == "Move to the saver plan"
    with console.signed_in("olga", "operator") as http:
        pages = {"walkthrough": walkthrough(console, http, executed), "run": http.get(f"/console/runs/{executed}").text}
        lists = [http.get(f"/console/{path}").text for path in ("runs", "customers/C00005")]
        options = http.get("/console/governance/what-if").text
    for page in pages.values():
        for code, name in named.items():
            assert f"<h3>{name}</h3>" in page, name
            words = code.replace("_", " ").capitalize()
            assert words == name or f"<h3>{words}</h3>" not in page, words
    given = named[console.world.proposal(executed).treatment]
    assert all(given in page for page in lists)
    assert '<option value="plan_change">Move to the saver plan</option>' in options


def test_a_reversal_says_only_what_applies_to_one(console: ConsoleUnderTest, executed: str) -> None:
    world = console.world
    with console.signed_in("olga", "operator") as http:
        page = http.get(f"/console/governance/reversals/new?run_id={executed}").text
        key = page.partition('name="key" value="')[2].partition('"')[0]
        form = {"form_token": form_token(page), "run_id": executed, "key": key, "reason": "a mistake"}
        reversal = http.post("/console/governance/reversals", data=form).headers["location"].rpartition("/")[2]
        world.wait(reversal, "awaiting_decision")
        shown, told = http.get(f"/console/runs/{reversal}").text, walkthrough(console, http, reversal)
        listed = http.get("/console/runs").text
    for page in (shown, told):
        for never in ("no model was asked", "No language model was asked", "risk high", "to be high", "xpected value"):
            assert never not in page, never
    assert "looked at what the run that is to be taken back had done" in shown
    assert "Look at what was done" in shown
    assert "Analyse the history" not in shown
    assert "No model is asked, and no risk is assessed." in told
    assert "Somebody asked to take back a change" in told
    assert all("<h3>Take back</h3>" in page for page in (shown, told))
    assert '<td data-label="What">Take back</td>' in listed

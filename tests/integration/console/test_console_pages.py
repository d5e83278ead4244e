"""What the pages say, of real runs."""

import json
import re

import httpx
import pytest

from tests.support.servers.console import ConsoleUnderTest, form_token


@pytest.fixture(scope="module")
def pending(console: ConsoleUnderTest) -> str:
    return console.world.pending("C00009")


def test_the_inbox_says_what_waits_and_the_run_what_is_asked(console: ConsoleUnderTest, pending: str) -> None:
    proposal = console.world.proposal(pending)
    with console.signed_in("olga", "operator") as http:
        inbox = http.get("/console/inbox")
        page = http.get(f"/console/runs/{pending}")
    assert inbox.status_code == page.status_code == 200, page.text
    assert f"/console/runs/{pending}" in inbox.text
    assert str(proposal.cost) in inbox.text
    assert "placet approve " + pending in page.text
    assert str(proposal.cost) in page.text
    for step in ("Analyse the history", "Read billing", "Propose one change", "Decide and execute"):
        assert step in page.text


def test_an_envelope_that_is_handed_in_decides_the_run(console: ConsoleUnderTest) -> None:
    run_id, anna = console.world.pending("C00005"), console.world.approver("anna")
    envelope = console.world.sign(run_id, anna)
    with console.signed_in("anna", "approver") as http:
        page = http.get(f"/console/runs/{run_id}").text
        answer = http.post(
            f"/console/runs/{run_id}/decisions",
            data={"form_token": form_token(page)},
            files={"file": ("decision.json", envelope.encode(), "application/json")},
        )
        assert answer.status_code == 303, answer.text
        console.world.wait(run_id, "executed")
        after = http.get(answer.headers["location"])
    assert "APPROVED the proposal" in after.text
    assert "Executed" in after.text
    assert json.loads(envelope)["payloadType"] in envelope


@pytest.mark.parametrize("path", ["inbox", "runs", "runs/new", "customers", "halts", "health", "components"])
def test_every_page_answers(console: ConsoleUnderTest, pending: str, path: str) -> None:
    with console.signed_in("olga", "operator") as http:
        answer = http.get(f"/console/{path}")
    assert answer.status_code == 200, answer.text
    assert "<h1>" in answer.text


def test_a_customer_shows_what_our_record_knows(console: ConsoleUnderTest, pending: str) -> None:
    with console.signed_in("olga", "operator") as http:
        page: httpx.Response = http.get("/console/customers/C00009")
    assert page.status_code == 200, page.text
    assert pending in page.text


def test_health_names_the_workers_and_how_each_route_to_a_model_did(console: ConsoleUnderTest, pending: str) -> None:
    assert pending
    with console.signed_in("olga", "operator") as http:
        page = http.get("/console/health").text
    assert re.search(r"<dt>Workers that ask for work</dt><dd>[1-9]", page)
    row = page.partition('aria-label="Routes to models"')[2].partition("</table>")[0]
    assert "scripted" in row
    assert "inside the operator&#39;s network" in row
    assert re.search(r'data-label="Asked">[0-9]+ times?<', row)
    assert re.search(r'data-label="Median answer">[0-9]+\.[0-9] s<', row)
    assert 'data-label="Cost">nothing<' in row

"""Several decided at once: what one may not decide is not offered; the outcome names what was decided and left out."""

import re
import secrets

import httpx
import pytest

from placet.entrypoints.processes.process import await_condition
from tests.support.authenticator import Authenticator
from tests.support.guard import GUARD
from tests.support.passkeys import enrolled
from tests.support.pressing import sign, with_token
from tests.support.servers.console import ConsoleUnderTest, form_token


def waiting(console: ConsoleUnderTest, customer: str, by: str = "olga") -> str:
    return console.world.pending(customer, key=secrets.token_hex(6), by=by)


def name_of(console: ConsoleUnderTest, run_id: str) -> str:
    """How people call a run: its treatment, customer and amount."""
    proposal = console.world.proposal(run_id)
    treatment = proposal.treatment_name or proposal.treatment.replace("_", " ")
    return f"{treatment[:1].upper()}{treatment[1:]} for {proposal.customer_id}, {proposal.cost}"


def chosen(http: httpx.Client, run_ids: list[str]) -> str:
    return http.get("/console/batches/new", params={"verdict": "approve", "run": run_ids}).text


@pytest.fixture
def bruno(console: ConsoleUnderTest) -> Authenticator:
    return enrolled(console.world, console.url, "bruno", limit="9000.00 USD")


def test_what_somebody_asked_for_is_not_offered_to_them_and_the_inbox_says_why(console: ConsoleUnderTest) -> None:
    own, other = waiting(console, "C00005", by="bruno"), waiting(console, "C00006")
    with with_token(console, "bruno", "approver", "operator") as http:
        inbox = http.get("/console/inbox").text
        assert f'id="choose-{other}"' in inbox
        assert f'id="choose-{own}"' not in inbox
        assert "You asked for it: another person decides it" in inbox
    with with_token(console, "olga", "approver", "operator") as http:
        inbox = http.get("/console/inbox").text
        assert f'id="choose-{own}"' in inbox
        assert f'id="choose-{other}"' not in inbox


def test_what_somebody_asked_for_is_left_out_before_they_sign_and_named(
    console: ConsoleUnderTest, bruno: Authenticator
) -> None:
    own = waiting(console, "C00005", by="bruno")
    others = [waiting(console, one) for one in ("C00006", "C00009")]
    assert bruno.credential_id
    why = f"Left out: {name_of(console, own)}: you asked for it, so that another person decides it"
    with with_token(console, "bruno", "approver", "operator") as http:
        for page in (chosen(http, [own, *others]), http.get("/console/batches/new?verdict=approve&all=1").text):
            assert why in page
            members = page.partition('name="members" value="')[2].partition('"')[0]
            assert own not in members
            assert all(one in members for one in others)
            assert "placet approve --all" not in page, "the command is for what is listed alone"
        nothing = chosen(http, [own, own.replace("run-", "run-0")[:24]])
    assert "Nothing that was chosen waits for a decision of yours." in nothing
    assert why in nothing


def test_the_outcome_names_customer_treatment_and_amount_and_what_was_left_out(
    console: ConsoleUnderTest, bruno: Authenticator
) -> None:
    world = console.world
    runs = [waiting(console, one) for one in ("C00005", "C00006", "C00009")]
    with with_token(console, "bruno", "approver") as http:
        page = chosen(http, runs)
        members = page.partition('name="members" value="')[2].partition('"')[0]
        stale = re.sub(rf"{runs[0]}:\w+", f"{runs[0]}:{'0' * 64}", members)
        data = {"form_token": form_token(page), "verdict": "approve", "members": stale}
        place = http.post("/console/batches/statements", data=data).headers["location"]
        left = f"{name_of(console, runs[0])}: its proposal was changed after you opened the page"
        assert f"Left out: {left}" in http.get(place).text
        outcome = sign(http, place, bruno).headers["location"]
        found: list[str] = []

        def done() -> bool:
            found.append(http.get(outcome).text)
            return "by itself" not in found[-1]

        await_condition(done, seconds=GUARD, what="the batch being delivered")
    for run_id in runs[1:]:
        world.wait(run_id, "executed")
        row = found[-1].partition(f'href="/console/customers/{world.proposal(run_id).customer_id}"')[2]
        row = row.partition("</tr>")[0]
        proposal = world.proposal(run_id)
        assert str(proposal.cost) in row
        assert (proposal.treatment_name or proposal.treatment.replace("_", " ")).lower() in row.lower()
        assert run_id in row
    after = found[-1].partition("Left out, and not decided")[2]
    assert re.sub(r"</?a[^>]*>", "", after).count(left) == 1

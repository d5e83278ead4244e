"""Walkthroughs: a stranger with a link understands a run, and learns nothing of the customer."""

import re
from datetime import timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from placet.interfaces.console.guards.attempts import PER_ADDRESS
from placet.service.in_hand import exchanges_of, facts_of
from placet.service.sharing.links import LinkSeal
from placet.service.sharing.walkthroughs import Walkthroughs
from placet.storage.sql.driver import Connection
from tests.integration.http.calling import TOKEN
from tests.integration.tmf.requests import ORDER, move_item, order
from tests.support.servers import asking
from tests.support.servers.console import ConsoleUnderTest, console_of, form_token
from tests.support.world import World

OPERATOR = {"X-Placet-Operator": "olga", "Authorization": f"Bearer {TOKEN}"}
PUBLIC = {"USD", "demo", "Active", "active", "settled", "Simulated", "read_back", "response", "customer", "approve"}
"""Words that say nothing of this customer: of our own pages, of every customer, or the tenant's."""

OUR_WORDS = frozenset(
    [
        "Goodwill credit",
        "Loyalty bonus",
        "Nothing",
        "nothing",
        "balances",
        "bills",
        "products",
        "usage",
        "credit",
        "contract",
        "retention",
        "data",
        "given",
        "Move to the saver plan",
        "One-year contract",
        "inside",
        "sent",
    ]
)
"""Texts of the run's documents that the page says in sentences of its own."""

PRICE = [{"priceType": "recurring", "price": {"taxIncludedAmount": {"unit": "USD", "value": 20}}}]


@pytest.fixture(scope="module")
def executed(console: ConsoleUnderTest) -> str:
    run_id = console.world.pending("C00009")
    console.world.approve(run_id, console.world.approver("anna"))
    return run_id


@pytest.fixture(scope="module")
def links(console: ConsoleUnderTest) -> Walkthroughs:
    return links_of(console.world)


def links_of(world: World) -> Walkthroughs:
    return Walkthroughs(world.database, "demo", SecretStr(TOKEN))


def path_of(links: Walkthroughs, run_id: str, **given: Any) -> str:
    shared, _ = links.share(run_id, **{"by": "olga", "days": 7, **given})
    return f"/console/walkthrough/{links.text_of(shared)}"


def leaves(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {leaf for one in value.values() for leaf in leaves(one)}
    if isinstance(value, list | tuple):
        return {leaf for one in value for leaf in leaves(one)}
    return {str(value)} if isinstance(value, str) else set()


def amounts(value: Any) -> set[str]:
    """Every amount of money in a document, as a page would write it."""
    if isinstance(value, dict):
        own = {f"{value['amount_minor'] / 100:.2f}"} if value.get("amount_minor") else set()
        return own | {found for one in value.values() for found in amounts(one)}
    if isinstance(value, list | tuple):
        return {found for one in value for found in amounts(one)}
    return set()


def private_values(world: World, run_id: str) -> set[str]:
    """All that the run's documents hold and a stranger may not see: every text, every amount, every quantity."""
    facts = facts_of(world.database, run_id, "demo")
    assert facts is not None
    assert facts.evidence is not None
    evidence, proposal = facts.evidence.model_dump(mode="json"), world.proposal(run_id).model_dump(mode="json")
    texts = leaves(evidence) | leaves(proposal)
    for exchange in exchanges_of(world.database, run_id, "demo"):
        texts |= {held.text for held in (exchange.prompt, exchange.answer) if held is not None and held.text}
    events = [event.model_dump(mode="json") for event in world.events(run_id)]
    texts |= {text for text in leaves(events) if re.search(r"\d{3}|[0-9a-f]{32}|“", text)}
    texts |= {"olga", "anna", "test", run_id}
    figures = (amounts(evidence) | amounts(proposal)) - {f"{world.proposal(run_id).cost.amount_minor / 100:.2f}"}
    figures |= {str(one["quantity"]) for one in evidence["usage"] if one["quantity"] > 100}
    return {text for text in texts if len(text) >= 4} - PUBLIC | figures


def test_the_page_tells_the_story_and_holds_no_private_value_even_in_its_source(
    console: ConsoleUnderTest, executed: str, links: Walkthroughs
) -> None:
    with console.client() as stranger:
        answer = stranger.get(path_of(links, executed))
    assert answer.status_code == 200, answer.text
    page = answer.text
    told = re.sub(r"\s+", " ", page)
    for said in (
        "It read billing, and could change nothing there",
        "about 4 in 10 leave",
        "A retention lead approved it.",
        f"It costs {console.world.proposal(executed).cost}.",
        "It was sent once.",
        "What the record proves",
        "What is left out here",
    ):
        assert said in told, said
    private = private_values(console.world, executed)
    assert {"C00009", "B-C00009", "Prepaid main balance", "104.80", "olga", "anna"} <= private
    # A date or a word of our own that another system uses as well gives nothing away; what is left must not be there.
    found = {text for text in private if re.search(rf"(?<![\w.]){re.escape(text)}(?![\w.]|\.\d)", page)}
    assert found <= OUR_WORDS, found


def test_links_without_number_hide_no_step_of_the_story(
    console: ConsoleUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = console.world.pending("C00015", key="many-links")
    console.world.approve(run_id, console.world.approver("arno"))
    link = links_of(console.world)
    monkeypatch.setattr("placet.interfaces.console.pages.guests.MOST_ENTRIES", 20)
    shown = path_of(link, run_id)
    for _ in range(12):
        made, _new = link.share(run_id, by="olga", days=1)
        link.withdraw(run_id, made.link_id, by="olga")
    with console.world.database.reading() as tx:
        last = tx.audit.last(run_id)
    assert last is not None
    with console.client() as http:
        page = http.get(shown).text
    assert "It was checked again, and carried out" in page
    assert f"The record of this run has {last.seq} entries so far." in page
    assert last.hash[:12] in page


def test_what_another_system_wrote_is_not_on_the_page_at_all(console: ConsoleUnderTest) -> None:
    world = console.world
    named = {
        "productOffering": {"id": "PO-odd", "name": "<script>alert(1)</script> +1 202 555 0143"},
        "itemPrice": PRICE,
    }
    asking.post(f"{world.settings.bss_url}{ORDER}", json=order("C00037", move_item("P-C00037-voice", "PO-odd") | named))
    run_id = world.pending("C00037")
    with console.client() as stranger:
        page = stranger.get(path_of(links_of(world), run_id)).text
    assert "They hold " in page
    assert "alert(1)" not in page
    assert "202 555" not in page  # a digest may hold three fives, and no space
    assert "555 0143" not in page


def test_what_the_browser_is_told_keeps_the_page_to_whoever_has_the_link(
    console: ConsoleUnderTest, executed: str, links: Walkthroughs
) -> None:
    with console.client() as stranger:
        answer = stranger.get(path_of(links, executed))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in answer.headers["x-robots-tag"]
    assert '<meta name="robots" content="noindex' in answer.text
    assert "set-cookie" not in answer.headers
    assert "/console/inbox" not in answer.text


def test_people_are_named_only_where_the_link_was_made_to_name_them(
    console: ConsoleUnderTest, executed: str, links: Walkthroughs
) -> None:
    with console.client() as stranger:
        named = stranger.get(path_of(links, executed, names=True)).text
        unnamed = stranger.get(path_of(links, executed)).text
    assert "anna (retention lead) approved it." in named
    assert "anna" not in unnamed
    assert "olga" not in named


def test_links_that_do_not_count_are_all_answered_alike(
    executed: str, console: ConsoleUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = console.world
    links = links_of(world)
    good = path_of(links, executed)
    withdrawn, _ = links.share(executed, by="olga", days=1)
    links.withdraw(executed, withdrawn.link_id, by="olga")
    unrecorded = LinkSeal(SecretStr(TOKEN))
    stolen = unrecorded.read(good.rpartition("/")[2])
    assert stolen is not None
    ended, _ = links.share(executed, by="olga", days=1, now=console.clock() - timedelta(days=2))
    wrong = {
        "no link": "/console/walkthrough/x",
        "another seal": good[:-1] + ("A" if good[-1] != "A" else "B"),
        "another run": "/console/walkthrough/"
        + unrecorded.text_of(stolen.model_copy(update={"run_id": "run-" + "0" * 20})),
        "expired": f"/console/walkthrough/{links.text_of(ended)}",
        "withdrawn": f"/console/walkthrough/{links.text_of(withdrawn)}",
        "sealed, not on the record": "/console/walkthrough/"
        + unrecorded.text_of(stolen.model_copy(update={"link_id": "f" * 32})),
        "longer than was recorded": "/console/walkthrough/"
        + unrecorded.text_of(stolen.model_copy(update={"expires_at": stolen.expires_at + timedelta(days=9)})),
        "names more than was recorded": "/console/walkthrough/"
        + unrecorded.text_of(stolen.model_copy(update={"names": True})),
        "another tenant's": "/console/walkthrough/" + unrecorded.text_of(stolen.model_copy(update={"tenant": "other"})),
    }
    with console_of(world) as fresh, fresh.client() as stranger:
        answers = {name: stranger.get(path) for name, path in wrong.items()}
        assert stranger.get(good).status_code == 200
        statements = {
            name: statements_of(stranger, path, monkeypatch) for name, path in wrong.items() if path.startswith("/")
        }
    assert {one.status_code for one in list(answers.values())[:9]} == {404}
    for one, another in pairwise(list(answers.values())):
        assert one.text == another.text
        assert {**one.headers, "date": ""} == {**another.headers, "date": ""}
    assert set(statements.values()) == {1}, statements


def statements_of(http: httpx.Client, path: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many statements a request costs the database."""
    seen: list[None] = []
    execute = Connection.execute

    def noted(self: Connection, *given: Any, **more: Any) -> Any:
        seen.append(None)
        return execute(self, *given, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "execute", noted)
        http.get(path)
    return len(seen)


def test_wrong_links_are_counted_and_good_ones_still_lead_on(console: ConsoleUnderTest, executed: str) -> None:
    good = path_of(links_of(console.world), executed)
    with console_of(console.world) as fresh, fresh.client() as stranger:
        answers = [stranger.get(f"/console/walkthrough/wrong{number}").status_code for number in range(PER_ADDRESS + 2)]
        assert answers == [404] * PER_ADDRESS + [429] * 2
        assert stranger.get(good).status_code == 200


def test_somebody_who_is_signed_in_makes_and_withdraws_a_link_and_the_record_says_so(
    console: ConsoleUnderTest, executed: str
) -> None:
    before = len(console.world.events(executed, "walkthrough.shared"))
    with console.signed_in("olga", "operator") as http:
        place = f"/console/runs/{executed}/walkthroughs"
        page = http.get(place).text
        key = page.partition('name="key" value="')[2].partition('"')[0]
        form = {"form_token": form_token(page), "days": "3", "key": key}
        assert [http.post(place, data=form).status_code for _ in range(2)] == [303, 303], "a double click is one link"
        assert http.post(place, data={**form, "days": "31", "key": "b"}).status_code == 422
        page = http.get(place).text
        address = re.search(r'href="(http[^"]+/console/walkthrough/[^"]+)"', page)
        assert address is not None
        link_id = re.search(r"/walkthroughs/([0-9a-f]{32})/withdraw", page)
        assert link_id is not None
        with console.client() as stranger:
            assert stranger.get(address[1]).status_code == 200
            assert http.post(f"{place}/{link_id[1]}/withdraw", data={"form_token": form_token(page)}).status_code == 303
            assert stranger.get(address[1]).status_code == 404
        assert "Withdrawn" in http.get(place).text
    shared = console.world.events(executed, "walkthrough.shared")
    (withdrawn,) = [
        one for one in console.world.events(executed, "walkthrough.withdrawn") if one.body["link"] == link_id[1]
    ]
    assert len(shared) == before + 1
    assert (shared[-1].actor, withdrawn.actor) == ("olga", "olga")
    assert shared[-1].body["token"] == console.tokens["olga"]
    assert shared[-1].at + timedelta(days=3) - shared[-1].at > timedelta()
    with console.world.database.reading() as tx:
        tx.audit.verify(executed)


@pytest.mark.parametrize(("role", "status"), [("auditor", 403), ("operator", 404), ("approver", 404)])
def test_who_may_share_is_policy(console: ConsoleUnderTest, role: Any, status: int) -> None:
    with console.signed_in(f"w-{role}", role) as http:
        token = form_token(http.get("/console/inbox").text)
        answer = http.post(
            "/console/runs/run-00000000000000000000/walkthroughs", data={"form_token": token, "days": "1"}
        )
    assert answer.status_code == status


def test_the_api_makes_lists_and_withdraws_links(console: ConsoleUnderTest, executed: str) -> None:
    place = f"/v1/runs/{executed}/walkthroughs"
    with console.client() as http:
        made = http.post(place, json={"days": 2}, headers={**OPERATOR, "Idempotency-Key": "w1"})
        again = http.post(place, json={"days": 2}, headers={**OPERATOR, "Idempotency-Key": "w1"})
        other = http.post(place, json={"days": 3}, headers={**OPERATOR, "Idempotency-Key": "w1"})
        assert (made.status_code, again.status_code, other.status_code) == (201, 200, 409), made.text
        assert made.json()["path"] == again.json()["path"]
        assert http.get(made.json()["path"]).status_code == 200
        listed = http.get(place, headers=OPERATOR).json()["links"]
        assert made.json()["link_id"] in {one["link_id"] for one in listed}
        assert all(one["path"] is None for one in listed)
        ended = http.post(f"{place}/{made.json()['link_id']}/withdraw", headers=OPERATOR)
        assert ended.json()["withdrawn_by"] == "olga"
        assert http.get(made.json()["path"]).status_code == 404
        assert http.post(f"{place}/{'0' * 32}/withdraw", headers=OPERATOR).status_code == 404


@pytest.mark.parametrize("customer", ["C00005", "C00002"])
def test_a_run_that_waits_or_proposed_nothing_is_told_as_well(console: ConsoleUnderTest, customer: str) -> None:
    world = console.world
    run_id = world.start(customer)
    world.wait(run_id, "awaiting_decision", "no_action")
    with console.client() as stranger:
        page = stranger.get(path_of(links_of(world), run_id)).text
    waits = world.record(run_id).state == "awaiting_decision"
    assert ("People are asked to decide" in page) is waits
    assert ("found nothing worth doing" in page) is not waits
    assert customer not in page

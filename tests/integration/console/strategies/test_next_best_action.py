"""The page of a customer's next best action: what to say, what not to offer, and what if; one function decides."""

import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from placet.contracts.strategies.used import StrategyUsed
from placet.decisioning.next_best_action.proposing import decide_by
from placet.service.strategies.deciding import PublishedDecision, decide_by_published, live_customer
from placet.service.strategies.publishing import find_published, text_of
from tests.integration.console.strategies.published import offered
from tests.integration.http.calling import TOKEN
from tests.integration.strategies.publishing import POLICIES
from tests.support.browser import EVERYTHING, NARROW, OF_THE_SCREEN, WIDE, context_of, faults_of, keep, needs_chromium
from tests.support.programs.placet_process import one_line, placet
from tests.support.servers.console import ConsoleUnderTest, form_token
from tests.support.strategies.published import IN_BOTH

pytestmark = pytest.mark.xdist_group("console-browser")

PAGE = "/console/decisions"
HERE = f"{PAGE}?customer_id={IN_BOTH}&channel=agent"


@pytest.fixture(scope="module")
def base(console: ConsoleUnderTest) -> ConsoleUnderTest:
    offered(console.world)
    return console


def decided(base: ConsoleUnderTest, customer: str = IN_BOTH) -> PublishedDecision:
    now = datetime.now(UTC)
    return decide_by_published(
        base.world.database, "demo", customer, lambda _agent: POLICIES, channel="agent", at=now, now=now
    )


def suppose(http: httpx.Client, where: str = HERE, **fields: str) -> httpx.Response:
    token = form_token(http.get(where).text)
    return http.post(
        where, data={"form_token": token, **{name.replace("_of_", "."): one for name, one in fields.items()}}
    )


def recorded(base: ConsoleUnderTest) -> int:
    with base.world.database.reading() as tx:
        return len(list(tx.audit.read("tenant/demo")))


def told(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html.unescape(page)).split())


def test_the_page_says_what_is_offered_what_to_say_aloud_and_what_not_to_offer(base: ConsoleUnderTest) -> None:
    found = decided(base)
    chosen = found.decision.chosen
    assert chosen is not None
    assert (chosen.treatment, str(chosen.cost)) == ("loyalty_credit", "8.00 USD")
    with base.signed_in("olga", "operator") as http:
        page = told(http.get(HERE).text)
    assert "What to offer Loyalty credit" in page
    assert f"Is expected to gain {chosen.value} after its cost" in page
    aloud = page.partition("What may be said aloud")[2].partition("The strategy, and who signed it")[0]
    for words in ("“We would like to keep you.”", "“You have been with us for 3 years.”", "“You recharge regularly.”"):
        assert words in aloud
    assert "May be offered instead: it passed every test, and is worth less Small credit" in page
    never = page.partition("What not to offer, and why")[2].partition("What if it were otherwise?")[0]
    assert "Second line for_families May not get it Is not yet of age with us" in never
    assert "simulated" not in never.lower()
    rest = page.partition("Every other treatment")[2]
    assert rest.count("for_others") == 2
    assert "Not for them Is not in its cohort: wallet_payments_7d > 0 not asked" in rest


def test_two_decisions_stand_side_by_side_and_nothing_supposed_is_kept(base: ConsoleUnderTest) -> None:
    before = decided(base)
    with base.signed_in("olga", "operator") as http:
        entries = recorded(base)
        page = suppose(http, fact_of_open_tickets="1", facts="contacts_90d = 0\nnps = unknown")
        words = told(page.text)
        assert page.status_code == 200
        assert "If it were so, something else would be done." in words
        assert "1 (in truth: 0)" in words
        assert "What changes" in words
        assert "As it is Loyalty credit" in words
        assert "If it were so Nothing Leave them alone" in words
        assert "Loyalty credit keep_at_risk Is offered: is expected to gain" in words
        assert "May not get it: has an open support ticket" in words
        same = told(suppose(http, facts="nps = 3").text)
        assert "If it were so, nothing changes." in same
        later = told(suppose(http, channel="sms", at="2027-01-10T05:00").text)
        assert "sms (in truth: agent)" in later
        assert "Contact policy: nothing is sent from 21:00 to 09:00; it is 23:00 there" in later
    assert decided(base).decision.weighed == before.decision.weighed
    assert recorded(base) == entries


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Nothing is supposed: name another channel, another time or a fact"),
        ({"facts": "produkts = 2"}, "'produkts' is no fact about a customer; did you mean products?"),
        ({"facts": "customer_id = 'C1'"}, "Customer_id cannot be supposed"),
        ({"facts": "products = many"}, "Products cannot be 'many': it is a whole number from 0 to 32"),
        ({"facts": "<b>x</b>"}, "'<b>x</b>' supposes nothing; write it as: products = 2"),
        ({"facts": "products = 1", "fact_of_products": "2"}, "Products is supposed twice"),
        ({"at": "tomorrow"}, "When"),
        ({"channel": "pigeon"}, "Channel"),
        ({"channel": "any"}, "'any' is no channel"),
        ({"at": "2099-01-01T00:00"}, "is more than 366 days ahead"),
    ],
)
def test_what_cannot_be_supposed_is_said_and_what_was_typed_stays(
    base: ConsoleUnderTest, fields: dict[str, str], said: str
) -> None:
    with base.signed_in("olga", "operator") as http:
        refused = suppose(http, **fields)
        assert refused.status_code == 422
        assert said in html.unescape(refused.text)
        assert "<b>x" not in refused.text
        if "facts" in fields:
            assert html.escape(fields["facts"], quote=False) in refused.text.replace("&#39;", "'")


def test_of_nobody_known_nothing_is_decided_and_the_page_says_so(base: ConsoleUnderTest) -> None:
    with base.signed_in("olga", "operator") as http:
        assert "What to offer" not in http.get(PAGE).text
        unknown = http.get(f"{PAGE}?customer_id=C99999")
        assert unknown.status_code == 422
        assert "No event of customer 'C99999' is known" in html.unescape(unknown.text)
        odd = http.get(f"{PAGE}?customer_id=%3Cb%3E&channel=agent")
        assert odd.status_code == 422
        assert "<b>" not in odd.text
        assert http.get(f"{PAGE}?customer_id={IN_BOTH}&channel=pigeon").status_code == 422
        state = http.get(f"/console/customers/{IN_BOTH}/state").text
        assert f'href="{PAGE}?customer_id={IN_BOTH}"' in state
        assert http.post(HERE, data={"facts": "products = 2"}).status_code == 403  # without the session's token


@contextmanager
def opened(browser: Browser, base: ConsoleUnderTest, **options: Any) -> Iterator[Page]:
    with context_of(browser, base.url, **options) as context:
        page = context.new_page()
        page.goto(HERE)
        page.get_by_label("Your token").fill(base.token("olga", "operator"))
        page.get_by_role("button", name="Sign in").click()
        yield page


@needs_chromium
@pytest.mark.parametrize(
    ("width", "view", "scheme"),
    [("1280", WIDE, "light"), ("390", NARROW, "dark"), ("1280", WIDE, "dark"), ("390", NARROW, "light")],
)
def test_the_page_is_in_order_on_a_desk_and_on_a_phone(
    browser: Browser, base: ConsoleUnderTest, width: str, view: dict[str, int], scheme: str
) -> None:
    with opened(browser, base, viewport=view, color_scheme=scheme) as page:
        expect(page.get_by_role("heading", name="What to offer", exact=True)).to_be_visible()
        in_order(page, f"decision-{width}-{scheme}", wide=view is WIDE)
        page.get_by_label("Open support tickets").fill("2")
        page.get_by_label("Told elsewhere").select_option("sms")
        page.get_by_role("button", name="Show both decisions").click()
        expect(page.get_by_role("heading", name="What if", exact=True)).to_be_visible()
        assert page.get_by_label("Open support tickets").input_value() == "2"
        in_order(page, f"decision-what-if-{width}-{scheme}", wide=view is WIDE)


def in_order(page: Page, name: str, *, wide: bool) -> None:
    assert faults_of(page, EVERYTHING if wide else OF_THE_SCREEN) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    too_wide = "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth)"
    assert page.evaluate(f"{too_wide}.map((one) => one.ariaLabel)") == []
    keep(page, name)


def bearer(base: ConsoleUnderTest) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKEN}", "X-Placet-Operator": "olga"}


def test_the_page_the_api_the_command_and_a_run_decide_alike(base: ConsoleUnderTest) -> None:
    found = decided(base)
    chosen = found.decision.chosen
    assert chosen is not None
    in_json = json.loads(found.model_dump_json())
    with base.client() as http:
        answer = http.get(f"/v1/decisions/{IN_BOTH}?channel=agent", headers=bearer(base)).json()
    with base.signed_in("olga", "operator") as http:
        words = told(http.get(HERE).text)
    done = placet(base.world.settings.home, "decide", IN_BOTH, "--channel", "agent", "--json")
    assert done.returncode == 0, done.stderr
    for other in (answer, json.loads(done.stdout)):
        assert other["decision"]["weighed"] == in_json["decision"]["weighed"]
        assert (other["assist"], other["strategies"]) == (in_json["assist"], in_json["strategies"])
    for one in in_json["decision"]["weighed"]:
        assert one["reason"]["detail"].lower() in words.lower()
    # What a run proposes by is the same function, on what the run computed of their chance of leaving.
    with base.world.database.reading() as tx:
        one = find_published(tx, "demo", "keep_at_risk", lambda _agent: POLICIES, datetime.now(UTC))
    known = live_customer(base.world.database, "demo", IN_BOTH, datetime.now(UTC))
    used = StrategyUsed(
        name="keep_at_risk",
        version=one.version,
        channel="agent",
        drawn_by=known.drawn_by,
        reached=one.reached,
        arm="both",
        probability=10_000,
        leaving=70,
        household_members=None,
    )
    by_run = decide_by(text_of(base.world.database, one), used, known.state, found.decision.at)
    assert by_run.weighed == tuple(each for each in found.decision.weighed if each.strategy == "keep_at_risk")


def test_what_is_supposed_over_http_and_by_the_command_is_the_same_and_bad_input_is_one_line(
    base: ConsoleUnderTest,
) -> None:
    path = f"/v1/decisions/{IN_BOTH}/what-if"
    body = {"channel": "agent", "suppose": {"channel": "sms", "facts": {"open_tickets": 1, "nps": None}}}
    with base.client() as http:
        answer = http.post(path, json=body, headers=bearer(base))
        assert answer.status_code == 200, answer.text
        found = answer.json()
        for wrong, code in (
            ({"channel": "agent", "suppose": {}}, "malformed"),
            ({"channel": "agent", "suppose": {"facts": {"products": 1.5}}}, "malformed"),
            ({"channel": "agent", "suppose": {"facts": {"products": "many"}}}, "malformed"),
            ({"channel": "agent", "suppose": {"facts": {"customer_id": "C1"}}}, "malformed"),
            ({"channel": "any", "suppose": {"facts": {"products": 1}}}, "malformed"),
            ({"channel": "agent", "suppose": {"at": "2099-01-01T00:00:00Z"}}, "malformed"),
            ({"channel": "agent", "suppose": {"facts": {f"x{number}": 1 for number in range(21)}}}, "malformed"),
        ):
            refused = http.post(path, json=wrong, headers=bearer(base))
            assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
        nobody = http.post(path.replace(IN_BOTH, "C99999"), json=body, headers=bearer(base))
        assert (nobody.status_code, nobody.json()["code"]) == (404, "unknown_customer")
    assert (found["same_choice"], found["supposed_channel"]) == (False, "sms")
    assert [(one["name"], one["was"], one["supposed"]) for one in found["facts"]] == [
        ("nps", None, None),
        ("open_tickets", 0, 1),
    ]
    asked = ("--what-if", "open_tickets = 1", "--what-if", "channel = sms", "--what-if", "nps is unknown")
    home = base.world.settings.home
    done = placet(home, "decide", IN_BOTH, *asked, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    for name in ("facts", "changed", "same_choice", "supposed_channel"):
        assert said[name] == found[name]
    words = " ".join(placet(home, "decide", IN_BOTH, *asked).stdout.split())
    assert "supposed, and not kept where they would be told sms (in truth: agent)" in words
    assert "so something else would be done" in words
    plain = " ".join(placet(home, "decide", IN_BOTH).stdout.split())
    assert "say to the customer 1 “We would like to keep you.”" in plain
    assert "do not offer Second line, for_families may not get it: is not yet of age with us" in plain
    assert "for other customers Loyalty credit, for_others is not in its cohort" in plain
    refused_here = placet(home, "decide", IN_BOTH, "--what-if", "channel = pigeon")
    assert refused_here.returncode == 1
    assert one_line(refused_here).startswith("placet: channel: 'pigeon': write")

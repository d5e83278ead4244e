"""Deciding by passkey, attacked: nothing that a browser sends back chooses what is signed, or by whom."""

import re
import secrets
from datetime import timedelta

import httpx
import pytest

from placet.governance.signing.assertions import from_base64url
from placet.interfaces.console.prompts import LASTS
from placet.interfaces.console.sessions import IDLE, digest_of_id
from tests.integration.console.keys.rows import change_rows
from tests.support.databases import together
from tests.support.passkeys import enrolled
from tests.support.pressing import asked, browser, challenge_at, hand_in, press, sign, use_passkey, with_token
from tests.support.servers.console import ConsoleUnderTest, form_token

OWN = secrets.token_hex(4)
"""Of this process: all of them share one Temporal, where a run's id follows from its key."""


@pytest.fixture(autouse=True)
def _clock_of_today(console: ConsoleUnderTest) -> None:
    console.clock.ahead = timedelta()


def decided(console: ConsoleUnderTest, run_id: str) -> int:
    return len(console.world.events(run_id, "approve.decided"))


def test_a_decision_is_signed_delivered_and_answers_once(console: ConsoleUnderTest) -> None:
    device, run_id = enrolled(console.world, console.url, "ada"), console.world.pending("C00005")
    with with_token(console, "ada", "approver") as http:
        place = asked(http, run_id, "reject", reason="not now")
        answer = device.asserted(challenge_at(http, place))
        first = hand_in(http, place, answer)
        assert first.headers["location"].startswith(f"/console/runs/{run_id}?decision=")
        console.world.wait(run_id, "rejected")
        again = hand_in(http, place, answer)
        assert again.status_code == 409
        assert "answered already" in again.text
        assert http.get(place).status_code == 409
    assert decided(console, run_id) == 1


def test_of_two_answers_that_come_at_once_one_counts(console: ConsoleUnderTest) -> None:
    device, run_id = enrolled(console.world, console.url, "abe"), console.world.pending("C00006")
    with with_token(console, "abe", "approver") as http:
        place = asked(http, run_id, "reject")
        answer, token = device.asserted(challenge_at(http, place)), form_token(http.get("/console/inbox").text)
        answers = together(4, lambda _: hand_in(http, place, answer, token).status_code)
    assert sorted(answers) == [303, 409, 409, 409]
    console.world.wait(run_id, "rejected")
    assert decided(console, run_id) == 1


def test_an_answer_to_one_question_answers_no_other(console: ConsoleUnderTest) -> None:
    device, run_id = enrolled(console.world, console.url, "amy"), console.world.pending("C00009")
    with with_token(console, "amy", "approver") as http:
        reject, approve = asked(http, run_id, "reject"), asked(http, run_id, "approve")
        swapped = hand_in(http, approve, device.asserted(challenge_at(http, reject)))
        assert swapped.status_code == 422
        assert "another challenge" in swapped.text
        # The question was used up by it: whoever guesses has one try.
        assert http.get(approve).status_code == 409
        begun = http.post("/console/sign-in/passkey/prompt").json()
        of_sign_in = device.asserted(from_base64url(begun["options"]["challenge"]))
        assert hand_in(http, reject, of_sign_in).status_code == 422
    assert not console.world.events(run_id, "approve.decided")
    assert not console.world.events(run_id, "approve.refused")


def test_another_sessions_question_is_neither_seen_nor_answered(console: ConsoleUnderTest) -> None:
    device, run_id = enrolled(console.world, console.url, "art"), console.world.pending("C00032")
    other = enrolled(console.world, console.url, "bea")
    with with_token(console, "art", "approver") as http, with_token(console, "bea", "approver") as thief:
        place = asked(http, run_id, "reject")
        challenge = challenge_at(http, place)
        assert thief.get(place).status_code == 409
        assert hand_in(thief, place, device.asserted(challenge)).status_code == 409
        assert hand_in(http, place, other.asserted(challenge)).status_code == 422
        # The same person in another session: what was asked there is not asked here.
        with with_token(console, "art", "approver") as elsewhere:
            kept = asked(http, run_id, "reject")
            assert elsewhere.get(kept).status_code == 409
        assert sign(http, kept, device).status_code == 303
    console.world.wait(run_id, "rejected")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_a_form_from_elsewhere_asks_and_answers_nothing(console: ConsoleUnderTest, site: str) -> None:
    device, run_id = enrolled(console.world, console.url, f"cas-{site}"), console.world.pending("C00037")
    with with_token(console, f"cas-{site}", "approver") as http:
        place = asked(http, run_id, "reject")
        answer = device.asserted(challenge_at(http, place))
        assert hand_in(http, place, answer, "0" * 64).status_code == 403
        token = form_token(http.get("/console/inbox").text)
        http.headers["Sec-Fetch-Site"] = site
        assert hand_in(http, place, answer, token).status_code == 403
        for path in ("sign-in/passkey/prompt", "sign-in/passkey", "setup/prompt", "setup", "join/x", "join/x/prompt"):
            assert http.post(f"/console/{path}", data={"form_token": token}).status_code == 403, path
        http.headers["Sec-Fetch-Site"] = "same-origin"
        assert hand_in(http, place, answer).status_code == 303
    console.world.wait(run_id, "rejected")


def test_who_writes_rows_asks_nothing(console: ConsoleUnderTest) -> None:
    device, run_id = enrolled(console.world, console.url, "dan"), console.world.pending("C00005", key="dan-1")
    with with_token(console, "dan", "approver") as http:
        reject, approve = asked(http, run_id, "reject"), asked(http, run_id, "approve")
        challenge = challenge_at(http, reject)
        named = {name: digest_of_id(place.rpartition("/")[2]) for name, place in (("r", reject), ("a", approve))}
        # The statement of one question, and its seal, under the name of the other.
        for column in ("asked", "seal"):
            assert change_rows(
                console,
                f"UPDATE console_prompt SET {column} = "  # noqa: S608 - a name of ours
                f"(SELECT {column} FROM console_prompt WHERE prompt_sha256 = :r) WHERE prompt_sha256 = :a",
                **named,
            )
            assert hand_in(http, approve, device.asserted(challenge)).status_code == 409
        later = asked(http, run_id, "reject")
        assert change_rows(console, "UPDATE console_prompt SET expires_at = :at", at="2099-01-01 00:00:00.000000")
        assert http.get(later).status_code == 409


def test_a_question_does_not_stand_for_long_and_a_session_that_ended_decides_nothing(
    console: ConsoleUnderTest,
) -> None:
    device, run_id = enrolled(console.world, console.url, "eva"), console.world.pending("C00006", key="eva-1")
    with with_token(console, "eva", "approver") as http:
        place = asked(http, run_id, "reject")
        answer = device.asserted(challenge_at(http, place))
        console.clock.ahead = LASTS
        assert hand_in(http, place, answer).status_code == 409
        place = asked(http, run_id, "reject")
        answer, token = device.asserted(challenge_at(http, place)), form_token(http.get("/console/inbox").text)
        console.clock.ahead += IDLE
        ended = hand_in(http, place, answer, token)
    assert ended.status_code == 401
    assert "Nothing was done" in ended.text
    assert decided(console, run_id) == 0


def test_what_changed_meanwhile_is_not_decided(console: ConsoleUnderTest) -> None:
    world = console.world
    device, run_id = enrolled(world, console.url, "fay"), world.pending("C00009", key="fay-1")
    with with_token(console, "fay", "approver") as http:
        stale = press(http, run_id, "approve", proposal="0" * 64)
        assert stale.status_code == 409
        assert "changed after you opened the page" in stale.text
        place = asked(http, run_id, "approve")
        answer = device.asserted(challenge_at(http, place))
        world.send(run_id, world.sign(run_id, world.approver("gus"), "reject"))
        world.wait(run_id, "rejected")
        late = hand_in(http, place, answer)
        assert late.status_code == 422
        assert "does not wait for a decision" in late.text
        assert press(http, run_id, "approve").status_code == 422
    assert decided(console, run_id) == 1


def test_a_smaller_amount_is_never_taken_for_an_approval_of_the_whole(console: ConsoleUnderTest) -> None:
    enrolled(console.world, console.url, "ute")
    run_id = console.world.pending("C00005", key="ute-1")
    with with_token(console, "ute", "approver") as http:
        for verdict in ("approve", "reject"):
            refused = press(http, run_id, verdict, amount="1.00")
            assert refused.status_code == 422
            assert "what to approve instead" in refused.text
            assert 'name="amount" value="1.00"' in refused.text
        assert press(http, run_id, "amend", amount="1.00", treatment="loyalty_bonus").status_code == 422
        assert press(http, run_id, "amend").status_code == 422
        assert press(http, run_id, "amend", amount="1.00").status_code == 303


def test_who_may_not_decide_hears_it_before_anything_is_signed(console: ConsoleUnderTest) -> None:
    world, run_id = console.world, console.world.pending("C00005", key="few-1")
    enrolled(world, console.url, "hal", limit="1.00 USD")
    enrolled(world, console.url, "ida", roles=("somebody_else",))
    enrolled(world, console.url, "olga")
    for name, why in {"hal": "limit", "ida": "role", "olga": "olga", "jon": "No passkey of jon"}.items():
        with with_token(console, name, "approver") as http:
            page = http.get(f"/console/runs/{run_id}").text
            assert 'value="approve"' not in page, name
            assert why in page.partition('id="decide-title"')[2], name
            refused = press(http, run_id, "approve")
            assert refused.status_code in (409, 422), name
            sent = {"form_token": form_token(page), "proposal": str(world.record(run_id).proposal)}
            refused = http.post(f"/console/runs/{run_id}/statements", data={**sent, "verdict": "approve"})
            assert refused.status_code == 422, name


def ask_two(text: str) -> str:
    return text.replace('@gate_quorum("1")', '@gate_quorum("2")')


def test_of_two_who_must_approve_each_reads_who_has_and_what_a_signature_does(console: ConsoleUnderTest) -> None:
    world, before = console.world, console.world.policy_file.read_text()
    world.edit_policy(ask_two)
    try:
        run_id = world.pending("C00009", key=f"two-{OWN}")
        first, second = (enrolled(world, console.url, name) for name in ("tess", "theo"))
        with with_token(console, "tess", "approver") as http:
            place = asked(http, run_id, "approve")
            assert "2 people must approve; nobody has yet; one more must sign after you." in http.get(place).text
            assert sign(http, place, first).status_code == 303
            world.until(lambda: decided(console, run_id) == 1, "the first approval")
            page = http.get(f"/console/runs/{run_id}").text
            assert re.search(r"You approved it at [0-9: Z-]+; somebody else must sign as well\.", page)
            assert 'value="approve"' not in page
            assert "placet approve" not in page
            assert 'value="reject"' in page
            assert "hold words of others" not in page
            assert '<p class="muted">1 more must approve.</p>' in page
            assert re.search(r"<dt>Approved by</dt><dd>.*tess.*</dd></div><div><dt>Missing</dt><dd>1 approval<", page)
            assert re.search(r"tess</span>: may not\. <span[^>]*>has approved it already<", page), page
            refused = press(http, run_id, "approve")
            assert refused.status_code == 422
            assert "somebody else must sign as well. Nothing was signed." in refused.text
            assert press(http, run_id, "reject").status_code == 303
        with with_token(console, "theo", "approver") as http:
            place = asked(http, run_id, "approve")
            said = "2 people must approve; tess has; with this signature it goes to execution, after the last checks."
            assert said in http.get(place).text
            assert sign(http, place, second).status_code == 303
        world.wait(run_id, "executed")
    finally:
        world.policy_file.write_text(before)


def test_a_counter_that_went_back_is_refused_in_plain_words(console: ConsoleUnderTest) -> None:
    world = console.world
    device = enrolled(world, console.url, "kim", counter=5)
    first, second = world.pending("C00032", key="kim-1"), world.pending("C00037", key="kim-2")
    with with_token(console, "kim", "approver") as http:
        assert sign(http, asked(http, first, "reject"), device).status_code == 303
        world.wait(first, "rejected")
        device.counter = 2
        answer = sign(http, asked(http, second, "reject"), device)
        world.until(lambda: bool(world.events(second, "approve.refused")), "the refusal")
        page = http.get(answer.headers["location"]).text
        assert "may have been copied" in page
    assert world.record(second).state == "awaiting_decision"


@pytest.mark.parametrize("given", ["", "{}", "[", "null", '{"type":"public-key","id":"x","response":{}}', "\x00"])
def test_what_no_browser_answers_is_refused(console: ConsoleUnderTest, given: str) -> None:
    enrolled(console.world, console.url, "lea")
    run_id = console.world.pending("C00005", key=f"lea-{OWN}")
    with with_token(console, "lea", "approver") as http:
        answer = hand_in(http, asked(http, run_id, "reject"), given)
    assert answer.status_code == (400 if "\x00" in given else 422)
    assert "Traceback" not in answer.text
    assert decided(console, run_id) == 0


def test_where_there_are_no_passkeys_the_page_says_what_is_needed(console: ConsoleUnderTest) -> None:
    enrolled(console.world, console.url, "max")
    run_id = console.world.pending("C00006", key="max-1")
    with console.signed_in("max", "approver") as http:  # at an address, and not at a name
        page = http.get(f"/console/runs/{run_id}").text
        assert "Open this page at http://localhost:" in page
        assert "Hand it in" in page
    with console.client() as http:
        assert "Open this page at http://localhost:" in http.get("/console/sign-in").text
        http.headers["Host"] = "placet.example"
        assert "PLACET_CONSOLE_URL" in http.get("/console/sign-in").text


def test_no_role_but_the_approvers_asks_for_a_signature(console: ConsoleUnderTest) -> None:
    run_id = console.world.pending("C00009", key="roles-1")
    for role in ("operator", "auditor", "administrator"):
        enrolled(console.world, console.url, f"r-{role}", roles=(role,))
        with with_token(console, f"r-{role}", role) as http:
            assert press(http, run_id, "approve").status_code == 403
        device = enrolled(console.world, console.url, f"p-{role}", roles=(role,))
        with browser(console) as http:
            assert use_passkey(http, device).status_code == 303
            assert press(http, run_id, "approve").status_code == 403
            refused: httpx.Response = http.get("/console/runs/new")
            assert refused.status_code == (200 if role == "operator" else 403)

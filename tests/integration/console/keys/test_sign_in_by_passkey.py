"""Signing in by passkey, attacked: whose passkey answered signs in, once, while it is enrolled."""

from datetime import timedelta

import pytest

from placet.governance.signing.assertions import from_base64url
from tests.integration.console.keys.rows import change_rows
from tests.support.passkeys import a_device, enrolled
from tests.support.pressing import browser, use_passkey
from tests.support.servers.console import ConsoleUnderTest


@pytest.fixture(autouse=True)
def _clock_of_today(console: ConsoleUnderTest) -> None:
    console.clock.ahead = timedelta()


def test_a_session_by_passkey_ends_with_its_enrolment(console: ConsoleUnderTest) -> None:
    device = enrolled(console.world, console.url, "otis", days=1)
    with browser(console) as http:
        console.clock.ahead = timedelta(hours=23, minutes=50)
        assert use_passkey(http, device).status_code == 303
        assert http.get("/console/inbox").status_code == 200
        console.clock.ahead += timedelta(minutes=11)
        assert http.get("/console/inbox").status_code == 303
        assert use_passkey(http, device).status_code == 403


def test_who_signs_in_is_whose_passkey_answered_and_no_other(console: ConsoleUnderTest) -> None:
    device, stranger = enrolled(console.world, console.url, "pia", counter=3), a_device(console.url)
    with browser(console) as http, browser(console) as thief:
        assert use_passkey(http, stranger).status_code == 403
        made = http.post("/console/sign-in/passkey/prompt").json()
        challenge = from_base64url(made["options"]["challenge"])
        data = {"prompt": made["prompt"], "answer": device.asserted(challenge), "next": "/console/runs"}
        assert thief.post("/console/sign-in/passkey", data=data).status_code == 403
        signed_in = http.post("/console/sign-in/passkey", data=data)
        assert signed_in.headers["location"] == "/console/runs"
        assert http.post("/console/sign-in/passkey", data=data).status_code == 403
        assert "pia" in http.get("/console/inbox").text
        device.counter = 1
        back = use_passkey(http, device)
        assert back.status_code == 403
        assert "may have been copied" in back.text
    with console.world.database.reading() as tx:
        began = tx.audit.find("tenant/demo", f"session.began.{challenge.hex()}")
    assert began is not None
    assert (began.actor, began.body) == ("pia", {"passkey": device.key_id})


def test_a_sign_in_that_stands_on_the_record_is_not_made_again(console: ConsoleUnderTest) -> None:
    """Whoever heard an answer on the way, with the cookie that it was made for, signs in with neither."""
    device = enrolled(console.world, console.url, "quin")
    with browser(console) as http:
        made = http.post("/console/sign-in/passkey/prompt").json()
        answer = device.asserted(from_base64url(made["options"]["challenge"]))
        data = {"prompt": made["prompt"], "answer": answer, "next": ""}
        cookies = dict(http.cookies)
        assert http.post("/console/sign-in/passkey", data=data).status_code == 303
        with browser(console) as thief:
            for name, value in cookies.items():
                thief.cookies.set(name, value, domain="localhost.local", path="/")
            again = thief.post("/console/sign-in/passkey", data=data)
    assert again.status_code == 403
    assert "used already" in again.text


def test_a_begun_sign_in_keeps_nothing_and_nobody_out(console: ConsoleUnderTest) -> None:
    device = enrolled(console.world, console.url, "sol")
    change_rows(console, "DELETE FROM console_prompt")
    with browser(console) as flood, browser(console) as http:
        for _ in range(250):
            flood.cookies.clear()
            assert flood.post("/console/sign-in/passkey/prompt").status_code == 200
        assert use_passkey(http, device).status_code == 303
    assert change_rows(console, "DELETE FROM console_prompt") == 0


def test_a_begun_sign_in_ends_after_three_minutes_and_cannot_be_lengthened(console: ConsoleUnderTest) -> None:
    device = enrolled(console.world, console.url, "tam")
    with browser(console) as http:
        made = http.post("/console/sign-in/passkey/prompt").json()
        answer = device.asserted(from_base64url(made["options"]["challenge"]))
        random, until, seal = made["prompt"].split(".")
        console.clock.ahead = timedelta(minutes=3, seconds=1)
        for prompt in (made["prompt"], f"{random}.{int(until) + 600}.{seal}", f"{random}.{until}", "", "ä.1.ff"):
            answered = http.post("/console/sign-in/passkey", data={"prompt": prompt, "answer": answer, "next": ""})
            assert answered.status_code == 403, prompt
            assert "This question was answered already" in answered.text
        console.clock.ahead = timedelta()
        assert http.post("/console/sign-in/passkey", data={**made, "answer": answer, "options": ""}).status_code == 303


def test_who_writes_rows_gives_a_session_to_nobody_else(console: ConsoleUnderTest) -> None:
    device = enrolled(console.world, console.url, "rae")
    with browser(console) as http:
        assert use_passkey(http, device).status_code == 303
        row = "UPDATE console_session SET key_id = :k WHERE key_id IS NOT NULL"
        assert change_rows(console, row, k=enrolled(console.world, console.url, "sue").key_id)
        assert http.get("/console/inbox").status_code == 303

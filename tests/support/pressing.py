"""A browser without a page that decides by passkey: it presses, reads what is asked, and answers."""

import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from placet.governance.signing.assertions import from_base64url
from tests.support.authenticator import Authenticator
from tests.support.guard import GUARD
from tests.support.passkeys import at_localhost
from tests.support.servers.console import SAME, ConsoleUnderTest, form_token

_OPTIONS = re.compile(r'data-options="([^"]*)"')


@contextmanager
def browser(console: ConsoleUnderTest) -> Iterator[httpx.Client]:
    """Somebody at the address where there are passkeys."""
    with httpx.Client(base_url=at_localhost(console.url), headers=SAME, timeout=GUARD) as http:
        yield http


@contextmanager
def with_token(console: ConsoleUnderTest, name: str, *roles: str) -> Iterator[httpx.Client]:
    """Somebody who signed in with a token."""
    with browser(console) as http:
        token = console.token(name, *roles)  # type: ignore[arg-type]
        answer = http.post("/console/sign-in", data={"token": token, "next": ""})
        assert answer.status_code == 303, answer.text
        yield http


def press(http: httpx.Client, run_id: str, verdict: str, **fields: str) -> httpx.Response:
    """Press a button of a run's page."""
    page = http.get(f"/console/runs/{run_id}").text
    proposal = page.partition('name="proposal" value="')[2].partition('"')[0]
    data = {"form_token": form_token(page), "proposal": proposal, "verdict": verdict, **fields}
    return http.post(f"/console/runs/{run_id}/statements", data=data)


def asked(http: httpx.Client, run_id: str, verdict: str, **fields: str) -> str:
    """Press, and return the address of the page that shows what is to be signed."""
    answer = press(http, run_id, verdict, **fields)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def challenge_at(http: httpx.Client, place: str) -> bytes:
    """What the page at `place` asks the passkey to sign."""
    page = http.get(place)
    assert page.status_code == 200, page.text
    found = _OPTIONS.search(page.text)
    assert found is not None
    return from_base64url(json.loads(html.unescape(found[1]))["challenge"])


def hand_in(http: httpx.Client, place: str, answer: str, token: str | None = None) -> httpx.Response:
    """Post an answer to the page at `place`."""
    if token is None:
        token = form_token(http.get("/console/inbox").text)
    return http.post(place, data={"form_token": token, "answer": answer})


def sign(http: httpx.Client, place: str, device: Authenticator) -> httpx.Response:
    """Sign what the page at `place` asks."""
    return hand_in(http, place, device.asserted(challenge_at(http, place)))


def use_passkey(http: httpx.Client, device: Authenticator) -> httpx.Response:
    """Sign in."""
    begun = http.post("/console/sign-in/passkey/prompt")
    assert begun.status_code == 200, begun.text
    made = begun.json()
    answer = device.asserted(from_base64url(made["options"]["challenge"]))
    return http.post("/console/sign-in/passkey", data={"prompt": made["prompt"], "answer": answer, "next": ""})

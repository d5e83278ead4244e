"""The first administrator in the browser, attacked: one code, one passkey, while nobody is pinned, by https or here."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from placet.errors import ConfigurationError, DecisionRefused
from placet.governance.authority.enrolment import verify_enrolment
from placet.governance.signing.assertions import from_base64url
from placet.governance.signing.pins import AdministratorsFile, PinnedKey
from placet.governance.signing.signed import document_statement
from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import running
from placet.service.documents.first_administrator import MOST_WRONG, SetupCode, draft_first
from tests.support.authenticator import Authenticator
from tests.support.databases import together
from tests.support.passkeys import a_device
from tests.support.pressing import browser, challenge_at, use_passkey
from tests.support.servers.console import ConsoleUnderTest, console_of, form_token
from tests.support.world import world


@pytest.fixture
def fresh(tmp_path: Path, temporal_address: str) -> Iterator[ConsoleUnderTest]:
    """An installation without any administrator."""
    with (
        running(SandboxConfig()) as bss,
        world(tmp_path, temporal_address, bss) as made,
        console_of(made) as served,
    ):
        yield served


def tried(http: httpx.Client, code: str, name: str = "root") -> httpx.Response:
    token = form_token(http.get("/console/setup").text)
    return http.post("/console/setup/prompt", data={"form_token": token, "code": code, "name": name})


def registered(http: httpx.Client, code: str, device: Authenticator, name: str = "root") -> httpx.Response:
    made = tried(http, code, name)
    assert made.status_code == 200, made.text
    challenge = from_base64url(made.json()["options"]["challenge"])
    data = {
        "form_token": form_token(http.get("/console/setup").text),
        "prompt": made.json()["prompt"],
        "answer": device.registered(challenge),
    }
    return http.post("/console/setup", data=data)


def confirmed(http: httpx.Client, place: str, device: Authenticator) -> httpx.Response:
    token = form_token(http.get("/console/setup").text)
    return http.post(place, data={"form_token": token, "answer": device.asserted(challenge_at(http, place))})


def pinned(console: ConsoleUnderTest) -> set[str]:
    return set(console.world.database.trust.pinned("demo"))


def test_the_holder_of_the_code_is_the_first_administrator_and_nobody_after_them(fresh: ConsoleUnderTest) -> None:
    device, code = a_device(fresh.url), fresh.setup.issue()
    with browser(fresh) as http:
        place = registered(http, code, device).headers["location"]
        assert pinned(fresh) == set()
        done = confirmed(http, place, device)
        assert done.headers["location"] == "/console/approvers"
        assert "administrator" in http.get("/console/approvers").text
        assert pinned(fresh) == {device.key_id}
        code = fresh.setup.issue()  # whatever is issued, nobody is the first twice
        with browser(fresh) as late:
            assert "There is an administrator" in late.get("/console/setup").text
            assert tried(late, code, "mallory").status_code in (403, 422)
            assert use_passkey(late, device).status_code == 303
    file = fresh.world.settings.administrators
    again = AdministratorsFile(file).pins().keys["demo"][device.key_id]
    assert (again.public_key, again.passkey) == (device.public_key, device.passkey)
    with fresh.world.database.reading() as tx:
        key = tx.approvers.get(device.key_id)
    assert key is not None
    assert (key.name, key.roles, key.enrolled_by, key.limit) == ("root", ("administrator",), "root", None)


def test_wrong_codes_are_counted_and_close_the_door(fresh: ConsoleUnderTest) -> None:
    code = fresh.setup.issue()
    with browser(fresh) as http:
        assert {tried(http, "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA").status_code for _ in range(MOST_WRONG)} == {422}
        assert not fresh.setup.is_open()
        assert tried(http, code).status_code in (403, 422)
        assert "There is no open setup here" in http.get("/console/setup").text
    # A restart of the console forgets nothing: the count is in the file.
    code = fresh.setup.issue()
    for _ in range(MOST_WRONG - 1):
        assert not SetupCode(fresh.world.settings.setup_code, "demo").check("x")
    assert fresh.setup.check(code.lower().replace("-", " "))
    assert not fresh.setup.check("x")
    assert not fresh.setup.check(code)


def test_of_two_who_have_the_code_one_is_the_administrator(fresh: ConsoleUnderTest) -> None:
    code, devices = fresh.setup.issue(), [a_device(fresh.url) for _ in range(3)]
    with browser(fresh) as first, browser(fresh) as second, browser(fresh) as third:
        browsers = [first, second, third]
        places = [
            registered(http, code, device, "root").headers["location"]
            for http, device in zip(browsers, devices, strict=True)
        ]
        tokens = [form_token(http.get("/console/setup").text) for http in browsers]
        answers = [
            device.asserted(challenge_at(http, place))
            for http, place, device in zip(browsers, places, devices, strict=True)
        ]
        done = together(
            3,
            lambda one: (
                browsers[one].post(places[one], data={"form_token": tokens[one], "answer": answers[one]}).status_code
            ),
        )
    assert done.count(303) == 1
    assert len(pinned(fresh)) == 1


def test_a_step_is_the_browsers_own_and_signed_by_what_was_registered(fresh: ConsoleUnderTest) -> None:
    device, other, code = a_device(fresh.url), a_device(fresh.url), fresh.setup.issue()
    with browser(fresh) as http, browser(fresh) as thief:
        place = registered(http, code, device).headers["location"]
        challenge = challenge_at(http, place)
        assert thief.get(place).status_code == 409
        token = form_token(thief.get("/console/setup").text)
        assert thief.post(place, data={"form_token": token, "answer": device.asserted(challenge)}).status_code == 409
        assert confirmed(http, place, other).status_code == 422
        assert http.get(place).status_code == 409
    assert pinned(fresh) == set()
    assert fresh.setup.is_open()


def test_by_plain_http_from_elsewhere_and_with_a_broken_file_it_is_shut(fresh: ConsoleUnderTest) -> None:
    fresh.setup.issue()
    with fresh.client() as http:  # at an address
        assert "http://localhost:" in http.get("/console/setup").text
        http.headers["Host"] = "placet.example"
        assert 'name="code"' not in http.get("/console/setup").text
    file = fresh.world.settings.administrators
    file.write_text("nonsense\n")
    file.chmod(0o600)
    with browser(fresh) as http:
        assert 'name="code"' not in http.get("/console/setup").text
    with pytest.raises(ConfigurationError):
        AdministratorsFile(file).add("demo", "root", a_device(fresh.url).public_key)


@pytest.mark.parametrize("name", ["worker", "Root", "", "a b", "x" * 65])
def test_a_name_that_nobody_has_costs_no_try(fresh: ConsoleUnderTest, name: str) -> None:
    code = fresh.setup.issue()
    with browser(fresh) as http:
        refused = tried(http, code, name)
        assert refused.status_code == 422
        assert "name" in refused.json()["error"]
    assert fresh.setup.check(code)


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.replace(" root ", " root x "),
        lambda line: line.rsplit(" ", 1)[0],
        lambda line: line[:-6] + "AAAA\n",
        lambda line: "A" + line[1:],
    ],
)
def test_a_pinned_passkey_that_cannot_be_read_trusts_nobody(tmp_path: Path, change: object) -> None:
    file, device = tmp_path / "administrators", Authenticator()
    AdministratorsFile(file).add("demo", "root", device.public_key, device.passkey)
    assert AdministratorsFile(file).pins().keys["demo"].keys() == {device.key_id}
    file.write_text(change(file.read_text()))  # type: ignore[operator]
    pins = AdministratorsFile(file).pins()
    assert pins.keys == {}
    assert pins.fault is not None
    assert "\n" not in pins.fault


def test_a_pinned_passkey_vouches_for_the_place_that_was_pinned_alone() -> None:
    device = Authenticator()
    statement = document_statement(draft_first(tenant="demo", request=device.request("root")))
    envelope = device.envelope(statement)
    elsewhere = device.passkey.model_copy(update={"origins": ("https://other.placet.example",)})
    for passkey in (None, elsewhere):
        pins = {device.key_id: PinnedKey(device.public_key, passkey)}
        with pytest.raises(DecisionRefused, match="is not pinned"):
            verify_enrolment(envelope, tenant="demo", pinned=pins, find_key=lambda _: None)
    pins = {device.key_id: PinnedKey(device.public_key, device.passkey)}
    assert verify_enrolment(envelope, tenant="demo", pinned=pins, find_key=lambda _: None).document.name == "root"

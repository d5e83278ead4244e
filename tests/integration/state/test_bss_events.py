"""What happens at the BSS is in a customer's state, and stays so when one of both forgets, stops or starts anew."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from placet.contracts.state import CustomerState
from placet.doctor.events import hub as hub_findings
from placet.doctor.report import Finding
from placet.entrypoints.beside_worker.hub_subscription import HubSubscription, read_subscription, subscription_file
from placet.entrypoints.processes.process import await_condition, free_port
from placet.entrypoints.settings import Settings
from placet.entrypoints.systems import load_systems
from placet.errors import ConfigurationError
from placet.interfaces.http.app import create_app
from placet.plugin_api.loader import LoadedPlugins
from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import running
from placet.service.state.current import state_of
from placet.storage.database import Database
from placet.tmf688.mapping import QUERY
from tests.integration.http.calling import TOKEN, engine_at, serving
from tests.integration.tmf.requests import ADJUST, adjustment
from tests.support.guard import GUARD
from tests.support.servers import asking

SECRET = "s3cret-of-the-listener/+="
HUB = "/tmf-api/event/v4/hub"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Installation:
    """An API, and the part of a worker that subscribes, at one BSS."""

    database: Database
    settings: Settings
    plugins: LoadedPlugins

    def subscribing(self) -> HubSubscription:
        return HubSubscription(self.plugins.hub, self.settings, _now)

    def state(self, customer: str = "C00001") -> CustomerState:
        return state_of(self.database, "demo", customer, _now())

    def findings(self) -> list[Finding]:
        return list(hub_findings(self.settings))


@contextmanager
def installed(database: Database, home: Path, bss_url: str, **settings: Any) -> Iterator[Installation]:
    app = create_app(
        database,
        engine_at("127.0.0.1:1"),
        tenant="demo",
        agents=("retention",),
        token=SecretStr(TOKEN),
        listener_token=SecretStr(SECRET),
    )
    with serving(app) as url:
        given = Settings(
            **{
                "home": home,
                "bss_url": bss_url,
                "listener_url": url,
                "listener_token": SecretStr(SECRET),
                **settings,
            }
        )
        with load_systems(given, on_call=lambda *_: None, on_violation=lambda *_: None) as plugins:
            yield Installation(database, given, plugins)


def credit(bss: str, amount: float) -> None:
    assert asking.post(f"{bss}{ADJUST}", json=adjustment("C00001", amount)).status_code == 201


def listeners(bss: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asking.get(f"{bss}/sandbox/listeners").json()
    return found


def until(condition: Callable[[], bool], what: str = "the event") -> None:
    await_condition(condition, seconds=GUARD, what=what)


def test_a_credit_at_the_bss_shows_in_the_customers_state(database: Database, tmp_path: Path) -> None:
    with running(SandboxConfig()) as bss, installed(database, tmp_path, bss) as here:
        with here.subscribing() as subscription:
            assert subscription.tried.wait(GUARD)
            credit(bss, 7.5)
            until(lambda: here.state().version == 1)
        state = here.state()
        assert state.window(7).figure("credited_minor:USD") == 750
        assert state.window(7).figure("credits") == 1
        bucket = asking.get(f"{bss}/tmf-api/prepayBalanceManagement/v4/bucket/B-C00001").json()
        assert str(state.balance) == f"{bucket['remainingValue']['amount']:.2f} USD"
        (finding,) = here.findings()
        assert finding.level == "ok"
        assert f"the BSS at {bss} sends its events to {here.settings.listener_url}/tmf-api/event/v4" in finding.detail
        # A worker that stops leaves the subscription: what happens meanwhile arrives all the same.
        credit(bss, 1)
        until(lambda: here.state().version == 2)


def test_it_is_subscribed_once_whoever_asks_and_however_often(database: Database, tmp_path: Path) -> None:
    with running(SandboxConfig()) as bss, installed(database, tmp_path, bss) as here:
        for _ in range(3):
            here.subscribing().round()
        with installed(database, tmp_path / "another", bss, listener_url=here.settings.listener_url) as other:
            other.subscribing().round()
            assert other.findings()[0].level == "ok"
        assert [one["id"] for one in listeners(bss)] == ["HUB-00000001"]
        noted = read_subscription(here.settings)
        assert noted is not None
        assert noted.subscription_id == "HUB-00000001"


def test_a_bss_that_forgot_is_asked_again(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("placet.entrypoints.beside_worker.hub_subscription.AGAIN_SECONDS", 0.0)
    with running(SandboxConfig()) as bss, installed(database, tmp_path, bss) as here, here.subscribing() as asked:
        assert asked.tried.wait(GUARD)
        asking.delete(f"{bss}{HUB}/HUB-00000001").raise_for_status()
        until(lambda: [one["id"] for one in listeners(bss)] == ["HUB-00000002"], "the next registration")
        credit(bss, 2)
        until(lambda: here.state().version == 1)


def test_a_bss_that_is_away_at_the_start_is_asked_until_it_is_there(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with installed(database, tmp_path, address) as here, here.subscribing() as asked:
        assert asked.tried.wait(GUARD)
        until(lambda: bool(here.findings()) and here.findings()[0].level == "problem", "the fault being noted")
        assert "nothing was sent; is the system up?; its events do not reach us" in here.findings()[0].detail
        with running(SandboxConfig(port=port)):
            until(lambda: here.findings()[0].level == "ok", "the registration")
            credit(address, 2)
            until(lambda: here.state().version == 1)
    assert [one.levelname for one in caplog.records if "cannot be asked for its events" in one.message] == ["ERROR"]


def test_another_address_of_ours_takes_the_place_of_the_one_before(database: Database, tmp_path: Path) -> None:
    with running(SandboxConfig()) as bss:
        with installed(database, tmp_path, bss) as before:
            before.subscribing().round()
        with installed(database, tmp_path, bss) as after:
            after.subscribing().round()
            (left,) = listeners(bss)
            assert left["callback"].startswith(after.settings.listener_url)


class HubOfCallbacks:
    """A hub that knows a callback once, whatever was asked for."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[str, str]] = {}
        self.made = 0

    def register(self, callback: SecretStr, query: str) -> str | None:
        if callback.get_secret_value() in {at for at, _ in self.known.values()}:
            return None
        self.made += 1
        self.known[f"S{self.made}"] = callback.get_secret_value(), query
        return f"S{self.made}"

    def release(self, subscription_id: str) -> bool:
        return self.known.pop(subscription_id, None) is not None


def test_a_hub_that_knows_callbacks_alone_is_asked_for_what_a_later_version_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, module = HubOfCallbacks(), "placet.entrypoints.beside_worker.hub_subscription"
    given = Settings(home=tmp_path, listener_url="http://127.0.0.1:1", listener_token=SecretStr(SECRET))
    monkeypatch.setattr(f"{module}.QUERY", "eventType=UsageCreateEvent")
    HubSubscription(hub, given, _now).round()
    monkeypatch.undo()
    later = HubSubscription(hub, given, _now)
    for _ in range(5):
        later.round()
    ((_, query),) = hub.known.values()
    assert query == QUERY
    noted = read_subscription(given)
    assert noted is not None
    assert hub.known.keys() == {noted.subscription_id} == {"S2"}


def test_no_secret_is_noted_shown_or_logged(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with running(SandboxConfig()) as bss, installed(database, tmp_path, bss) as here:
        here.subscribing().round()
        noted = subscription_file(here.settings)
        assert noted.stat().st_mode & 0o077 == 0
        for text in (noted.read_text(), str(here.findings()), json.dumps(listeners(bss)), caplog.text):
            assert "s3cret" not in text


def test_an_allowlist_without_a_hub_subscribes_nowhere_and_says_so(database: Database, tmp_path: Path) -> None:
    shipped = Settings().allowlist.read_text()
    own = tmp_path / "allowlist.toml"
    own.write_text(shipped[: shipped.index("# It says where the BSS")])
    with running(SandboxConfig()) as bss, installed(database, tmp_path, bss, allowlist=own) as here:
        assert list(here.plugins) == ["billing", "commerce"]
        with pytest.raises(ConfigurationError, match="no plugin 'hub' is loaded; list it in the allowlist"):
            here.subscribing()


def test_without_a_token_nothing_is_asked_for(database: Database, tmp_path: Path) -> None:
    with running(SandboxConfig()) as bss, installed(database, tmp_path, bss, listener_token=None) as here:
        with pytest.raises(ConfigurationError, match="set PLACET_LISTENER_TOKEN, as for the API"):
            here.subscribing()
        assert listeners(bss) == []


def test_the_bss_token_goes_to_the_bss_alone(database: Database, tmp_path: Path) -> None:
    config = SandboxConfig(token=SecretStr("the-token-of-the-hub"))
    with running(config) as bss:
        elsewhere = {"bss_url": "http://127.0.0.1:9", "hub_url": bss}
        with installed(database, tmp_path, **elsewhere, bss_token=SecretStr("the-token-of-the-hub")) as here:
            here.subscribing().round()
            (finding,) = here.findings()
            assert "refused with 401 ('unauthorized'" in finding.detail
        with installed(database, tmp_path, **elsewhere, hub_token=SecretStr("the-token-of-the-hub")) as here:
            here.subscribing().round()
            assert here.findings()[0].level == "ok"


def test_the_doctor_says_where_nobody_subscribes(tmp_path: Path) -> None:
    def found(**settings: Any) -> Finding:
        (finding,) = hub_findings(Settings(home=tmp_path, **settings))
        return finding

    assert found().detail == "the BSS is not asked to send its events"
    asked = {"listener_url": "http://127.0.0.1:1", "listener_token": SecretStr(SECRET)}
    assert "no worker of this folder has asked" in found(**asked).detail
    old = {"hub": "http://b", "listener": "http://l", "asked": "0" * 64, "checked_at": "2026-03-01T12:00:00Z"}
    file = subscription_file(Settings(home=tmp_path))
    file.parent.mkdir(mode=0o700)
    file.write_text(json.dumps(old))
    file.chmod(0o600)
    assert found().detail == "the BSS at http://b was asked last at 2026-03-01 12:00Z"
    file.write_text("{")
    assert found().detail == "the BSS is not asked to send its events"

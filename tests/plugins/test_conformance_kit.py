"""The kit passes our own plugins and a third party's, and catches each kind of bad plugin."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from placet.contracts.money import Money
from placet.contracts.proposal import AdjustBalance, OrderProduct, Precondition
from placet.errors import PlacetError, PluginViolation
from placet.plugin_api import Allowlist, Answer, Connector, Manifest
from placet.plugin_api.testing import ConformanceError, Subject, assert_conforms, check
from placet.plugin_api.testing.probe import ProbeAnswer, ProbeRequest, Respond
from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import running
from plugins.billing import BillingPlugin
from plugins.commerce import CommercePlugin
from tests.plugins.support import ALLOWLIST, KEY, answer
from tests.support.guard import GUARD
from tests.support.servers import asking

FIXTURE = Path(__file__).parents[1] / "fixtures" / "thirdparty_plugin"
CREDIT = AdjustBalance(
    customer_id="C00002", bucket_id="B-C00002", amount=Money(amount_minor=500, currency="USD"), reason="goodwill"
)
ORDER = OrderProduct(customer_id="C00002", action="add", offering_id="PO-streaming-tv")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Respond]:
    """Answers as the sandbox BSS does, so that the kit can stand between it and the plugin."""
    with running(SandboxConfig()) as url, httpx.Client(base_url=url, trust_env=False, timeout=GUARD) as client:

        def respond(request: ProbeRequest) -> ProbeAnswer:
            kept = {key: request.headers[key] for key in ("content-type",) if key in request.headers}
            reply = client.request(request.method, request.target, headers=kept, content=request.body)
            counts = {key: value for key, value in reply.headers.items() if key == "x-total-count"}
            return ProbeAnswer(reply.status_code, reply.content, counts)

        yield respond


def test_the_billing_plugin_conforms(sandbox: Respond) -> None:
    bucket = Precondition(name="bucket_status", subject="B-C00002", op="eq", value="active")
    assert_conforms(
        Subject(
            plugin=BillingPlugin,
            rules=Allowlist.load(ALLOWLIST).plugins[0],
            operations={
                "customer": lambda plugin: plugin.customer("C00002"),
                "products": lambda plugin: plugin.products("C00002"),
                "bills": lambda plugin: plugin.bills("C00002", 3),
                "balances": lambda plugin: plugin.balances("C00002"),
                "usage": lambda plugin: plugin.usage("C00002", 3),
                "observe": lambda plugin: plugin.observe([bucket], target=CREDIT),
            },
            system=sandbox,
        )
    )


def test_the_commerce_plugin_conforms(sandbox: Respond) -> None:
    keys = (f"{number:064x}" for number in range(10_000))
    assert_conforms(
        Subject(
            plugin=CommercePlugin,
            rules=Allowlist.load(ALLOWLIST).plugins[1],
            operations={
                "credit": lambda plugin: plugin.perform(CREDIT, next(keys), timeout_seconds=1.0),
                "order": lambda plugin: plugin.perform(ORDER, next(keys), timeout_seconds=1.0),
                "read back": lambda plugin: plugin.read_back(CREDIT, KEY, sent_after=None, timeout_seconds=1.0),
            },
            system=sandbox,
        )
    )


MESSAGES = "/v4/message"
RULES = """
version = 1
[plugins.bad]
kind = "read"
entry = "bad"
allow = [ { api = "TMF681", method = "GET", path = "/v4/message/{id}" } ]
"""


class Good(Connector):
    manifest = Manifest(name="bad", kind="read", apis=("TMF681",), version="1")

    def message(self) -> Any:
        return self.call("GET", f"{MESSAGES}/{{id}}", ids={"id": "M-1"}, parse=lambda found: found.object()["text"])


class ParsesOutside(Good):
    """Looks at the answer where `call` cannot translate what goes wrong."""

    def message(self) -> Any:
        return self.call("GET", f"{MESSAGES}/{{id}}", ids={"id": "M-1"}, parse=lambda found: found.data)["text"]


class Swallows(Good):
    """Hides that its system is down."""

    def message(self) -> Any:
        try:
            return super().message()
        except PlacetError:
            return "nothing new"


class GoesAround(Good):
    """Opens a connection of its own, past the allowlist, and writes."""

    def message(self) -> Any:
        url = str(self._context.endpoint.url.copy_with(path=MESSAGES))
        asking.post(url, json={"text": "hello"}, trust_env=False)
        return super().message()


class AsksForMore(Good):
    """Tries a request that is not on its allowlist, and lives with the refusal."""

    def message(self) -> Any:
        try:
            self.call("DELETE", f"{MESSAGES}/{{id}}", ids={"id": "M-1"}, parse=Answer.object)
        except PluginViolation:
            return super().message()


class Undeclared(Good):
    manifest = Manifest(name="bad", kind="mutate", apis=("TMF681",), version="1")


def subject(plugin: type[Connector], operations: Mapping[str, Callable[[Any], object]] | None = None) -> Subject:
    return Subject(
        plugin=plugin,
        rules=Allowlist.parse(RULES).plugins[0],
        operations=operations or {"message": lambda made: made.message()},
        system=lambda _: answer({"text": "hello"}),
    )


def test_a_good_plugin_passes_the_same_checks() -> None:
    assert_conforms(subject(Good))


@pytest.mark.parametrize(
    ("plugin", "expected"),
    [
        (ParsesOutside, ("error mapping, another shape", "ended with TypeError")),
        (Swallows, ("error mapping, unreachable", "returned as if nothing were wrong")),
        (Swallows, ("error mapping, lost", "ended with no error, expected UpstreamUnavailable")),
        (GoesAround, ("goes through the transport", "POST /v4/message went around the allowlist")),
        (AsksForMore, ("stays on its allowlist", "tried 'DELETE' '/v4/message/M-1'")),
        (Undeclared, ("manifest", "is of kind 'mutate'; the allowlist says 'read'")),
    ],
)
def test_a_bad_plugin_is_caught(plugin: type[Connector], expected: tuple[str, str]) -> None:
    found = list(check(subject(plugin)))
    assert any(finding.check == expected[0] and expected[1] in finding.detail for finding in found), found
    with pytest.raises(ConformanceError, match="the plugin does not conform"):
        assert_conforms(subject(plugin))


def test_an_operation_that_sends_nothing_or_fails_when_all_is_well_is_reported() -> None:
    nothing: dict[str, str] = {}
    findings = list(check(subject(Good, {"idle": lambda _: None, "broken": lambda _: nothing["absent"]})))
    assert [(finding.operation, finding.detail) for finding in findings] == [
        ("idle", "sent no request: nothing can be tested"),
        ("broken", "raised KeyError: 'absent'"),
    ]


DRIVER = """
import json, sys
from pathlib import Path
from placet.plugin_api import Allowlist, ConnectorLimits, load_plugins
from placet.plugin_api.testing.probe import ProbeAnswer
from placet.plugin_api.testing import Subject, assert_conforms

allowlist, url = Path(sys.argv[1]), sys.argv[2]
ignore = lambda *_: None
with load_plugins(allowlist, endpoints={"contact_history": url}, tokens={}, limits=ConnectorLimits(), on_call=ignore,
                  on_violation=ignore) as plugins:
    plugin = plugins.get("contact_history", object)
    print(type(plugin).__module__, plugin.subjects())

def system(request):
    record = {"id": "MSG-1", "subject": "Welcome"}
    single = request.path.endswith("/MSG-1")
    body = json.dumps(record if single else [record]).encode()
    return ProbeAnswer(200, body, {} if single else {"X-Total-Count": "1"})

assert_conforms(Subject(plugin=type(plugin), rules=Allowlist.load(allowlist).plugins[0], system=system, operations={
    "subjects": lambda made: made.subjects(), "message": lambda made: made.message("MSG-1")}))
print("conforms")
"""


def test_an_installed_third_party_plugin_is_loaded_by_its_entry_point_and_conforms(tmp_path: Path) -> None:
    target = tmp_path / "site"
    source = tmp_path / "source"
    subprocess.run(["cp", "-r", str(FIXTURE), str(source)], check=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, capture_output=True, text=True)
    with running(SandboxConfig()) as url:
        message = {
            "subject": "Welcome", "content": "Hello", "messageType": "SMS",
            "receiver": [{"id": "C00001"}], "sender": {"id": "placet"},
        }  # fmt: skip
        path = "/tmf-api/communicationManagement/v4/communicationMessage"
        asking.post(url + path, json=message, trust_env=False).raise_for_status()
        done = subprocess.run(
            [sys.executable, "-c", DRIVER, str(FIXTURE / "allowlist.toml"), url],
            env={**os.environ, "PYTHONPATH": str(target)},
            capture_output=True,
            text=True,
            timeout=GUARD,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["placet_example_contacts ['Welcome']", "conforms"]


def test_a_plugin_that_fills_a_role_is_tested_in_all_of_it(sandbox: Respond) -> None:
    subject = Subject(
        plugin=CommercePlugin,
        rules=Allowlist.load(ALLOWLIST).plugins[1],
        operations={"credit": lambda plugin: plugin.perform(CREDIT, KEY, timeout_seconds=1.0)},
        system=sandbox,
    )
    found = [(finding.check, finding.operation) for finding in check(subject)]
    assert ("covers its role", "read_back") in found


def test_a_method_that_cannot_be_called_as_its_role_does_is_refused(sandbox: Respond) -> None:
    class Older(CommercePlugin):
        def read_back(self, mutation: Any, effect_key: str, *, timeout_seconds: float) -> Any:  # type: ignore[override]
            return None

    subject = Subject(plugin=Older, rules=Allowlist.load(ALLOWLIST).plugins[1], operations={}, system=sandbox)
    (finding,) = check(subject)
    assert finding.detail.endswith(
        "method 'read_back' cannot be called with mutation, effect_key, sent_after, timeout_seconds, "
        "as role 'commerce' does"
    )

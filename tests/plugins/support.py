"""A probe connector and a sandbox-backed set of plugins for the tests of this folder."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from placet.contracts.billing import SourceCall
from placet.errors import PluginViolation
from placet.plugin_api import (
    Allowlist,
    Answer,
    Connector,
    ConnectorContext,
    ConnectorLimits,
    Endpoint,
    LoadedPlugins,
    Manifest,
    load_plugins,
)
from placet.plugin_api.testing.probe import ProbeAnswer
from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import running
from tests.support.guard import GUARD
from tests.support.servers import asking

ALLOWLIST = Path(__file__).parents[2] / "plugins" / "allowlist.toml"
KEY = "5e" * 32

LIMITS = ConnectorLimits(
    connect_seconds=GUARD, read_seconds=GUARD, total_seconds=GUARD, max_response_bytes=4096, pool_size=8
)

RULES = """
version = 1
[plugins.probe]
kind = "mutate"
entry = "probe"
headers = ["x-signature"]
allow = [
  { api = "TMF654", method = "GET", path = "/v4/bucket/{id}" },
  { api = "TMF654", method = "GET", path = "/v4/bucket", query = [
    "party.id", "offset", "limit"], require = ["party.id"] },
  { api = "TMF654", method = "POST", path = "/v4/adjust" },
  { api = "TMF677", method = "POST", path = "/tmf-api/usageConsumption/v4/queryUsageConsumption", query_task = true },
]
"""
BUCKET, BUCKETS, ADJUST = "/v4/bucket/{id}", "/v4/bucket", "/v4/adjust"
QUERY_TASK = "/tmf-api/usageConsumption/v4/queryUsageConsumption"


class ProbeConnector(Connector):
    manifest = Manifest(name="probe", kind="mutate", apis=("TMF654", "TMF677"), version="1")

    def bucket(self, bucket_id: str = "B-1") -> Any:
        return self.call("GET", BUCKET, ids={"id": bucket_id}, parse=Answer.object)

    def adjust(self, timeout_seconds: float = GUARD) -> Any:
        return self.call("POST", ADJUST, body={"amount": 1}, parse=Answer.object, timeout_seconds=timeout_seconds)

    def query_task(self) -> Any:
        return self.call("POST", QUERY_TASK, body={}, parse=Answer.object)


class Observed:
    """What a connector reported."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, SourceCall]] = []
        self.violations: list[tuple[str, PluginViolation]] = []

    def on_call(self, plugin: str, call: SourceCall) -> None:
        self.calls.append((plugin, call))

    def on_violation(self, plugin: str, violation: PluginViolation) -> None:
        self.violations.append((plugin, violation))


def connector(
    url: str,
    observed: Observed | None = None,
    *,
    token: str | None = None,
    limits: ConnectorLimits = LIMITS,
    kind: type[ProbeConnector] = ProbeConnector,
) -> ProbeConnector:
    seen = observed or Observed()
    return kind(
        ConnectorContext(
            rules=Allowlist.parse(RULES).plugins[0],
            endpoint=Endpoint.parse("probe", url),
            token=SecretStr(token) if token else None,
            limits=limits,
            on_call=seen.on_call,
            on_violation=seen.on_violation,
        )
    )


def answer(data: object, status: int = 200, headers: Mapping[str, str] | None = None) -> ProbeAnswer:
    return ProbeAnswer(status, json.dumps(data).encode(), headers or {})


class Bss:
    """A running sandbox BSS and the shipped plugins pointed at it."""

    def __init__(self, url: str, plugins: LoadedPlugins, observed: Observed) -> None:
        self.url, self.plugins, self.observed = url, plugins, observed

    def fault(self, method: str, path: str, fault: str) -> None:
        rule = {"method": method, "path": path, "fault": fault, "count": 1}
        asking.post(f"{self.url}/sandbox/faults", json=rule, trust_env=False).raise_for_status()

    def clear_faults(self) -> None:
        asking.delete(f"{self.url}/sandbox/faults", trust_env=False).raise_for_status()

    def get(self, path: str) -> Any:
        return asking.get(self.url + path, trust_env=False).raise_for_status().json()


@contextmanager
def bss(config: SandboxConfig | None = None, token: str | None = None) -> Iterator[Bss]:
    observed = Observed()
    with (
        running(config or SandboxConfig()) as url,
        load_plugins(
            ALLOWLIST,
            endpoints={"billing": url, "commerce": url, "hub": url},
            tokens=dict.fromkeys(("billing", "commerce", "hub"), SecretStr(token)) if token else {},
            limits=ConnectorLimits(read_seconds=1.0, total_seconds=60.0),
            on_call=observed.on_call,
            on_violation=observed.on_violation,
        ) as plugins,
    ):
        yield Bss(url, plugins, observed)

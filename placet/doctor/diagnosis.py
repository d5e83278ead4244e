"""Running every probe at once, each within its time, and whatever happens none of them a traceback."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence

from placet.doctor import (
    installation,
    log_heads,
    log_key,
    models,
    notifying,
    policies,
    reachability,
    reading_back,
    signing_in,
)
from placet.doctor.events import hub, kafka
from placet.doctor.perimeter import perimeter
from placet.doctor.report import Finding, Mask, Report
from placet.doctor.retention import retention
from placet.doctor.stalled import rollouts, stalled
from placet.entrypoints.settings import Settings
from placet.errors import PlacetError

Probe = Callable[[Settings], Iterable[Finding]]

PROBE_SECONDS = 10.0
"""How long the probes have, all together. Each bounds its own waiting to 2 seconds; the rest is for a busy machine."""

PROBES: dict[str, Probe] = {
    "python": installation.python,
    "packages": installation.packages,
    "temporal binary": installation.temporal_binary,
    "embedded model": installation.embedded_model,
    "home": installation.home,
    "installation": installation.installed,
    "file modes": installation.file_modes,
    "approver keys": installation.approver_keys,
    "administrators": installation.administrators,
    "setup code": signing_in.setup_code,
    "payload key": installation.payload_key,
    "log key": log_key.log_key,
    "log heads": log_heads.log_heads,
    "plugin allowlist": installation.plugin_allowlist,
    "policies": policies.policies,
    "models": models.models,
    "churn model": models.churn,
    "perimeter": perimeter,
    "HTTP API": installation.api_token,
    "identity provider": signing_in.identity_provider,
    "notifications": notifying.notifications,
    "retention": retention,
    "Kafka": kafka,
    "BSS events": hub,
    "stack": reachability.stack,
    "database": reachability.database,
    "temporal": reachability.temporal,
    "runs": reachability.stuck,
    "runs at Temporal": stalled,
    "rollouts": rollouts,
    "BSS": reachability.bss,
    "read-back": reading_back.read_back,
    "model server": models.model_servers,
}


def diagnose(settings: Settings) -> Report:
    """Look at this installation."""
    mask = Mask(settings)
    return Report(findings=tuple(mask.finding(finding) for finding in _run(PROBES, settings, PROBE_SECONDS)))


def _run(probes: dict[str, Probe], settings: Settings, seconds: float) -> Iterable[Finding]:
    found: dict[str, Sequence[Finding]] = {}

    def probe(name: str) -> None:
        found[name] = _findings(name, probes[name], settings)

    # Daemons: one that hangs in a foreign system's silence must not hold the program.
    threads = {name: threading.Thread(target=probe, args=(name,), daemon=True) for name in probes}
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + seconds
    for name, thread in threads.items():
        thread.join(max(0.0, deadline - time.monotonic()))
        yield from found.get(name, (Finding("problem", name, f"no answer within {seconds:g} s"),))


def _findings(name: str, probe: Probe, settings: Settings) -> Sequence[Finding]:
    try:
        return tuple(probe(settings))
    except PlacetError as error:
        return (Finding("problem", name, str(error)),)
    except Exception as error:  # noqa: BLE001 - the doctor's patient may be ill in any way
        return (Finding("problem", name, f"{type(error).__name__}: {error}"),)

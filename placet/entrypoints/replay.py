"""`placet replay`: an auditor's verdict on one run, from its history alone.

(1) Temporal's Replayer runs the shipped workflow code over the history: the code does what the record says;
(2) the digest of each version of the proposal is derived again, an amended one also from what it amends;
(3) every accepted decision is one of the envelopes that were signalled, and its signed subject is such a digest;
(4) what was executed is such a version, on as many accepted approvals of it as its gate asked for.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from placet.entrypoints.connection import connect
from placet.entrypoints.replay_checks import HistoryCheck
from placet.entrypoints.settings import Settings
from placet.entrypoints.worker import WORKFLOWS, workflow_runner
from placet.errors import ConfigurationError, UsageError
from placet.governance.keys import key_id_of, parse_public_key
from placet.interfaces.engine import data_converter
from placet.interfaces.history import read_history
from placet.interfaces.payload_codec import load_or_create_key


@dataclass
class Verdict:
    """The outcome of a replay; `faults` is empty when everything holds."""

    run_id: str
    state: str = ""
    events: int = 0
    proposal: str | None = None
    decisions: list[str] = field(default_factory=list)
    mandate: str | None = None
    faults: list[str] = field(default_factory=list)


async def replay(
    settings: Settings, target: str, export: Path | None = None, public_keys: Sequence[Path] = ()
) -> Verdict:
    """Fetch or read the history of `target` (a run id, or a file) and judge it.

    With `public_keys` (the approvers' `.pub` files, got from somewhere trusted) signatures are verified as well.

    Raises:
        UsageError: there is no such run or file, or the file is not a history.
        ConfigurationError: Temporal does not answer, or the payload key is another one.
    """
    history = await _history(settings, target)
    if export is not None:
        _write(export, history)
    keys = {key_id_of(raw): raw for raw in map(_public_key, public_keys)}
    return await judge(history, load_or_create_key(settings.payload_key), keys)


async def judge(
    history: WorkflowHistory, payload_key: bytes, keys: Mapping[str, bytes] = MappingProxyType({})
) -> Verdict:
    """Replay `history`, derive its digests again, and verify signatures by `keys` (by key id) where there are any."""
    converter = data_converter(payload_key, for_worker=True)
    verdict = Verdict(history.workflow_id, events=len(history.events))
    replayer = Replayer(workflows=WORKFLOWS, data_converter=converter, workflow_runner=workflow_runner())
    outcome = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    if outcome.replay_failure is not None:
        verdict.faults.append(f"the workflow code does not reproduce the history: {outcome.replay_failure}")
    try:
        facts = await read_history(history, data_converter(payload_key))
    except ValueError as error:
        first = str(error).splitlines()[0]
        verdict.faults.append(f"the history holds what this version does not write: {first}")
        return verdict
    verdict.state = facts.result.state if facts.result else "running"
    check = HistoryCheck(facts, keys)
    verdict.faults.extend(check.faults())
    verdict.proposal = next(reversed(check.versions), None)
    verdict.decisions = list(check.accepted)
    if facts.gate is not None and facts.gate.clearance is not None:
        verdict.mandate = facts.gate.clearance.document
    return verdict


async def _history(settings: Settings, target: str) -> WorkflowHistory:
    if target.endswith(".json"):
        return load_history(Path(target))
    engine = await connect(settings)
    return await engine.history(target)


def _public_key(path: Path) -> bytes:
    try:
        return parse_public_key(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read public key file {str(path)!r}: {error}") from error


def load_history(path: Path) -> WorkflowHistory:
    """Read an exported history.

    Raises:
        UsageError: the file is missing or not one.
    """
    try:
        data = json.loads(path.read_text())
        return WorkflowHistory.from_json(str(data["workflowId"]), data["history"])
    except OSError as error:
        raise UsageError(f"cannot read history file {str(path)!r}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{str(path)!r} is not a history exported by `placet replay --export`") from error


def _write(path: Path, history: WorkflowHistory) -> None:
    document = {"workflowId": history.workflow_id, "history": json.loads(history.to_json())}
    try:
        path.write_text(json.dumps(document, indent=1) + "\n")
    except OSError as error:
        raise ConfigurationError(f"cannot write {str(path)!r}: {error.strerror}") from error

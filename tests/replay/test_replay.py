"""Any run's history can be replayed for audit: the shipped code reproduces it, and its digests derive again."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHistory

from placet.entrypoints.replay import Verdict, judge, load_history
from placet.errors import ConfigurationError, UsageError
from placet.interfaces.payload_codec import PayloadEncryption
from tests.replay.record import ENDINGS, HISTORIES, PAYLOAD_KEY
from tests.unit.support import a_key

KEY = bytes.fromhex(PAYLOAD_KEY)
DECIDED = {
    "executed": 1,
    "rejected": 1,
    "denied": 1,
    "failed": 1,
    "unknown_outcome": 2,
    "amended": 3,
    "halted": 1,
    "batched": 1,
    "escalated": 1,
    "reversed_run": 1,
}
STATES = dict.fromkeys(("unknown_outcome", "amended", "cleared", "batched", "escalated", "reversed_run"), "executed")


@pytest.mark.parametrize("ending", [ending.__name__ for ending in ENDINGS])
def test_a_recorded_history_of_each_ending_replays_and_every_digest_holds(ending: str) -> None:
    verdict = asyncio.run(judge(load_history(HISTORIES / f"{ending}.json"), KEY))
    assert verdict.faults == []
    assert verdict.state == STATES.get(ending, ending)
    assert len(verdict.decisions) == DECIDED.get(ending, 0)


def bend(document: dict[str, Any], activity: str, change: Any) -> WorkflowHistory:
    """The history with one activity's decrypted result changed, encrypted again as an insider with the key could."""
    codec = PayloadEncryption(KEY)
    for event in document["history"]["events"]:
        completed = event.get("activityTaskCompletedEventAttributes")
        if completed is None:
            continue
        scheduled = document["history"]["events"][int(completed["scheduledEventId"]) - 1]
        if scheduled["activityTaskScheduledEventAttributes"]["activityType"]["name"] != activity:
            continue
        (raw,) = completed["result"]["payloads"]
        sealed = Payload(
            metadata={name: base64.b64decode(value) for name, value in raw["metadata"].items()},
            data=base64.b64decode(raw["data"]),
        )
        (plain,) = asyncio.run(codec.decode([sealed]))
        value = json.loads(plain.data)
        change(value)
        plain.data = json.dumps(value).encode()
        (again,) = asyncio.run(codec.encode([plain]))
        raw["data"] = base64.b64encode(again.data).decode()
    return WorkflowHistory.from_json(document["workflowId"], document["history"])


def judged(history: WorkflowHistory) -> Verdict:
    return asyncio.run(judge(history, KEY))


def load(ending: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((HISTORIES / f"{ending}.json").read_text())
    return document


def test_a_proposal_changed_in_the_history_is_found_out() -> None:
    def raise_amount(result: dict[str, Any]) -> None:
        result["proposal"]["mutation"]["amount"]["amount_minor"] = 8_200_000

    faults = judged(bend(load("executed"), "propose", raise_amount)).faults
    assert any("the proposal hashes to" in fault for fault in faults)
    assert any("was executed, and is none that was pending" in fault for fault in faults)


def test_a_proposal_and_its_digest_changed_together_are_found_out_by_the_signature() -> None:
    from placet.contracts.proposal import Proposal
    from placet.governance.canonical import digest

    def swap(result: dict[str, Any]) -> None:
        result["proposal"]["mutation"]["amount"]["amount_minor"] = 8_200_000
        result["digest"] = digest(Proposal.model_validate(result["proposal"]))

    faults = judged(bend(load("executed"), "propose", swap)).faults
    assert any("is about" in fault for fault in faults)


def test_another_order_of_steps_does_not_replay() -> None:
    document = load("executed")
    for event in document["history"]["events"]:
        scheduled = event.get("activityTaskScheduledEventAttributes")
        if scheduled is not None and scheduled["activityType"]["name"] == "query_billing":
            scheduled["activityType"]["name"] = "execute"
    faults = judged(WorkflowHistory.from_json(document["workflowId"], document["history"])).faults
    assert any("does not reproduce the history" in fault for fault in faults)


def test_a_decision_that_was_never_signalled_is_found_out() -> None:
    document = load("executed")
    for event in document["history"]["events"]:
        signal = event.get("workflowExecutionSignaledEventAttributes")
        if signal is not None:
            signal["signalName"] = "something_else"
    faults = judged(WorkflowHistory.from_json(document["workflowId"], document["history"])).faults
    assert any("was never signalled" in fault for fault in faults)


def test_signatures_are_verified_by_the_keys_an_auditor_brings() -> None:
    _, enrolled = a_key()
    history = load_history(HISTORIES / "executed.json")
    keys = {enrolled.key_id: base64.b64decode(enrolled.public_key)}
    faults = asyncio.run(judge(history, KEY, keys)).faults
    assert any("is no decision signed by a key that was given" in fault for fault in faults)


def test_another_payload_key_reads_nothing_and_says_so() -> None:
    with pytest.raises(ConfigurationError, match="another key"):
        asyncio.run(judge(load_history(HISTORIES / "executed.json"), bytes(32)))


@pytest.mark.parametrize("content", ["", "[]", '{"workflowId": "x"}', '{"workflowId": "x", "history": 3}'])
def test_a_file_that_is_no_history_is_one_clear_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "history.json"
    path.write_text(content)
    with pytest.raises(UsageError, match="is not a history exported by"):
        load_history(path)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read history file"):
        load_history(tmp_path / "nowhere.json")

"""Any run's history can be replayed for audit: the shipped code reproduces it, and its digests derive again."""

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from placet.contracts.proposal import Proposal
from placet.engine.converter import data_converter
from placet.engine.payload_keys import PayloadKeys
from placet.entrypoints.main import Tools
from placet.entrypoints.worker import WORKFLOWS
from placet.errors import ConfigurationError, UsageError
from placet.governance.signing.canonical import digest
from placet.interfaces.cli.app import run
from placet.replay import judge, load_history
from tests.replay.forging import KEY, Forgery, Json, Signer
from tests.replay.record import ENDINGS, GENERATIONS, HISTORIES, PAYLOAD_KEY, RECORDED
from tests.unit.support import a_key

Placet = Callable[..., tuple[int, list[str], list[str]]]
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


EACH = pytest.mark.parametrize(
    ("generation", "ending"), [(generation, ending.__name__) for generation in GENERATIONS for ending in ENDINGS]
)


@EACH
def test_a_recorded_history_of_each_ending_replays_and_every_digest_holds(generation: str, ending: str) -> None:
    verdict = asyncio.run(judge(load_history(HISTORIES / generation / f"{ending}.json"), KEY))
    assert verdict.faults == []
    assert verdict.state == STATES.get(ending, ending)
    assert len(verdict.decisions) == DECIDED.get(ending, 0)


@EACH
def test_a_recorded_history_of_each_ending_replays_without_the_sandbox_of_tests(generation: str, ending: str) -> None:
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=data_converter(KEY, for_worker=True),
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    asyncio.run(replayer.replay_workflow(load_history(HISTORIES / generation / f"{ending}.json")))


def test_a_proposal_changed_in_the_history_is_found_out() -> None:
    def raise_amount(result: Json) -> None:
        result["proposal"]["mutation"]["amount"]["amount_minor"] = 8_200_000

    faults = Forgery("executed").answer("propose", raise_amount).faults()
    assert any("the proposal hashes to" in fault for fault in faults)
    assert any("was executed, and is none that was pending" in fault for fault in faults)


def test_a_proposal_and_its_digest_changed_together_are_found_out_by_the_signature() -> None:
    def swap(result: Json) -> None:
        result["proposal"]["mutation"]["amount"]["amount_minor"] = 8_200_000
        result["digest"] = digest(Proposal.model_validate(result["proposal"]))

    faults = Forgery("executed").answer("propose", swap).faults()
    assert any("is about" in fault for fault in faults)


def test_another_order_of_steps_does_not_replay() -> None:
    forged = Forgery("executed")
    for event in forged.events:
        scheduled = event.get("activityTaskScheduledEventAttributes")
        if scheduled is not None and scheduled["activityType"]["name"] == "propose":
            scheduled["activityType"]["name"] = "execute"
    assert any("does not reproduce the history" in fault for fault in forged.faults())


def test_a_decision_that_was_never_signalled_is_found_out() -> None:
    forged = Forgery("executed")
    for event in forged.events:
        signal = event.get("workflowExecutionSignaledEventAttributes")
        if signal is not None:
            signal["signalName"] = "something_else"
    assert any("was never signalled" in fault for fault in forged.faults())


@pytest.mark.parametrize(
    ("missing", "fault"),
    [
        (slice(0, 1), "event 2 in place 1"),
        (slice(3, 4), "event 5 in place 4"),
        (slice(1, None), "nothing follows its first event"),
        (slice(0, None), "the history does not begin with a request"),
    ],
)
def test_a_history_with_events_missing_is_refused_unread(missing: slice, fault: str) -> None:
    forged = Forgery("executed")
    del forged.document["history"]["events"][missing]
    (found,) = forged.faults()
    assert found.endswith(fault)


def test_a_workflow_task_that_something_follows_before_its_end_is_refused_unread() -> None:
    forged = Forgery("executed")
    events = forged.document["history"]["events"]
    del events[3]  # the end of the first workflow task; the engine's replay would never return
    for number, event in enumerate(events, 1):
        event["eventId"] = str(number)
    (fault,) = forged.faults()
    assert fault.endswith("event 4 follows an unfinished workflow task")


def test_signatures_are_verified_by_the_keys_an_auditor_brings() -> None:
    _, enrolled = a_key()
    history = load_history(RECORDED / "executed.json")
    keys = {enrolled.key_id: base64.b64decode(enrolled.public_key)}
    faults = asyncio.run(judge(history, KEY, keys)).faults
    assert any("is no decision signed by a key that was given" in fault for fault in faults)


def test_another_payload_key_reads_nothing_and_says_so() -> None:
    with pytest.raises(ConfigurationError, match="another key"):
        asyncio.run(judge(load_history(RECORDED / "executed.json"), PayloadKeys((bytes(32),))))


@pytest.mark.parametrize("content", ["", "[]", '{"workflowId": "x"}', '{"workflowId": "x", "history": 3}'])
def test_a_file_that_is_no_history_is_one_clear_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "history.json"
    path.write_text(content)
    with pytest.raises(UsageError, match="is not a history exported by"):
        load_history(path)


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read history file"):
        load_history(tmp_path / "nowhere.json")


@pytest.fixture
def placet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Placet:
    """The command line of an auditor who holds the payload key: exit code, lines on stdout and stderr."""
    monkeypatch.setenv("PLACET_HOME", str(tmp_path))
    (tmp_path / "payload.key").write_text(PAYLOAD_KEY)
    (tmp_path / "payload.key").chmod(0o600)

    def call(*arguments: str) -> tuple[int, list[str], list[str]]:
        code = run(("replay", *arguments), Tools())
        printed = capsys.readouterr()
        return code, printed.out.splitlines(), printed.err.splitlines()

    return call


def test_the_command_says_what_it_found_and_what_it_did_not_look_at(placet: Placet) -> None:
    code, out, err = placet(str(RECORDED / "executed.json"))
    assert (code, err) == (0, [])
    assert [line.split()[0] for line in out] == [
        "run",
        "proposal",
        "decision",
        "signed",
        "note",
        "note",
        "note",
        "note",
        "verdict",
    ]
    assert out[3].startswith("signed     approve by anna at 20")
    assert out[3].endswith(", its signature not verified")
    assert out[-1] == "verdict    the history replays and every digest holds"
    assert out[-2] == "note       expected values not computed again: the evidence is not held here"
    assert out[-3] == "note       signatures not verified; give the approvers' public keys with --key"


def test_the_command_refuses_a_forged_history(placet: Placet, tmp_path: Path) -> None:
    forged = Forgery("rejected").result(lambda result: {**result, "state": "executed"})
    (tmp_path / "forged.json").write_text(json.dumps(forged.document))
    code, out, err = placet(str(tmp_path / "forged.json"))
    assert (code, out[-1]) == (1, "verdict    REFUSED")
    assert err == ["placet: the history's result says state 'executed', the workflow code makes it 'rejected'"]


def test_the_command_asks_for_the_mandate_of_who_brings_keys(placet: Placet, tmp_path: Path) -> None:
    history, key = str(RECORDED / "cleared.json"), tmp_path / "hanna.pem.pub"
    key.write_text(base64.b64encode(Signer().public).decode())
    assert placet(history)[0] == 0
    code, _, err = placet(history, "--key", f"hanna={key}", "--json")
    assert code == 1
    (fault,) = err
    assert fault.endswith("not verified: give its signed document with --mandate FILE")
    (tmp_path / "mandate.json").write_text("{}")
    assert placet(history, "--key", str(key), "--mandate", str(tmp_path / "mandate.json"))[0] == 1

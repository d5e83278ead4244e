"""A history whose result, inputs or wrapping were edited is refused, whoever holds the payload key."""

from typing import Any

import pytest

from placet.engine.payload_keys import PayloadKeys
from placet.governance.effects import effect_key
from tests.replay.forging import Forgery, unsealed


def ends_as(state: str, **more: Any) -> Any:
    return lambda result: {**result, "state": state, "code": state, **more}


def test_an_executed_run_cannot_be_shown_as_rejected() -> None:
    forged = Forgery("executed").result(ends_as("rejected", receipt=None, decisions=[]))
    faults = forged.faults()
    assert [fault.split(", ")[0] for fault in faults[:2]] == [
        "the history's result says state 'rejected'",
        "the history's result says code 'rejected'",
    ]
    assert {fault.split()[4] for fault in faults} == {"state", "code", "decisions", "receipt"}


@pytest.mark.parametrize("ending", ["denied", "failed", "rejected", "expired", "halted", "cancelled", "no_action"])
def test_a_run_that_executed_nothing_cannot_be_shown_as_executed(ending: str) -> None:
    faults = Forgery(ending).result(ends_as("executed")).faults()
    assert f"the history's result says state 'executed', the workflow code makes it '{ending}'" in faults


def test_each_part_of_the_result_is_compared() -> None:
    receipt = Forgery("executed").answered("execute")[0]["receipt"]
    bent: dict[str, Any] = {
        "detail": "as it should be",
        "proposal": "0" * 64,
        "decisions": ["0" * 64],
        "receipt": {**receipt, "external_id": "ADJ-2"},
    }
    for part, value in bent.items():
        forged = Forgery("executed")
        (fault,) = forged.result(ends_as("executed", **{part: value})).faults()
        assert fault.startswith(f"the history's result says {part} ")


def test_a_receipt_of_another_effect_is_found_out() -> None:
    other = effect_key("run-" + "f" * 20, "0" * 64)

    def swap(outcome: Any) -> None:
        outcome["receipt"]["effect_key"] = other

    (fault,) = Forgery("executed").answer("execute", swap).result(swap).faults()
    assert fault.startswith(f"the receipt is of effect {other}, this run's is ")


def test_an_effect_without_a_receipt_did_not_happen() -> None:
    def lose(outcome: Any) -> None:
        outcome["receipt"] = None

    forged = Forgery("executed").answer("execute", lose).result(lose)
    assert forged.faults() == ["execution ended 'executed', which does not fit its receipt"]


def test_what_a_step_was_asked_is_compared() -> None:
    forged = Forgery("executed").ask("propose", lambda asked: {**asked, "evidence": "0" * 64})
    assert forged.faults() == ["the history says step 'propose' was asked what the workflow code does not ask"]


@pytest.mark.parametrize("ending", ["executed", "rejected"])
def test_a_history_that_takes_no_key_to_write_is_refused(ending: str) -> None:
    forged = Forgery(ending)
    unsealed(forged.document, forged.run_id)
    (fault,) = forged.faults(payload_key=PayloadKeys((b"\x07" * 32,)))
    assert "payloads that only Placet writes are not encrypted, so that anyone may have; first: event 1 input" in fault


def test_one_plain_payload_is_enough() -> None:
    forged = Forgery("executed")
    unsealed(forged.events[-1], forged.run_id)
    (fault,) = forged.faults()
    assert fault.startswith("1 payloads that only Placet writes are not encrypted")


def test_what_strangers_signalled_may_be_plain() -> None:
    forged = Forgery("executed")
    for event in forged.events:
        if "workflowExecutionSignaledEventAttributes" in event:
            unsealed(event, forged.run_id)
    assert forged.faults() == []


def test_a_history_that_was_cut_has_no_end_and_the_verdict_says_so() -> None:
    forged = Forgery("executed")
    del forged.document["history"]["events"][25:]  # before the first signal
    verdict = forged.verdict()
    assert (verdict.state, verdict.faults) == ("running", [])
    assert "the history has no result (running): where it has no end, it may have been cut" in verdict.notes


def test_a_run_cannot_be_shown_as_expired_while_its_gate_stood_open() -> None:
    def later(gate: Any) -> None:
        gate["expires_at"] = "2099-01-01T00:00:00Z"

    forged = Forgery("expired").answer("open_gate", later)
    assert any("its gate stood open until 2099-01-01 00:00" in fault for fault in forged.faults())
    early = Forgery("expired")
    early.events[-1]["eventTime"] = "2020-01-01T00:00:00Z"
    (fault,) = early.faults()
    assert fault.startswith("the run expired at 2020-01-01 00:00")

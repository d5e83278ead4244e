"""The row of a run says whom it is about and who asked for it; what people are shown and sign rests on the record."""

import pytest

from placet.errors import DecisionRefused, GovernanceError, UsageError
from placet.governance.policy.set import PolicySet
from placet.interfaces.http.endpoints.runs import RunEndpoints
from placet.interfaces.http.engine_link import EngineLink
from placet.interfaces.http.served import Served
from placet.service.deciding.batch_choice import BatchLimits, prepare_batch
from placet.service.deciding.decisions import pending_proposal
from placet.storage.standing import contradiction
from tests.integration.http.calling import engine_at
from tests.support.databases import disarm, outsider
from tests.support.steps import Steps


def no_policies(agent: str) -> PolicySet:
    raise AssertionError(agent)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("customer_id = 'C77777'", "says customer “C77777”, its record “C00005”"),
        ("requested_by = 'mallory'", "says asked for by “mallory”, its record “olga”"),
        ("agent = 'advance'", "says agent “advance”, its record “retention”"),
        ("proposal = '" + "0" * 64 + "'", "says its proposal is “0{64}”, its record “[0-9a-f]{64}”"),
        ("reverses = 'run-00000000000000000009'", "says reverses “run-00000000000000000009”, its record “None”"),
    ],
)
def test_nobody_is_asked_to_sign_what_the_record_contradicts(
    steps: Steps, database_url: str, edit: str, said: str
) -> None:
    steps.to_the_gate()
    database, run_id = steps.parts.database, steps.run.run_id
    assert pending_proposal(database, run_id, "demo", "approve")
    assert len(prepare_batch(database, "demo", "reject", BatchLimits()).choices) == 1
    with outsider(database_url) as shell:
        shell(f"UPDATE run SET {edit}")  # noqa: S608
    with pytest.raises(DecisionRefused, match=f"{said}.*; nothing is signed on it") as caught:
        pending_proposal(database, run_id, "demo", "approve")
    assert caught.value.code == "row_contradicts_record"
    with pytest.raises(UsageError, match=said):
        prepare_batch(database, "demo", "reject", BatchLimits())


@pytest.mark.parametrize("state", ["rejected", "awaiting_decision", "failed"])
def test_how_a_run_ended_is_what_the_record_says(steps: Steps, database_url: str, state: str) -> None:
    proposed, gate = steps.to_the_gate()
    review = steps.review(proposed, gate, steps.sign(proposed))
    assert steps.execute(proposed, review).outcome == "executed"
    steps.close("executed", proposed)
    with steps.parts.database.snapshot() as tx:
        record = tx.runs.get(steps.run.run_id)
        assert record is not None
        assert contradiction(tx, record) == ""
    with outsider(database_url) as shell:
        shell(f"UPDATE run SET state = '{state}'")  # noqa: S608
    with steps.parts.database.snapshot() as tx:
        record = tx.runs.get(steps.run.run_id)
        assert record is not None
        assert ", its record “executed”: somebody changed the database" in contradiction(tx, record)


def test_whoever_shows_a_run_says_that_its_row_is_not_what_the_record_says(steps: Steps, database_url: str) -> None:
    steps.to_the_gate()
    link = EngineLink(engine_at("127.0.0.1:1"))
    endpoints = RunEndpoints(Served(steps.parts.database, link, "demo", ("retention",), no_policies, lambda _: ()))
    assert endpoints.show(steps.run.run_id).fault == ""
    with outsider(database_url) as shell:
        shell("UPDATE run SET customer_id = 'C77777'")
    assert "says customer “C77777”, its record “C00005”" in endpoints.show(steps.run.run_id).fault
    with pytest.raises(GovernanceError) as caught:
        endpoints.proposal(steps.run.run_id)
    assert caught.value.code == "row_contradicts_record"


def test_a_request_that_was_written_anew_is_found_by_its_hash(steps: Steps, database_url: str) -> None:
    steps.to_the_gate()
    disarm(database_url, "audit_event")
    with outsider(database_url) as shell:
        shell("UPDATE run SET customer_id = 'C77777'")
        shell("UPDATE audit_event SET body = replace(body, 'C00005', 'C77777') WHERE kind = 'run.requested'")
    with pytest.raises(GovernanceError, match="is not what was written"):
        pending_proposal(steps.parts.database, steps.run.run_id, "demo", "approve")

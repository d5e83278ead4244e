"""A run reads the customer's live state once, keeps it by digest, and says what stood out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from placet.contracts.billing import Evidence
from placet.contracts.proposal import Proposal
from placet.contracts.state import CustomerState
from placet.replay.verdict import analysed_otherwise
from placet.service.in_hand import exchanges_of
from placet.service.reversals import request_reversal
from placet.service.state.taking import take_events
from tests.integration.record.retaining import findings
from tests.integration.state.sending import recharge
from tests.support.databases import disarm, outsider
from tests.support.steps import Steps


def happens(steps: Steps, *numbers: int, source: str = "bss") -> None:
    now = datetime.now(UTC)
    events = [
        recharge(
            number,
            type="placet.balance.checked.v1",
            data={},
            subject="customer:C00005",
            time=(now - timedelta(hours=number + 1)).isoformat(),
            source=source,
        )
        for number in numbers
    ]
    assert take_events(steps.parts.database, "demo", events, now=now, oldest=now - timedelta(days=400)).refused == ()


def read_by(steps: Steps) -> Evidence:
    analysed = steps.analyse()
    with steps.parts.database.reading() as tx:
        return tx.artifacts.get_model(steps.query(analysed).evidence, Evidence, tenant="demo")


def shown_to_the_model(steps: Steps) -> str:
    return "".join(one.prompt.text or "" for one in exchanges_of(steps.parts.database, steps.run.run_id, "demo"))


def test_what_stood_out_is_in_prompt_evidence_and_proposal_and_the_state_is_kept(
    steps: Steps, database_url: str
) -> None:
    happens(steps, 1, 2, 3, source="simulated")
    proposed, _ = steps.to_the_gate()
    with steps.parts.database.reading() as tx:
        entry = tx.audit.find(steps.run.run_id, "analyse.completed")
        proposal = tx.artifacts.get_model(str(proposed.digest), Proposal, tenant="demo")
        evidence = tx.artifacts.get_model(proposal.evidence, Evidence, tenant="demo")
        assert entry is not None
        assert evidence.state is not None
        state = tx.artifacts.get_model(evidence.state.digest, CustomerState, tenant="demo")
    assert entry.body["state"] == {
        "digest": evidence.state.digest,
        "as_of": state.as_of.isoformat(),
        "version": 3,
        "signals": 1,
    }
    assert (state.version, state.customer_id, state.signals) == (3, "C00005", evidence.state.signals)
    said = "the balance was asked for 3 times in a week"
    assert [one.detail for one in proposal.facts if one.code == "stands_out"] == [said]
    assert f"according to recorded events, some of which are simulated: {said}." in shown_to_the_model(steps)
    assert findings(steps.parts.database) == []
    with outsider(database_url) as run:
        run(f"DELETE FROM artifact WHERE digest = '{evidence.state.digest}'")  # noqa: S608
    assert [line.split("'")[1] for line in findings(steps.parts.database)] == ["analyse.completed"]


def test_what_happens_between_the_steps_counts_for_the_next_run(steps: Steps) -> None:
    happens(steps, 1)
    analysed = steps.analyse()
    happens(steps, 2, 3)
    assert steps.analyse() == analysed, "a repeated step answers as the first one did"
    read = read_by(steps).state
    assert read is not None
    assert read.version == 1
    later = read_by(steps.another("two")).state
    assert later is not None
    assert later.version == 3


def test_of_a_customer_without_events_the_run_says_so_and_goes_as_before(steps: Steps) -> None:
    proposed, _ = steps.to_the_gate()
    with steps.parts.database.reading() as tx:
        proposal = tx.artifacts.get_model(str(proposed.digest), Proposal, tenant="demo")
        evidence = tx.artifacts.get_model(proposal.evidence, Evidence, tenant="demo")
    assert evidence.state is not None
    assert (evidence.state.version, evidence.state.newest) == (0, None)
    assert {"live_state", "stands_out"} & {one.code for one in proposal.facts} == set()
    assert "according to recorded events" not in shown_to_the_model(steps)


def test_a_state_that_cannot_be_read_stops_the_step_until_it_is_mended(steps: Steps, database_url: str) -> None:
    happens(steps, 1)
    read_by(steps.another("first"))
    with outsider(database_url) as run:
        run("UPDATE customer_state SET aggregate = '{}'")
    with pytest.raises(ApplicationError, match="row “C00005” of table 'customer_state' cannot be read") as stopped:
        steps.analyse()
    assert stopped.value.type == "storage_row"
    assert not stopped.value.non_retryable, "it goes on once the row is mended"
    assert "analyse.completed" not in steps.kinds()
    with outsider(database_url) as run:
        run("DELETE FROM customer_state")
        run("UPDATE customer_event SET folded = 0")
    read = read_by(steps).state
    assert read is not None
    assert read.version == 1


def test_a_reversal_reads_no_state(steps: Steps) -> None:
    happens(steps, 1)
    steps.close("executed", steps.executed())
    asked = {"run_id": steps.run.run_id, "tenant": "demo", "requested_by": "olga", "reason": "granted in error"}
    back = request_reversal(steps.parts.database, **asked)
    assert read_by(replace(steps, run=back.request)).state is None


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("'{}'", "of the entry of the analysis on record, its content does not match its hash"),
        ("'['", "is broken at entry 3: it cannot be read"),
    ],
)
def test_a_replay_compares_the_evidence_with_no_entry_that_was_altered(
    steps: Steps, database_url: str, body: str, fault: str
) -> None:
    happens(steps, 1)
    proposed, _ = steps.to_the_gate()
    with steps.parts.database.reading() as tx:
        proposal = tx.artifacts.get_model(str(proposed.digest), Proposal, tenant="demo")

    def compared() -> list[str]:
        with steps.parts.database.reading() as tx:
            return analysed_otherwise(
                tx, proposal, lambda digest, kind: tx.artifacts.get_model(digest, kind, tenant="demo")
            )

    assert compared() == []
    disarm(database_url, "audit_event")
    with outsider(database_url) as run:
        run(f"UPDATE audit_event SET body = {body} WHERE step_key = 'analyse.completed'")  # noqa: S608
    (said,) = compared()
    assert said.startswith("what the analysis read cannot be compared with the evidence: ")
    assert fault in said

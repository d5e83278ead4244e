"""Rows that somebody else wrote or took away: no effect comes of them, and what they keep from happening is said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from placet.contracts.people.decision import ReviewResult
from placet.contracts.receipt import ExecutionResult, Receipt
from placet.contracts.run import Proposed
from placet.doctor.stalled import stalled
from placet.entrypoints.settings import Settings
from placet.errors import GovernanceError, NotFound, PluginError, StorageError, UpstreamRejected
from placet.governance.effects import effect_key
from placet.plugin_api.protocols import Confirmation, Sighting
from placet.service.documents import halts as halt_operations
from placet.service.keeping.log import signed_head
from placet.storage.governance.controls import ControlRecord
from placet.storage.pending import expected
from placet.storage.projections.verification import verify_projections
from tests.support.databases import disarm, outsider
from tests.support.logs import identity
from tests.support.servers import asking
from tests.support.steps import Steps

PAST = "'2026-01-01 00:00:00+00:00'"
LEDGER = "effect_key, tenant, run_id, proposal, status, holder, lease_until, attempts, sends, claimed_at, detail"
USED = (
    "tenant, decision_id, run_id, phase, proposal, place, verdict, approver, key_id, decided_at, reason, roles, "
    "envelope_digest"
)


def row(table: str, columns: str, *values: object) -> str:
    shown = (f"'{value}'" if isinstance(value, str) and value[:1] not in ("'", "N") else str(value) for value in values)
    return f"INSERT INTO {table} ({columns}) VALUES ({', '.join(shown)})"  # noqa: S608 - what somebody types


def granted(bss_url: str) -> int:
    return int(asking.get(f"{bss_url}/sandbox/effects").json()["adjustments"])


def found(steps: Steps) -> str:
    with steps.parts.database.snapshot() as tx:
        return "\n".join(str(finding) for finding in verify_projections(tx, "demo"))


def test_a_row_that_closes_an_effect_ends_no_run(steps: Steps, database_url: str, bss_url: str) -> None:
    """Nothing was sent, or it was, and the ledger was made to say otherwise: a person has to look."""
    for status in ("settled", "failed", "unknown"):
        run = steps.another(status)
        proposed, gate = run.to_the_gate()
        review = run.review(proposed, gate, run.sign(proposed))
        key = effect_key(run.run.run_id, str(proposed.digest))
        receipt = Receipt(
            effect_key=key, external_id="ADJ-1", api="TMF654", confirmed_by="response", response_sha256=None,
            settled_at=datetime.now(UTC),
        ).model_dump_json()  # fmt: skip
        with outsider(database_url) as shell:
            closed = (key, "demo", run.run.run_id, str(proposed.digest), status, "x", PAST, 1, 0, PAST, "all is well")
            shell(row("effect", f"{LEDGER}, receipt, code", *closed, receipt if status == "settled" else "NULL", "x"))
        result = run.execute(proposed, review)
        assert (result.outcome, result.code) == ("unknown_outcome", "ledger_differs")
        assert result.detail.startswith(f"the ledger says {status!r}, and nothing on the record does")
        with pytest.raises(ApplicationError) as refused:
            run.close("executed", proposed)
        assert refused.value.type == "not_executed"
        run.close("unknown_outcome", proposed)
        assert run.record().state == "unknown_outcome"
        assert f"effect {key}: status is {status!r}" in found(steps) or status == "unknown"
    assert granted(bss_url) == 0
    # What was given is not undone by a row that says that it failed.
    proposed, gate = steps.to_the_gate()
    review = steps.review(proposed, gate, steps.sign(proposed))
    assert steps.execute(proposed, review).outcome == "executed"
    disarm(database_url, "effect")
    with outsider(database_url) as shell:
        shell(f"UPDATE effect SET status = 'failed', receipt = NULL WHERE run_id = '{steps.run.run_id}'")  # noqa: S608
    assert steps.execute(proposed, review).code == "ledger_differs"
    assert granted(bss_url) == 1


def test_what_the_other_system_shows_is_not_sent_again_although_every_row_of_it_is_gone(
    steps: Steps, database_url: str, bss_url: str
) -> None:
    """Who owns the database takes away that a request left, before a signed head holds it."""
    proposed, gate = steps.to_the_gate()
    review = steps.review(proposed, gate, steps.sign(proposed))
    assert steps.execute(proposed, review).outcome == "executed"
    for table in ("audit_event", "effect"):
        disarm(database_url, table)
    run_id = steps.run.run_id
    with outsider(database_url) as shell:
        shell(f"DELETE FROM audit_event WHERE run_id = '{run_id}' AND kind LIKE 'execute.%'")  # noqa: S608
        shell(f"DELETE FROM audit_event WHERE run_id = '{run_id}' AND kind = 'run.ended'")  # noqa: S608
        shell(f"DELETE FROM effect WHERE run_id = '{run_id}'")  # noqa: S608
        shell(f"UPDATE run SET state = 'executing', receipt = NULL, code = NULL WHERE run_id = '{run_id}'")  # noqa: S608
    result = steps.execute(proposed, review)
    assert (result.outcome, result.code) == ("unknown_outcome", "outcome_unknown")
    assert result.detail.startswith("no request of it is on our record, and TMF654 shows 'ADJ-")
    assert granted(bss_url) == 1
    assert "execute.unknown" in steps.kinds()


class Listing:
    """The other system, whose listing is what a test makes of it; what is sent to it is counted."""

    def __init__(self, error: PluginError) -> None:
        self.error = error
        self.sent = 0

    def read_back(self, *_: object, **__: object) -> Sighting:
        raise self.error

    def perform(self, *_: object, **__: object) -> Confirmation:
        self.sent += 1
        raise UpstreamRejected("no", code="conflict")


@pytest.mark.parametrize("code", ["duplicate_effect", "effect_mismatch", "effect_failed", "effect_pending"])
def test_a_listing_that_shows_the_key_before_anything_was_sent_is_for_a_person(steps: Steps, code: str) -> None:
    result, listing = first_look(steps, UpstreamRejected("it is there", code=code))
    assert (result.outcome, listing.sent) == ("unknown_outcome", 0)


@pytest.mark.parametrize("error", [PluginError("?", code="unreadable_answer"), UpstreamRejected("?", code="forbidden")])
def test_nothing_is_sent_while_a_listing_cannot_be_read_and_then_a_person_must_look(
    steps: Steps, error: PluginError
) -> None:
    with pytest.raises(ApplicationError, match="whether it exists already could not be read"):
        first_look(steps, error)
    later = replace(steps.parts.context, clock=lambda: datetime.now(UTC) + timedelta(minutes=11))
    again = replace(steps, parts=replace(steps.parts, context=later))
    result, listing = first_look(again, error)
    assert (result.outcome, listing.sent) == ("unknown_outcome", 0)


@pytest.mark.parametrize("error", [NotFound("no such listing"), UpstreamRejected("no", code="not_supported")])
def test_a_system_without_a_listing_is_sent_to(steps: Steps, error: PluginError) -> None:
    _, listing = first_look(steps, error)
    assert listing.sent == 1


def first_look(steps: Steps, error: PluginError) -> tuple[ExecutionResult, Listing]:
    listing = Listing(error)
    context = replace(steps.parts.context, commerce=listing)
    run = replace(steps, parts=replace(steps.parts, context=context))
    if "approve.decided" not in run.kinds():
        proposed, gate = run.to_the_gate()
        APPROVED[run.run.run_id] = (proposed, run.review(proposed, gate, run.sign(proposed)))
    return run.execute(*APPROVED[run.run.run_id]), listing


APPROVED: dict[str, tuple[Proposed, ReviewResult]] = {}


def test_no_effect_comes_of_a_halt_or_a_control_whose_row_was_changed_or_taken_away(
    steps: Steps, database_url: str, bss_url: str
) -> None:
    control, honest, accused = steps.another("control"), steps.another("honest"), steps.another("accused")
    seeded = ControlRecord(
        run_id=control.run.run_id, tenant="demo", flaw="too_much", seeded_by="vera", seeded_at=datetime.now(UTC)
    )
    with steps.parts.database.transaction() as tx:
        tx.controls.seed(seeded)
        body = {"run_id": seeded.run_id, "flaw": seeded.flaw}
        tx.record_act("demo", "control.seeded", "vera", seeded.seeded_at, seeded.run_id, body)
    disarm(database_url, "control_run")
    with outsider(database_url) as shell:
        shell("DELETE FROM control_run")
        shell(
            row("control_run", "run_id, tenant, flaw, seeded_by, seeded_at", accused.run.run_id, "demo", "x", "x", PAST)
        )
    proposed, gate = control.to_the_gate()
    refused = control.execute(proposed, control.review(proposed, gate, control.sign(proposed)))
    assert (refused.outcome, refused.code) == ("refused", "control_proposal")
    # Nobody is said to have missed a control that nobody seeded.
    proposed, gate = accused.to_the_gate()
    assert accused.execute(proposed, accused.review(proposed, gate, accused.sign(proposed))).outcome == "executed"
    # A halt goes on until somebody signs.
    proposed, gate = honest.to_the_gate()
    review = honest.review(proposed, gate, honest.sign(proposed))
    halt, _ = halt_operations.place_halt(
        steps.parts.database, tenant="demo", scope="tenant", subject="", by="olga", reason="no", agents=("retention",)
    )
    with outsider(database_url) as shell:
        shell("UPDATE halt SET lifted_by = 'hanna', lifted_at = placed_at, lift = '" + "0" * 64 + "'")
    refused = honest.execute(proposed, review)
    assert (refused.outcome, refused.code) == ("refused", "halted")
    assert "its row says that hanna lifted it, which nobody signed" in refused.detail
    assert granted(bss_url) == 1
    text = found(steps)
    for said in (
        f"control_run {control.run.run_id}: the row is gone",
        f"control_run {accused.run.run_id}: no 'control.seeded' of it",
        f"halt {halt.halt_id}: lifted_by is 'hanna', the record says None",
    ):
        assert said in text


def test_a_row_that_cannot_be_read_is_named_on_the_run_that_waits_for_it(
    steps: Steps, database_url: str, tmp_path: Path
) -> None:
    proposed, gate = steps.to_the_gate()
    run, digest = steps.run.run_id, str(proposed.digest)
    placed = "halt_id, tenant, scope, subject, reason, placed_by, placed_at"
    said = ("decide", digest, 7, "approve", "anna", "k", PAST, "", "r", "zz")
    rows = {
        "halt": row("halt", placed, "halt-x", "demo", "tenant", "", "", "x", PAST),
        "decision_use": row("decision_use", USED, "demo", "x", run, *said),
        "run": row(
            "run",
            "run_id, tenant, customer_id, agent, key, requested_by, requested_at, updated_at, state, detail",
            *("zz", "demo", "C00005", "retention", "zz", "x", PAST, PAST, "awaiting_decision", ""),
        ),
    }
    if database_url.startswith("sqlite"):
        rows["halt of no time"] = row("halt", placed, "halt-x", "demo", "tenant", "", "", "x", "whenever")
    for table in ("halt", "decision_use", "run"):
        disarm(database_url, table)
    for what, statement in rows.items():
        table = what.split()[0]
        with outsider(database_url) as shell:
            shell(statement)
        with steps.parts.database.reading() as tx:
            if table == "run":
                with pytest.raises(StorageError, match="row “zz” of table 'run' cannot be read: run_id 'zz'"):
                    tx.runs.list("demo")
                (named,) = stalled(Settings(home=tmp_path, database_url=database_url))
                assert "row “zz” of table 'run' cannot be read" in named.detail
        if table != "run":
            with pytest.raises(ApplicationError) as stopped:
                steps.review(proposed, gate, steps.sign(proposed))
            assert (stopped.value.type, stopped.value.non_retryable) == ("storage_row", False)
            assert steps.record().detail.startswith("retrying: row “")
            assert f"of table '{table}' cannot be read: " in steps.record().detail
        with outsider(database_url) as shell:
            name = {"halt": "halt_id", "decision_use": "decision_id", "run": "run_id"}[table]
            shell(f"DELETE FROM {table} WHERE {name} IN ('halt-x', 'x', 'zz')")  # noqa: S608
    # A no that nobody signed is not said to be anybody's.
    review = steps.review(proposed, gate, steps.sign(proposed))
    with outsider(database_url) as shell:
        said = ("decide", digest, 7, "reject", "anna", "a" * 64, PAST, "", "r", "b" * 64)
        shell(row("decision_use", USED, "demo", "c" * 32, run, *said))
    refused = steps.execute(proposed, review)
    assert (refused.outcome, refused.code) == ("refused", "unproven")
    assert refused.detail.startswith("the record says that 'anna' decided, and no signature bears it out")


def test_an_entry_that_is_no_document_is_found_and_hides_no_other(
    steps: Steps, database_url: str, tmp_path: Path
) -> None:
    steps.executed()
    entry = "stream, seq, tenant, run_id, kind, actor, at, step_key, body, prev_hash, hash"
    with outsider(database_url) as shell:
        made_up = ("demo", "run-1", "run.requested", "x", PAST, "x", "not json", "x", "x")
        shell(row("audit_event", entry, "run-1", 1, *made_up))
        shell("UPDATE run SET customer_id = 'C00099' WHERE key = 'one'")
    text = found(steps)
    assert "record run-1: 'run.requested' cannot be read" in text
    assert "customer_id is 'C00099'" in text
    with pytest.raises(GovernanceError, match=r"of tenant 'demo' is broken at position .*: 'x' is no hash") as stopped:
        signed_head(steps.parts.database, identity(tmp_path), "demo")
    assert stopped.value.code == "audit_broken"


@pytest.mark.parametrize("body", ["{{}}", '{{"proposal": "{proposal}", "gate": {{}}}}'])
def test_a_gate_that_cannot_be_read_is_no_gate_and_ends_no_look_at_the_runs(
    steps: Steps, database_url: str, body: str
) -> None:
    proposed, gate = steps.to_the_gate()
    disarm(database_url, "audit_event")
    with outsider(database_url) as shell:
        shell(f"UPDATE audit_event SET body = '{body.format(proposal=proposed.digest)}' WHERE kind = 'approve.opened'")  # noqa: S608
    with steps.parts.database.reading() as tx:
        assert expected(tx, steps.record()).listens
    review = steps.review(proposed, gate, steps.sign(proposed))
    assert (review.verdict, review.refused) == (None, 1)


@pytest.mark.parametrize("said", ['{"x":' + "9" * 400 + "}", '{"x":' + "[" * 20_000 + "]" * 20_000 + "}", "[" * 20_000])
def test_an_entry_beyond_all_measure_is_found_as_any_other(steps: Steps, database_url: str, said: str) -> None:
    """A number of 400 digits, or brackets without end, break no reader."""
    steps.executed()
    run_id = steps.run.run_id
    for table in ("audit_event", "effect"):
        disarm(database_url, table)
    with outsider(database_url) as shell:
        shell(f"UPDATE audit_event SET body = '{said}' WHERE kind = 'run.ended' AND run_id = '{run_id}'")  # noqa: S608
        shell(f"UPDATE run SET receipt = '{said}'")  # noqa: S608
        shell(f"UPDATE effect SET receipt = '{said}'")  # noqa: S608
    assert f"record {run_id}: 'run.ended' cannot be read" in found(steps)
    assert f"run {run_id}: receipt is " in found(steps)
    with steps.parts.database.reading() as tx:
        with pytest.raises(GovernanceError, match=r"is broken at entry .*: it cannot be read"):
            tx.audit.verify(run_id)
        with pytest.raises(GovernanceError, match="cannot be read"):
            tx.audit.read(run_id)
        with pytest.raises(StorageError, match="of table 'run' cannot be read"):
            tx.runs.get(run_id)
        with pytest.raises(StorageError, match="of table 'effect' cannot be read"):
            tx.effects.for_run(run_id)

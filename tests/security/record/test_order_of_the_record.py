"""What counted after the record had taken it away is found, also when every row and entry was put back afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from placet.contracts.audit import RecordKind
from placet.service.documents.halts import place_halt
from placet.service.documents.keys import revoke_key
from placet.storage.projections import order
from placet.storage.projections.verification import verify_projections
from tests.support.databases import disarm, outsider
from tests.support.steps import Steps

MANDATE = "a" * 32


def found(steps: Steps) -> list[str]:
    with steps.parts.database.snapshot() as tx:
        return [str(finding) for finding in verify_projections(tx, "demo")]


@contextmanager
def hidden(database_url: str, kind: str, table: str, edit: str, undo: str) -> Iterator[None]:
    """What somebody with full rights on the database can do for some seconds: hide an entry, and change its row."""
    for each in ("audit_event", table):
        disarm(database_url, each)
    with outsider(database_url) as shell:
        shell(f"UPDATE audit_event SET kind = 'x', step_key = 'x' || step_key WHERE kind = '{kind}'")  # noqa: S608
        shell(edit)
        yield
        shell(
            f"UPDATE audit_event SET kind = '{kind}', step_key = substr(step_key, 2) WHERE kind = 'x'"  # noqa: S608
        )
        shell(undo)


@pytest.fixture
def executed(steps: Steps) -> Callable[[], None]:
    """What an approval of anna's leads to, from the gate on."""
    proposed, gate = steps.to_the_gate()

    def go_on() -> None:
        review = steps.review(proposed, gate, steps.sign(proposed))
        assert steps.execute(proposed, review).outcome == "executed"
        steps.close("executed", proposed)

    return go_on


def test_a_decision_with_a_revoked_key(
    steps: Steps, executed: Callable[[], None], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    revoke_key(steps.parts.database, tenant="demo", key_id=steps.key.key_id, by=steps.root, reason="lost")
    columns = ("revoked_by", "revoked_at", "revoked_reason", "revocation")
    keep = "CREATE TABLE kept AS SELECT * FROM approver_key"
    same = "(SELECT {0} FROM kept WHERE kept.key_id = approver_key.key_id)"
    with outsider(database_url) as shell:
        shell(keep)
    edit = f"UPDATE approver_key SET {', '.join(f'{name} = NULL' for name in columns)}"  # noqa: S608
    undo = f"UPDATE approver_key SET {', '.join(f'{name} = ' + same.format(name) for name in columns)}"  # noqa: S608
    with hidden(database_url, "key.revoked", "approver_key", edit, undo):
        executed()
    # It follows at once here. Later than a review may take, it is nothing that two people did at the same time.
    assert found(steps) == []
    monkeypatch.setattr(order, "REVIEW", timedelta(0))
    (said,) = found(steps)
    assert said.startswith(f"record {steps.run.run_id}: 'approve.decided' rests on a key that root had revoked at ")


@pytest.mark.parametrize(
    ("scope", "subject"),
    [("tenant", ""), ("agent", "retention"), ("kind", "adjust_balance"), ("kind", "order_product")],
)
def test_a_send_under_a_halt(
    steps: Steps, executed: Callable[[], None], database_url: str, scope: str, subject: str
) -> None:
    given = {"tenant": "demo", "by": "olga", "reason": "no", "agents": ("retention",)}
    halt, _ = place_halt(steps.parts.database, scope=scope, subject=subject, **given)  # type: ignore[arg-type]
    edit = "UPDATE halt SET scope = 'kind', subject = 'send_nothing'"
    undo = f"UPDATE halt SET scope = '{scope}', subject = '{subject}'"  # noqa: S608
    with hidden(database_url, "halt.placed", "halt", edit, undo):
        executed()
    said = found(steps)
    if subject == "order_product":
        assert said == []
        return
    assert len(said) == 1
    assert said[0].startswith(f"record {steps.run.run_id}: it was sent at ")
    assert said[0].endswith(f" under {halt.halt_id}")


def test_an_entry_that_names_what_is_no_name_ends_no_verification(steps: Steps) -> None:
    now = datetime.now(UTC)
    acts: dict[RecordKind, dict[str, Any]] = {
        "mandate.revoked": {"mandate_id": [MANDATE], "reason": "x"},
        "key.revoked": {"reason": "x"},
        "halt.placed": {"halt_id": {}, "scope": 1, "subject": None},
        "halt.lifted": {"halt_id": []},
    }
    with steps.parts.database.transaction() as tx:
        for kind, body in acts.items():
            tx.record_act("demo", kind, "olga", now, kind, body)
        tx.record(steps.run, "mandate.consumed", actor="policy", at=now, body={"mandate_id": [MANDATE], "key_id": {}})
        tx.record(steps.run, "approve.settled", actor="anna", at=now, body={})
    assert not [text for text in found(steps) if "rests on" in text]


@pytest.mark.parametrize("revoked", ["before", "after"])
def test_a_use_of_a_revoked_mandate(steps: Steps, revoked: str) -> None:
    now = datetime.now(UTC)
    body = {"mandate_id": MANDATE, "key_id": "b" * 64}

    def revoke() -> None:
        with steps.parts.database.transaction() as tx:
            tx.record_act("demo", "mandate.revoked", "olga", now, MANDATE, {**body, "reason": "enough"})

    if revoked == "before":
        revoke()
    with steps.parts.database.transaction() as tx:
        tx.record(steps.run, "mandate.consumed", actor="policy", at=now, body=body)
    if revoked == "after":
        revoke()
    said = [text for text in found(steps) if "rests on" in text]
    assert len(said) == (revoked == "before")
    assert all("'mandate.consumed' rests on a mandate that olga had revoked at " in text for text in said)

"""Who decided a run that has ended: what each person approved is said to be what was proposed then."""

from typing import Any

from placet.contracts.audit import GENESIS, AuditEvent, RecordKind
from placet.interfaces.console.views.deciders import deciders_of
from tests.unit.support import NOW, RUN


def entry(kind: RecordKind, actor: str, seq: int, **body: Any) -> AuditEvent:
    return AuditEvent(
        stream=RUN,
        seq=seq,
        tenant="demo",
        run_id=RUN,
        kind=kind,
        actor=actor,
        at=NOW,
        step_key=f"{kind}.{seq}",
        body=body,
        prev_hash=GENESIS,
        hash="a" * 64,
    )


def test_who_approved_what_was_changed_afterwards_did_not_approve_what_it_became() -> None:
    events = [
        entry("approve.decided", "anna", 1, envelope="a" * 64, verdict="approve", key_id="0" * 64),
        entry("approve.amended", "ben", 2, void=["a" * 64]),
        entry("approve.decided", "ben", 3, envelope="b" * 64, verdict="amend", key_id="0" * 64),
        entry("approve.decided", "cleo", 4, envelope="c" * 64, verdict="approve", key_id="0" * 64),
    ]
    assert [(one.name, one.did) for one in deciders_of(events, lambda _: None)] == [
        ("anna", "approved what was proposed before it was changed"),
        ("ben", "changed it and approved that"),
        ("cleo", "approved it"),
    ]

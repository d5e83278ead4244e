"""Halts as tests of storage place them: with their row and their entry on the record."""

from datetime import UTC, datetime, timedelta
from typing import Any

from placet.contracts.people.halt import Halt
from placet.governance.halts import PLACED
from placet.storage.database import Database

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def halt(number: int = 1, **changes: Any) -> Halt:
    fields: dict[str, Any] = {
        "halt_id": f"halt-{number:012x}",
        "tenant": "acme",
        "scope": "tenant",
        "subject": "",
        "reason": "wrong price list",
        "placed_by": "olga",
        "placed_at": AT + timedelta(seconds=number),
    }
    return Halt(**{**fields, **changes})


def place(database: Database, *placed: Halt, recorded: bool = True) -> None:
    with database.transaction() as tx:
        for each in placed:
            tx.halts.place(each)
            if not recorded:
                continue
            body = each.model_dump(mode="json", include={"halt_id", "scope", "subject", "reason"})
            tx.record_act(each.tenant, PLACED, each.placed_by, each.placed_at, each.halt_id, body)

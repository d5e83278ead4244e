"""What a run rested on, from the artifacts that its record names: billing's facts, prompts, answers of models.

Every artifact is checked against its digest. One that was erased, or altered since, is told apart and hides no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from placet.contracts.audit import AuditEvent
from placet.contracts.billing import Evidence
from placet.errors import GovernanceError, UsageError
from placet.storage.artifacts import ERASED
from placet.storage.database import Database
from placet.storage.transaction import Transaction

_WITH_MODELS: Final = frozenset({"analyse.completed", "analyse.unanswered", "propose.completed", "propose.unanswered"})
_QUERIED: Final = "query_billing.completed"


@dataclass(frozen=True, slots=True)
class Held:
    """One artifact.

    Attributes:
        text: Its exact text; None where it cannot be shown.
        fault: Why it cannot be; empty where it can.
    """

    digest: str
    text: str | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What one use of a model was shown, and what it said; `answer` is None where none came."""

    step: str
    model: str
    route: str
    outcome: str
    prompt: Held
    answer: Held | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What billing answered.

    Attributes:
        evidence: The facts; None where they cannot be shown.
        calls: The HTTP exchanges behind them, each with the digest of what came back.
    """

    held: Held
    evidence: Evidence | None
    calls: tuple[dict[str, Any], ...]


def exchanges_of(database: Database, run_id: str, tenant: str) -> tuple[Exchange, ...]:
    """Return each use of a model, in the order of the record."""
    with database.reading() as tx:
        events = tx.audit.read(run_id)
    return exchanges_in(database, events, tenant)


def exchanges_in(database: Database, events: Sequence[AuditEvent], tenant: str) -> tuple[Exchange, ...]:
    """Return each use of a model that some entries of a run name."""
    found: list[Exchange] = []
    with database.reading() as tx:
        for event in events:
            if event.kind in _WITH_MODELS:
                found += [_exchange(tx, tenant, event, use) for use in event.body.get("model_use", ())]
    return tuple(found)


def facts_of(database: Database, run_id: str, tenant: str) -> Facts | None:
    """Return what billing answered, None where it was not asked yet."""
    with database.reading() as tx:
        event = tx.audit.find(run_id, _QUERIED)
    return None if event is None else facts_in(database, [event], tenant)


def facts_in(database: Database, events: Sequence[AuditEvent], tenant: str) -> Facts | None:
    """Return what billing answered, as some entries of a run say; None where none does."""
    event = next((event for event in events if event.step_key == _QUERIED), None)
    if event is None:
        return None
    with database.reading() as tx:
        held = _held(tx, tenant, str(event.body["evidence"]))
    evidence = None
    if held.text is not None:
        try:
            evidence = Evidence.model_validate_json(held.text)
        except ValueError:
            held = Held(held.digest, held.text, "it is no evidence of this version")
    return Facts(held, evidence, tuple(event.body.get("calls", ())))


def _exchange(tx: Transaction, tenant: str, event: AuditEvent, use: dict[str, Any]) -> Exchange:
    answer = use.get("completion_sha256")
    return Exchange(
        step=event.kind,
        model=str(use.get("model")),
        route=str(use.get("route")),
        outcome=str(use.get("outcome")),
        prompt=_held(tx, tenant, str(use.get("prompt_sha256"))),
        answer=None if answer is None else _held(tx, tenant, str(answer)),
    )


def _held(tx: Transaction, tenant: str, digest: str) -> Held:
    try:
        return Held(digest, tx.artifacts.get(digest, tenant=tenant).decode("utf-8", "backslashreplace"))
    except UsageError as error:
        return Held(digest, None, str(error) if error.code == ERASED else "it is not kept: never stored, or erased")
    except GovernanceError as error:
        return Held(digest, None, str(error))

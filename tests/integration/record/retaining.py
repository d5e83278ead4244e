"""What tests of retention share: runs that are over and what they named, and what was erased."""

from datetime import UTC, datetime, timedelta

from placet.contracts.audit import RecordKind
from placet.contracts.run import RunRequest
from placet.errors import UsageError
from placet.governance.retention import Periods
from placet.service.keeping.retention import Outcome, apply_retention
from placet.service.runs import build_request, record_request
from placet.storage.database import Database
from placet.storage.projections.verification import verify_projections
from placet.storage.transaction import Transaction
from tests.support.steps import Steps

BOTH = Periods(classes={"evidence": 30, "proposal": 30}, notices=30, given=90)


TEXT = "text/plain"


def after(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def apply(database: Database, days: float, periods: Periods = BOTH) -> tuple[int, int]:
    return counts(apply_retention(database, "demo", periods, by="olga", now=after(days)))


def counts(outcome: Outcome) -> tuple[int, int]:
    return outcome.documents["evidence"].count, outcome.documents["proposal"].count


def findings(database: Database) -> list[str]:
    with database.snapshot() as tx:
        return [str(finding) for finding in verify_projections(tx, "demo")]


def rejected(steps: Steps) -> str:
    """Let the run end without giving anything; return the digest of its proposal."""
    proposed, gate = steps.to_the_gate()
    steps.review(proposed, gate, steps.sign(proposed, "reject"))
    steps.close("rejected", proposed)
    return str(proposed.digest)


def another(database: Database, key: str) -> RunRequest:
    """Put another run on the record, at its beginning."""
    request = build_request(
        tenant="demo", customer_id="C00009", agent="retention", requested_by="olga", key=key, agents=("retention",)
    )
    record_request(database, request)
    return request


def say(tx: Transaction, run: RunRequest, kind: RecordKind, key: str, **body: object) -> None:
    tx.audit.append(
        stream=run.run_id,
        tenant="demo",
        run_id=run.run_id,
        kind=kind,
        actor="worker",
        step_key=f"{kind}.{key}",
        at=datetime.now(UTC),
        body=body,
    )


def uses(tx: Transaction, run: RunRequest, data: bytes, key: str = "1") -> str:
    """Let `run` have shown `data` to a model."""
    digest = tx.artifacts.put("demo", TEXT, data)
    say(tx, run, "analyse.unanswered", key, model_use=[{"prompt_sha256": digest, "completion_sha256": None}])
    return digest


def ended(database: Database, key: str, data: bytes) -> tuple[RunRequest, str]:
    """A run that showed `data` to a model, and failed."""
    run = another(database, key)
    with database.transaction() as tx:
        digest = uses(tx, run, data)
        tx.runs.set_state(run.run_id, "failed", at=datetime.now(UTC), code="x")
        tx.audit.append(
            stream=run.run_id,
            tenant="demo",
            run_id=run.run_id,
            kind="run.ended",
            actor="worker",
            step_key="run.ended",
            at=datetime.now(UTC),
            body={"state": "failed", "code": "x", "detail": ""},
        )
    return run, digest


def there(database: Database, digest: str) -> bool:
    with database.reading() as tx:
        try:
            tx.artifacts.get(digest, tenant="demo")
        except UsageError:
            return False
    return True

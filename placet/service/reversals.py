"""Ask for the reversal of a run: a governed run of its own, linked both ways on the record (docs/adr/0011)."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from placet.contracts.people.access import Voucher
from placet.contracts.run import END_STATES, RunRequest
from placet.contracts.text import spoken
from placet.errors import GovernanceError
from placet.gate.reversal import record_asked
from placet.governance.reversals import KEY_PREFIX, REQUESTED, check_reversible, step_key
from placet.service.given import checked
from placet.service.keeping.tenant_record import Said, check_same_body, vouched
from placet.service.runs import StartedRun, own_run, run_id_for
from placet.storage.database import Database
from placet.storage.records import RunRecord
from placet.storage.standing import state_on_record
from placet.storage.transaction import Transaction

if TYPE_CHECKING:  # what reads alone need not load Temporal's SDK
    from placet.engine.client import Engine


def request_reversal(
    database: Database,
    *,
    run_id: str,
    tenant: str,
    requested_by: str,
    reason: str,
    voucher: Voucher | None = None,
    key: str | None = None,
) -> StartedRun:
    """Put on the record that `run_id` shall be reversed, on its own stream and on that of the run which is to do it.

    A reversal that is under way already is returned (`new` is False): it may have been recorded without being started.
    So is the one that the same `key` asked for before, however it ended (`repeated`).

    Raises:
        UsageError: there is no such run, or a value is malformed. Code `idempotency_conflict`: the key stands for
            another request.
        GovernanceError: the run may not be reversed; `code` says why.
    """
    Said.read(requested_by, reason)
    with database.transaction() as tx:
        original = own_run(tx.runs.get(run_id), run_id, tenant)
        earlier = tx.runs.reversals_of(run_id)
        repeated = None if key is None else _asked_before(tx, earlier, requested_by, reason, key)
        if repeated is not None:
            over = state_on_record(tx, repeated) in END_STATES
            return StartedRun(_request_of(repeated), new=False, over=over, repeated=True)
        for reversal in earlier:
            if state_on_record(tx, reversal) not in END_STATES:
                return StartedRun(_request_of(reversal), new=False)
        request = _request(original, f"{KEY_PREFIX}{run_id}/{len(earlier) + 1}", requested_by)
        if not tx.runs.request(request):
            # Somebody else asked in this moment, and was first: their request is the one that stands.
            standing = tx.runs.get(request.run_id)
            return StartedRun(_request_of(standing) if standing else request, new=False)
        # Entries of one stream take turns: who looks for other reversals after adding one sees all that came before it.
        _record(tx, request, run_id, reason, voucher, key)
        others = (other for other in tx.runs.reversals_of(run_id) if other.run_id != request.run_id)
        check_reversible(
            original, state_on_record(tx, original), ((other.run_id, state_on_record(tx, other)) for other in others)
        )
        _hold_documents(tx, original)
    return StartedRun(request, new=True)


def why_not_reversible(database: Database, original: RunRecord) -> str:
    """Return why a run cannot be taken back by another run as things are; empty where nothing is in the way.

    What a reversal reads is not looked at: that it was erased is said to whoever asks for one.
    """
    with database.reading() as tx:
        earlier = [(one.run_id, state_on_record(tx, one)) for one in tx.runs.reversals_of(original.run_id)]
        try:
            check_reversible(original, state_on_record(tx, original), earlier)
        except GovernanceError as error:
            return str(error)
    return ""


async def reverse_run(database: Database, engine: "Engine", asked: StartedRun) -> RunRequest:
    """Start the reversal that `request_reversal` recorded.

    Raises:
        GovernanceError: code `reversal_under_way`; another request for it came first, and its run goes on.
        UpstreamUnavailable: recorded, but Temporal did not start it; asking again starts it.
    """
    if asked.over:
        return asked.request
    if not await engine.start(asked.request) and not asked.new and not asked.repeated:
        with database.reading() as tx:
            standing = tx.runs.get(asked.request.run_id)
        state = standing.state if standing else "analysing"
        raise GovernanceError(
            f"run {asked.request.reverses!r} is being reversed by {asked.request.run_id!r}, which is {spoken(state)}",
            code="reversal_under_way",
        )
    return asked.request


def _hold_documents(tx: Transaction, original: RunRecord) -> None:
    """Make sure that what the reversal reads is there, and that retention sees the request before it could erase it."""
    for digest in (original.assessment, original.proposal):
        if digest is not None and not tx.artifacts.hold(original.tenant, digest):
            erased = tx.erasures.of(original.tenant, [digest]).get(digest)
            what = f"was {erased}" if erased is not None else "is not in the store"
            raise GovernanceError(
                f"run {original.run_id!r} cannot be taken back: what it was based on {what}; "
                "correct it in the billing system",
                code="documents_erased",
            )


def _request(original: RunRequest, key: str, requested_by: str) -> RunRequest:
    with checked():
        return RunRequest(
            run_id=run_id_for(original.tenant, key),
            tenant=original.tenant,
            customer_id=original.customer_id,
            agent=original.agent,
            key=key,
            requested_by=requested_by,
            requested_at=datetime.now(UTC),
            reverses=original.run_id,
        )


def _request_of(record: RunRecord) -> RunRequest:
    return RunRequest(**{name: getattr(record, name) for name in RunRequest.model_fields})


def _asked_before(tx: Transaction, earlier: tuple[RunRecord, ...], by: str, reason: str, key: str) -> RunRecord | None:
    """Find the reversal that was asked for under this key; the record's word for it is on the original's stream."""
    for reversal in earlier:
        entry = tx.audit.find(str(reversal.reverses), step_key(REQUESTED, reversal.run_id))
        if entry is not None and entry.body.get("key") == key:
            check_same_body((entry.actor, entry.body.get("reason")), (by, reason))
            return reversal
    return None


def _record(
    tx: Transaction, request: RunRequest, original_id: str, reason: str, voucher: Voucher | None, key: str | None
) -> None:
    said = {"reversal": request.run_id, "reason": reason, **({} if key is None else {"key": key})}
    record_asked(tx, request, original_id, request.requested_at, vouched(said, voucher))
    wanted = request.model_dump(mode="json", include={"customer_id", "agent", "key", "reverses"})
    body = vouched({**wanted, "reason": reason}, voucher)
    tx.record(request, "run.requested", actor=request.requested_by, at=request.requested_at, body=body)

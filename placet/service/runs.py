"""What every interface does with a run: request, start, find and cancel it.

Interfaces differ in how they ask and show; these functions hold what must not differ.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from placet.contracts.audit import AuditEvent
from placet.contracts.events.kinds import Channel
from placet.contracts.people.access import Voucher
from placet.contracts.run import END_STATES, RunRequest
from placet.errors import UsageError
from placet.governance.reversals import KEY_PREFIX
from placet.governance.signing.canonical import sha256_hex
from placet.service.given import checked, own
from placet.service.keeping.tenant_record import VOUCHED, Said, check_same_body, vouched
from placet.storage.database import Database
from placet.storage.records import RunRecord
from placet.storage.standing import is_over, request_on_record
from placet.storage.transaction import Transaction

if TYPE_CHECKING:  # what reads alone need not load Temporal's SDK
    from placet.engine.client import Engine


@dataclass(frozen=True, slots=True)
class StartedRun:
    """The run a request led to.

    Attributes:
        new: False when the same key had started it before.
        over: It has ended; it is never started again, even if Temporal no longer remembers it.
        repeated: The very same request was sent before, under the same key.
    """

    request: RunRequest
    new: bool
    over: bool = False
    repeated: bool = False


class Carries(NamedTuple):
    """What a run carries out: a version of a strategy, and the channel that its customer would be told on.

    Attributes:
        by: The application that carries it out.
        step: The step of the customer's journey; None where the strategy has none.
    """

    name: str
    version: str
    channel: Channel
    by: str
    step: str | None = None

    def agent(self, given: str | None) -> str:
        """Return the application that carries it out.

        Raises:
            UsageError: code `other_agent`; another one is given.
        """
        if given is not None and given != self.by:
            raise UsageError(f"strategy {self.name!r} is of agent {self.by!r}, not {given!r}", code="other_agent")
        return self.by


def run_id_for(tenant: str, key: str) -> str:
    """Return the run that a key stands for: the same key of the same tenant is the same run."""
    return "run-" + sha256_hex(f"{tenant}/{key}".encode())[:20]


def build_request(
    *,
    tenant: str,
    customer_id: str,
    agent: str,
    requested_by: str,
    key: str | None,
    agents: tuple[str, ...],
    carries: Carries | None = None,
) -> RunRequest:
    """Check what an operator asks for; `carries` is the published strategy that decides.

    Raises:
        UsageError: a value is malformed, or the agent is unknown.
    """
    if agent not in agents:
        raise UsageError(f"unknown agent {agent!r}; known: {', '.join(agents)}", code="unknown_agent")
    run_key = secrets.token_hex(8) if key is None else key
    if run_key.startswith(KEY_PREFIX):
        raise UsageError(f"run key {run_key!r} begins like a reversal's; choose another one, or use `placet reverse`")
    with checked():
        return RunRequest(
            run_id=run_id_for(tenant, run_key),
            tenant=tenant,
            customer_id=customer_id,
            agent=agent,
            key=run_key,
            requested_by=requested_by,
            requested_at=datetime.now(UTC),
            strategy=None if carries is None else carries.version,
            channel=None if carries is None else carries.channel,
            step=None if carries is None else carries.step,
        )


def record_request(database: Database, request: RunRequest, *, voucher: Voucher | None = None) -> StartedRun:
    """Put a request on the record; what was recorded first under its key is what stands.

    Args:
        database: Where the record is.
        request: What is asked for.
        voucher: The token or passkey that vouches for who asks; None where the name is somebody's word.

    Raises:
        UsageError: the key was used for another customer or agent.
    """
    with database.transaction() as tx:
        new, stands = _record(tx, request)
        over = is_over(tx, request.run_id)
        if new and voucher is not None:
            # Not on the run's own stream: a control has no token, and must not be told apart by that.
            vouch = vouched({"run_id": request.run_id}, voucher)
            tx.record_act(request.tenant, VOUCHED, request.requested_by, request.requested_at, request.run_id, vouch)
    return StartedRun(stands, new=new, over=over)


def record_requests(database: Database, requests: Sequence[RunRequest]) -> tuple[RunRequest, ...]:
    """Put several requests of one who asks on the record, in one transaction; what was recorded first stands.

    Raises:
        UsageError: a key was used for another customer or agent; none is recorded then.
    """
    if not requests:
        return ()
    with database.transaction() as tx:
        return tuple(_record(tx, request)[1] for request in requests)


def record_in(tx: Transaction, request: RunRequest) -> RunRequest:
    """Put a request on the record inside a transaction; returns what stands.

    Raises:
        UsageError: its key was used for another customer or agent.
    """
    return _record(tx, request)[1]


def _record(tx: Transaction, request: RunRequest) -> tuple[bool, RunRequest]:
    """Put a request on the record; returns whether it is new, and what stands."""
    new = tx.runs.request(request)
    tx.record(
        request,
        "run.requested",
        actor=request.requested_by,
        at=request.requested_at,
        body=_wanted(request),
    )
    return new, request_on_record(tx, request.run_id) or request


async def start_run(database: Database, engine: "Engine", request: RunRequest) -> StartedRun:
    """Record the request, then start its workflow. Repeating it with the same key is safe at any point.

    Raises:
        ConfigurationError: Temporal serves another installation; nothing was recorded.
        UsageError: the key was used for another customer or agent.
        UpstreamUnavailable: recorded, but Temporal did not start it; the same key starts it later.
    """
    await engine.require_ours()
    recorded = record_request(database, request)
    if recorded.over:
        return recorded
    return StartedRun(recorded.request, new=await engine.start(recorded.request))


_CANCEL: Final = "run.cancel_requested"


def record_cancellation(
    database: Database,
    record: RunRecord,
    by: str,
    reason: str = "",
    *,
    voucher: Voucher | None = None,
    key: str | None = None,
) -> bool:
    """Put on the record who asks for the end of a run, and why: Temporal's cancellation carries no name.

    Args:
        database: Where the record is.
        record: The run.
        by: Who asks.
        reason: Why.
        voucher: The token or passkey that vouches for the name, where one does.
        key: The same key of a run is the same request, however often it is sent; None: each time another one.

    Returns:
        Whether the run is still to be cancelled; False where the same key asked before, and nothing is left to cancel.

    Raises:
        UsageError: the run has ended, or a value is malformed. Code `idempotency_conflict`: the key stands for another
            request.
    """
    said = Said.read(by, reason)
    if key is not None and _asked_before(database, record, said, key):
        return record.state not in END_STATES | {"unknown_outcome"}
    if record.state in END_STATES:
        raise UsageError(
            f"run {record.run_id!r} is {record.state!r} and not running; there is nothing to cancel", code="not_running"
        )
    if record.state == "unknown_outcome":
        raise UsageError(
            f"run {record.run_id!r} waits for a person to settle what happened; use `placet settle`", code="not_running"
        )
    body = vouched({"state": record.state, "reason": said.reason, **({} if key is None else {"key": key})}, voucher)
    with database.transaction() as tx:
        for step in _steps(key):
            noted = tx.record(record, _CANCEL, actor=said.by, at=datetime.now(UTC), body=body, key=step)
            # The same request may have been recorded since it was looked for.
            if noted.ours or _is_same(noted.event, said, key):
                break
    return True


def _asked_before(database: Database, run: RunRecord, said: Said, key: str) -> bool:
    with database.reading() as tx:
        found = [tx.audit.find(run.run_id, step) for step in _steps(key)]
    return any(entry is not None and _is_same(entry, said, key) for entry in found)


def _steps(key: str | None) -> tuple[str, str]:
    """Return the step keys of a cancellation: of the first that is asked for, and of a later one under `key`."""
    return _CANCEL, f"{_CANCEL}.{secrets.token_hex(12) if key is None else sha256_hex(key.encode())[:24]}"


def _is_same(entry: AuditEvent, said: Said, key: str | None) -> bool:
    """Return whether an entry is of a request under `key`.

    Raises:
        UsageError: code `idempotency_conflict`; it is, and somebody else asked, or for another reason.
    """
    if key is None or entry.body.get("key") != key:
        return False
    check_same_body((entry.actor, entry.body.get("reason")), (said.by, said.reason))
    return True


def _wanted(request: RunRequest) -> dict[str, Any]:
    wanted = {"customer_id": request.customer_id, "agent": request.agent, "key": request.key}
    more = {name: getattr(request, name) for name in ("reverses", "strategy", "channel", "step")}
    return {**wanted, **{name: value for name, value in more.items() if value is not None}}


def find_run(database: Database, run_id: str, tenant: str) -> RunRecord:
    """Find the run's record; another tenant's run does not exist here.

    Raises:
        UsageError: there is none.
    """
    with database.reading() as tx:
        record = tx.runs.get(run_id)
    return own_run(record, run_id, tenant)


def own_run(record: RunRecord | None, run_id: str, tenant: str) -> RunRecord:
    """Return the run that was looked up in a transaction of the caller's, as `find_run` does."""
    return own(record, tenant, f"no run {run_id!r}; see `placet run list`", "unknown_run")

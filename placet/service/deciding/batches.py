"""Batch decisions, as every interface makes them: sign once what was chosen, and send each run its own share.

What is shown before the signature and what is signed come from one `PreparedBatch`, so that they cannot differ.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from placet.contracts.base import Frozen, RunId, first_fault
from placet.contracts.people.batch import Batch, BatchMember
from placet.errors import DecisionRefused, PlacetError, UpstreamUnavailable, UsageError
from placet.governance.batches import BatchedDecision, MemberTree, sign_batch, signed_part
from placet.governance.signing.keys import SigningKey
from placet.governance.signing.signed import DOCUMENT_MEDIA_TYPE, document_statement, verify_document
from placet.service.deciding.batch_choice import PreparedBatch
from placet.service.deciding.decisions import deliver_decision, review_outcome, take_envelope
from placet.service.given import checked
from placet.service.keeping.tenant_record import take_document
from placet.service.runs import find_run
from placet.storage.database import Database
from placet.storage.records import RunRecord
from placet.storage.transaction import Transaction

if TYPE_CHECKING:  # what reads alone need not load Temporal's SDK
    from placet.engine.client import Engine

SIGNED: Final = "batch.signed"
MOST_HANDED_IN = 1000
"""Runs of one batch that may be handed in as one file."""

_AT_ONCE = 16
"""How many signals are under way to Temporal at a time."""
_POLL_SECONDS = 0.05
_SEND_SECONDS = 30.0
_REST = 4
"""How much longer to rest than a look at all that is missing took: the workers need the database more."""


@dataclass(frozen=True, slots=True)
class MemberOutcome:
    """What became of one run's share.

    Attributes:
        code: `accepted`, the code it was refused or not delivered with, or None while no worker has reviewed it.
        delivered: False when it did not reach the run: the same decision may be sent again.
    """

    run_id: str
    code: str | None
    detail: str = ""
    delivered: bool = True


def sign_prepared(prepared: PreparedBatch, *, tenant: str, signer: str, reason: str, key: SigningKey) -> dict[str, str]:
    """Sign once; returns for each run id the line of JSON to send it.

    Raises:
        UsageError: the signer's name or the reason is malformed.
    """
    batch, tree = draft_batch(prepared, tenant=tenant, signer=signer, reason=reason)
    return sign_batch(batch, tree, key.private, key.key_id)


def draft_batch(prepared: PreparedBatch, *, tenant: str, signer: str, reason: str) -> tuple[Batch, MemberTree]:
    """Return what is signed once for all that was chosen, and the tree over them.

    What each run is sent of the signed batch, `placet.governance.batches.shares` says; the bytes that are signed,
    `batch_statement`.

    Raises:
        UsageError: the signer's name or the reason is malformed.
    """
    tree = MemberTree([BatchMember(run_id=one.record.run_id, proposal=one.digest) for one in prepared.choices])
    with checked():
        batch = Batch(
            tenant=tenant,
            signer=signer,
            signed_at=datetime.now(UTC),
            document_id=secrets.token_hex(16),
            reason=reason,
            verdict=prepared.verdict,
            size=tree.size,
            root=tree.root,
            bounds=prepared.bounds,
        )
    return batch, tree


def batch_statement(batch: Batch) -> bytes:
    """Return the bytes that the signer of `batch` signs, with a key or with a passkey."""
    return document_statement(batch)


def read_shares(database: Database, tenant: str, text: str) -> dict[str, str]:
    """Read what `placet approve … --print` wrote for several runs: a line of JSON for each; returns texts by run id.

    Raises:
        UsageError: it is no such file, names a run twice, or has more than `MOST_HANDED_IN` runs.
        DecisionRefused: the lines are not all of one batch.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not 1 <= len(lines) <= MOST_HANDED_IN:
        raise UsageError(f"it must have 1 to {MOST_HANDED_IN} lines, one for each run, not {len(lines)}")
    shares: dict[str, BatchedDecision] = {}
    for number, line in enumerate(lines, 1):
        try:
            share = _Line.model_validate_json(line)
        except ValidationError as error:
            raise UsageError(
                f"line {number} is no share of a signed batch ({first_fault(error)}): it must be the file that "
                "`placet approve … --print` wrote for several runs, as it is"
            ) from error
        if share.run_id in shares:
            raise UsageError(f"line {number} is about run {share.run_id!r}, which has one already")
        shares[share.run_id] = share.decision
    first = next(iter(shares.values())).batch
    if any(one.batch != first for one in shares.values()):
        raise DecisionRefused("the lines are not all of one signed batch", code="mixed_batch")
    return _taken(database, tenant, shares)


def take_shares(database: Database, tenant: str, made: Mapping[str, str]) -> dict[str, str]:
    """Return the shares of a batch that was signed here, as they are delivered; `made` are texts by run id.

    Raises:
        UsageError: there is no such run.
        DecisionRefused: nobody enrolled signed them, or one is about another proposal.
    """
    return _taken(
        database, tenant, {run_id: BatchedDecision.model_validate_json(text) for run_id, text in made.items()}
    )


def _taken(database: Database, tenant: str, shares: Mapping[str, BatchedDecision]) -> dict[str, str]:
    return {
        run_id: take_envelope(database, find_run(database, run_id, tenant), one, signed_here=True)
        for run_id, one in shares.items()
    }


class _Line(Frozen):
    run_id: RunId
    decision: BatchedDecision


def record_batch(database: Database, tenant: str, decision: str) -> Batch:
    """Put a signed batch on the tenant's record, given one run's share of it.

    Raises:
        DecisionRefused: its signature does not count here: no run would accept it.
    """
    return take_document(database, tenant, signed_part(decision), "batch.refused", _take)


def _take(tx: Transaction, text: str, tenant: str, now: datetime) -> Batch:
    verified = verify_document(text, Batch, tenant=tenant, now=now, find_key=tx.approvers.get)
    batch = verified.document
    tx.artifacts.put(tenant, DOCUMENT_MEDIA_TYPE, text.encode())
    body = {**batch.model_dump(mode="json"), "envelope": verified.digest}
    # Not under its document id, which the signer chooses: a second batch of the same id is another signature.
    tx.record_act(tenant, SIGNED, batch.signer, now, verified.digest, body)
    return batch


async def deliver_batch(
    database: Database,
    engine: "Engine",
    records: Sequence[RunRecord],
    shares: Mapping[str, str],
    wait: float,
    *,
    sent: Callable[[], None] = lambda: None,
    all_sent: Callable[[], None] = lambda: None,
) -> tuple[MemberOutcome, ...]:
    """Send every run its share, then wait for the reviews.

    Args:
        database: Where the reviews come on the record.
        engine: Temporal.
        records: The runs that are sent theirs.
        shares: What each is sent, by run id; the reviews of all of them are waited for.
        wait: How many seconds to wait after the last review seen.
        sent: Is called after each.
        all_sent: Is called before the reviews are waited for.

    Returns:
        One outcome for each run, in the order of `shares`. What failed for one run kept nothing from the others.
    """
    outcomes: dict[str, MemberOutcome] = {}
    free = asyncio.Semaphore(_AT_ONCE)

    async def send(record: RunRecord) -> None:
        async with free:
            try:
                await _sent(database, engine, record, shares[record.run_id])
            except PlacetError as error:
                refused = isinstance(error, UsageError)
                outcomes[record.run_id] = MemberOutcome(record.run_id, error.code, str(error), delivered=refused)
            await asyncio.to_thread(sent)

    await asyncio.gather(*(send(record) for record in records))
    await asyncio.to_thread(all_sent)
    await _reviews(database, shares, outcomes, wait)
    return tuple(outcomes.get(run_id, MemberOutcome(run_id, None)) for run_id in shares)


async def _sent(database: Database, engine: "Engine", record: RunRecord, share: str) -> None:
    from temporalio.service import RPCError  # noqa: PLC0415 - what reads alone need not load Temporal's SDK

    try:
        async with asyncio.timeout(_SEND_SECONDS):
            await deliver_decision(database, engine, record, share)
    except RPCError as error:
        raise UpstreamUnavailable(
            f"Temporal did not take the request ({error.status.name}); try again", code="engine_unavailable"
        ) from error
    except TimeoutError as error:
        raise UpstreamUnavailable("Temporal did not answer in time", code="engine_unavailable") from error


async def _reviews(
    database: Database, shares: Mapping[str, str], outcomes: dict[str, MemberOutcome], wait: float
) -> None:
    """Fill in `outcomes` of the runs that have none, until all are there or none came for `wait` seconds."""
    clock = asyncio.get_running_loop().time
    seen = clock()
    while missing := [run_id for run_id in shares if run_id not in outcomes]:
        began = clock()
        found = await asyncio.to_thread(_answered, database, shares, missing)
        if found:
            outcomes |= found
            seen = clock()
        if clock() > seen + wait:
            return
        await asyncio.sleep(max(_POLL_SECONDS, _REST * (clock() - began)))


def _answered(database: Database, shares: Mapping[str, str], run_ids: Sequence[str]) -> dict[str, MemberOutcome]:
    answers = {run_id: review_outcome(database, run_id, shares[run_id]) for run_id in run_ids}
    return {run_id: MemberOutcome(run_id, *answer) for run_id, answer in answers.items() if answer is not None}

"""How an attempt at an effect ends: settled, refused or failed, held for a person, or left to the next attempt.

Each ending puts the ledger, the record and the run in one transaction.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from temporalio.exceptions import ApplicationError

from activities.effect_sends import DOUBTED, WAITING, Sends, record_not_sent
from activities.resources import WorkerResources
from placet.contracts.audit import RecordKind
from placet.contracts.billing import SourceCall
from placet.contracts.proposal import Proposal
from placet.contracts.receipt import ExecutionResult, Receipt
from placet.contracts.run import ExecuteInput
from placet.errors import PlacetError, PluginError, UpstreamUnavailable
from placet.gate.context import end, milliseconds_since
from placet.gate.reversal import mark_reversed
from placet.plugin_api.protocols import Confirmation
from placet.storage.records import Claim
from placet.storage.transaction import Transaction

TAKEN_OVER = "another attempt has taken this effect over"
# How long an approved effect waits for a system to which nothing could be sent.
_NEVER_SENT_PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at one effect.

    Attributes:
        claim: What the ledger answered.
        sends: The requests of earlier attempts.
        began: Monotonic time of the claim, in seconds.
        calls: The exchanges of this attempt; it grows.
    """

    effect: ExecuteInput
    proposal: Proposal
    key: str
    holder: str
    claim: Claim
    sends: Sends
    began: float
    calls: list[SourceCall]

    def trace(self) -> dict[str, Any]:
        """Return what this attempt exchanged, and for how long it went on."""
        return {
            "attempt": self.claim.attempts,
            "calls": [call.model_dump(mode="json") for call in self.calls],
            "duration_ms": milliseconds_since(self.began),
        }


class Closing:
    """The endings of an attempt."""

    def __init__(self, context: WorkerResources) -> None:
        self._context = context

    def take_back(self, attempt: Attempt, error: PluginError) -> None:
        """Give back the number of a request that this attempt counted and of which no byte left."""
        context = self._context
        with context.database.transaction() as tx:
            tx.effects.not_sent(attempt.key, holder=attempt.holder)
            record_not_sent(tx, attempt.effect.run, attempt.key, attempt.holder, str(error), context.clock())

    def not_sent(self, attempt: Attempt, error: UpstreamUnavailable) -> ExecutionResult:
        """Try again soon, since nothing left in this attempt; or fail when no attempt ever could."""
        context, now = self._context, self._context.clock()
        if attempt.sends.count == 0 and now - attempt.claim.claimed_at > _NEVER_SENT_PATIENCE:
            return self.give_up(attempt, "failed", error)
        body = {"effect_key": attempt.key, "holder": attempt.holder, "detail": str(error), **attempt.trace()}
        with context.database.transaction() as tx:  # nobody needs to wait for this attempt
            tx.effects.release(attempt.key, holder=attempt.holder, now=now)
            key = f"{WAITING}.{attempt.holder}"
            tx.record(attempt.effect.run, WAITING, actor="worker", at=now, key=key, body=body)
        raise error

    def not_looked(self, attempt: Attempt, error: PluginError) -> ExecutionResult:
        """Put the send off while it cannot be read whether the effect exists already; in the end a person must look."""
        waited = self._context.clock() - attempt.claim.claimed_at
        if isinstance(error, UpstreamUnavailable) or waited <= _NEVER_SENT_PATIENCE:
            why = f"it was not sent: whether it exists already could not be read: {error}"
            again = error.retry_after_seconds
            return self.not_sent(attempt, UpstreamUnavailable(why, code=error.code, retry_after_seconds=again))
        return self.hold(attempt, f"no request of it is on our record, and whether it exists cannot be read: {error}")

    def settle(self, attempt: Attempt, confirmed: Confirmation) -> ExecutionResult:
        """Record what the other system confirmed: in one commit the effect happened and the run is over."""
        context, run = self._context, attempt.effect.run
        receipt = Receipt(
            effect_key=attempt.key,
            external_id=confirmed.external_id,
            api=confirmed.api,
            confirmed_by=confirmed.confirmed_by,
            response_sha256=confirmed.response_sha256,
            settled_at=context.clock(),
        )
        result = executed(receipt)
        with context.database.transaction() as tx:
            tx.effects.settle(attempt.key, receipt)
            tx.runs.set_state(
                run.run_id, "executed", at=receipt.settled_at, code=result.code, detail=result.detail, receipt=receipt
            )
            tx.record(
                run,
                "execute.settled",
                actor="plugin:commerce",
                at=receipt.settled_at,
                body={
                    "receipt": receipt.model_dump(mode="json"),
                    "key_shown": confirmed.key_shown,
                    **attempt.trace(),
                },
            )
            end(tx, run, "executed", result.code, result.detail, receipt.settled_at)
            mark_reversed(tx, run, receipt.settled_at)
        return result

    def give_up(
        self,
        attempt: Attempt,
        outcome: Literal["refused", "failed"],
        error: PlacetError,
        *,
        certain: bool = False,
    ) -> ExecutionResult:
        """End the effect: nothing happened under this key and nothing will.

        Where an earlier request may have had its effect, it is held for a person instead.

        `certain` says that the other system has spoken of every earlier request as well.
        """
        if attempt.sends.count > 0 and not certain:
            return self.hold(attempt, f"an earlier answer was lost, and it may not be sent again: {error}")
        detail = str(error)
        with self._context.database.transaction() as tx:
            ours = tx.effects.fail(attempt.key, holder=attempt.holder, code=error.code, detail=detail)
            if ours:
                kind: RecordKind = "execute.refused" if outcome == "refused" else "execute.failed"
                self._note(tx, attempt, kind, code=error.code, detail=detail)
        if not ours:
            raise self.later(attempt, TAKEN_OVER)
        return ExecutionResult(outcome=outcome, code=error.code, detail=detail)

    def hold(self, attempt: Attempt, detail: str) -> ExecutionResult:
        """Hold the effect for a person: nobody here can tell what happened."""
        with self._context.database.transaction() as tx:
            ours = tx.effects.hold_unknown(attempt.key, holder=attempt.holder, detail=detail)
            if ours:
                self._note(tx, attempt, "execute.unknown", detail=detail)
        if not ours:
            raise self.later(attempt, TAKEN_OVER)
        return ExecutionResult(outcome="unknown_outcome", code="outcome_unknown", detail=detail)

    def _note(self, tx: Transaction, attempt: Attempt, kind: RecordKind, **facts: str) -> None:
        body = {"effect_key": attempt.key, **facts, **attempt.trace()}
        tx.record(attempt.effect.run, kind, actor="worker", at=self._context.clock(), body=body)

    def later(
        self,
        attempt: Attempt,
        why: str,
        error: PluginError | None = None,
        doubted: dict[str, object] | None = None,
    ) -> ApplicationError:
        """Say on the record and on the run why the effect is open still, and when the next attempt looks."""
        context, run = self._context, attempt.effect.run
        hint = error.retry_after_seconds if error is not None else None
        # After the lease; and some ten times while the other system may still book what it was sent.
        wait = max(context.effect_lease_seconds + 1, context.effect_settle_seconds / 10, hint or 0.0)
        now = context.clock()
        kind: RecordKind = WAITING if doubted is None else DOUBTED
        body = {"effect_key": attempt.key, "holder": attempt.holder, "wait_seconds": math.ceil(wait), "detail": why}
        with context.database.transaction() as tx:
            tx.record(
                run,
                kind,
                actor="worker",
                at=now,
                key=f"{kind}.{attempt.holder}",
                body={**body, **(doubted or {}), **attempt.trace()},
            )
            if not parked(tx, run.run_id):
                tx.runs.set_detail(run.run_id, f"retrying: {why}; looks again in {math.ceil(wait)} s", at=now)
        return ApplicationError(why, type="effect_pending", next_retry_delay=timedelta(seconds=wait))


def parked(tx: Transaction, run_id: str) -> bool:
    """Return whether the run waits for a person, whatever a late attempt has to say."""
    found = tx.runs.get(run_id)
    return found is not None and found.state == "unknown_outcome"


def times(count: int) -> str:
    """Say how often, in words."""
    return "once" if count == 1 else f"{count} times"


def executed(receipt: Receipt) -> ExecutionResult:
    """Make the result that a receipt proves."""
    return ExecutionResult(
        outcome="executed",
        code="executed",
        detail=f"{receipt.api} {receipt.external_id}, confirmed by {receipt.confirmed_by}",
        receipt=receipt,
    )

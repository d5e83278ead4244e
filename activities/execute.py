"""execute: re-check everything, then cause the effect once (docs/adr/0004).

 (1) claim the effect in the ledger: the intent is on disk before anything is sent;
 (2) an earlier attempt may have sent it: ask the other system what it shows;
 (3) re-check approvals or mandate, keys, policy, halts and the customer's state;
 (4) send, once, within the time this attempt owns, unless a halt was placed by then;
 (5) settle the ledger and the record with what came back.
What cannot be known is held for a person, never guessed.
"""

import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.context import Context
from placet.contracts.billing import SourceCall
from placet.contracts.proposal import Proposal
from placet.contracts.receipt import ExecutionResult, Receipt
from placet.contracts.run import ExecuteInput
from placet.errors import (
    GovernanceError,
    NotFound,
    OutcomeUnknown,
    PlacetError,
    PluginError,
    UpstreamRejected,
    UpstreamUnavailable,
)
from placet.gate.contact import check_contact
from placet.gate.context import end, milliseconds_since, record
from placet.gate.controls import refuse_in_ledger
from placet.gate.halting import check_not_halted
from placet.gate.recheck import check_record, refusal
from placet.gate.reversal import mark_reversed
from placet.governance.effects import effect_key
from placet.plugin_api.calls import record_calls
from placet.plugin_api.protocols import Confirmation
from placet.storage.records import Claim

# A request whose answer was lost is sent once more when the other system does not show it, and then never again:
# a system that commits late, or does not show what it committed, must not be asked a third time.
_MAX_SENDS = 2
# How long an approved effect waits for a system to which nothing could be sent.
_NEVER_SENT_PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at one effect. `began` is the monotonic time of the claim, in seconds; `calls` grows."""

    effect: ExecuteInput
    proposal: Proposal
    key: str
    holder: str
    claim: Claim
    began: float
    calls: list[SourceCall]

    def trace(self) -> dict[str, Any]:
        """What this attempt exchanged, and for how long it went on."""
        return {
            "attempt": self.claim.attempts,
            "calls": [call.model_dump(mode="json") for call in self.calls],
            "duration_ms": milliseconds_since(self.began),
        }


class Execute:
    """The only place from which a mutation leaves."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @activity.defn(name="execute", no_thread_cancel_exception=True)
    def execute(self, effect: ExecuteInput) -> ExecutionResult:
        """Cause the effect, or say plainly why not, or that it cannot be known."""
        with self._context.step(effect.run), record_calls() as calls:
            proposal = self._context.proposal(effect.run, effect.proposal)
            # (1) claim
            attempt = self._claim(effect, proposal, calls)
            status = attempt.claim.status
            if status in ("settled", "failed", "unknown"):
                return self._known(attempt)
            if status == "busy":
                raise self._later("an earlier attempt still owns this effect")
            # (2) read back
            if attempt.claim.sends > 0:
                seen = self._read_back(attempt)
                if seen is not None:
                    return seen
                if attempt.claim.sends >= _MAX_SENDS:
                    return self._hold(attempt, f"it was sent {attempt.claim.sends} times and is not shown")
            # (3) re-check
            try:
                no = refusal(self._context, effect, proposal)
            except UpstreamUnavailable as error:
                return self._not_sent(attempt, error)
            if no is not None:
                return self._give_up(attempt, "refused", no)
            # (4) send, (5) settle
            return self._send(attempt)

    def _claim(self, effect: ExecuteInput, proposal: Proposal, calls: list[SourceCall]) -> Attempt:
        context, run = self._context, effect.run
        key = effect_key(run.run_id, effect.proposal)
        # Of this very attempt: Temporal counts from 1 again when a workflow is reset.
        holder = f"{context.worker}#{activity.info().attempt}.{secrets.token_hex(4)}"
        began = time.monotonic()
        now = context.clock()
        with context.database.transaction() as tx:
            over = tx.runs.is_over(run.run_id)
            claim = tx.effects.claim(
                key,
                tenant=run.tenant,
                run_id=run.run_id,
                proposal=effect.proposal,
                holder=holder,
                now=now,
                lease_seconds=context.effect_lease_seconds,
            )
            if over and claim.status in ("new", "retry", "busy"):
                raise GovernanceError(f"run {run.run_id!r} is over; nothing may be sent for it", code="run_over")
            if any(other.effect_key != key for other in tx.effects.for_run(run.run_id)):
                raise GovernanceError(f"run {run.run_id!r} has another effect; it causes one", code="effect_conflict")
            record(
                tx,
                run,
                "execute.intended",
                actor="worker",
                at=now,
                body={"effect_key": key, "proposal": effect.proposal, "envelopes": list(effect.decisions)},
            )
            tx.runs.set_state(run.run_id, "executing", at=now)
            claim = refuse_in_ledger(tx, run, key, holder, claim, now)
        return Attempt(effect, proposal, key, holder, claim, began, calls)

    def _known(self, attempt: Attempt) -> ExecutionResult:
        """An earlier attempt's answer did not reach the workflow; the ledger and the record still have it."""
        claim = attempt.claim
        if claim.receipt is not None:
            return _executed(claim.receipt)
        if claim.status == "unknown":
            return ExecutionResult(outcome="unknown_outcome", code="outcome_unknown", detail=claim.detail)
        refused = self._context.recorded(attempt.effect.run, "execute.refused") is not None
        return ExecutionResult(
            outcome="refused" if refused else "failed", code=claim.code or "failed", detail=claim.detail
        )

    def _read_back(self, attempt: Attempt, *, just_sent: bool = False) -> ExecutionResult | None:
        """What the other system shows of this effect: settled when it is there, None when it is not."""
        context = self._context
        try:
            found = context.commerce.read_back(
                attempt.proposal.mutation, attempt.key, timeout_seconds=context.mutation_timeout_seconds
            )
        except (UpstreamUnavailable, UpstreamRejected, NotFound, OutcomeUnknown) as error:
            if error.code == "effect_failed":  # the other system recorded it and says that it did not happen
                return self._give_up(attempt, "failed", error)
            if just_sent or attempt.claim.attempts < context.effect_attempts:
                raise self._later(f"sent, and the read-back failed: {error}") from error
            return self._hold(attempt, f"it may or may not have happened: {error}")
        return self._settle(attempt, found) if found is not None else None

    def _send(self, attempt: Attempt) -> ExecutionResult:
        context = self._context
        owned = context.effect_lease_seconds - (time.monotonic() - attempt.began)
        if owned < 2 * context.mutation_timeout_seconds:
            raise self._later("the checks took too long to send within this attempt")
        try:
            with context.database.transaction() as tx:
                check_not_halted(tx, attempt.proposal, for_sending=True)
                # Reading the customer's state took a while: whatever was withdrawn meanwhile must bite, too.
                check_record(context, tx, attempt.effect, attempt.proposal)
                check_contact(context, tx, attempt.proposal, context.clock())
                ours = tx.effects.sending(attempt.key, holder=attempt.holder, now=context.clock())
        except GovernanceError as error:
            return self._give_up(attempt, "refused", error)
        if not ours:
            raise self._later("another attempt has taken this effect over")
        try:
            confirmed = context.commerce.perform(
                attempt.proposal.mutation, attempt.key, timeout_seconds=context.mutation_timeout_seconds
            )
        except OutcomeUnknown as error:
            # Seeing the effect settles it; not seeing it proves nothing until this attempt's lease is over.
            seen = self._read_back(attempt, just_sent=True)
            if seen is not None:
                return seen
            raise self._later(str(error)) from error
        except UpstreamUnavailable as error:
            return self._not_sent(attempt, error, counted=True)
        except PluginError as error:
            return self._give_up(attempt, "failed", error)
        return self._settle(attempt, confirmed)

    def _not_sent(self, attempt: Attempt, error: UpstreamUnavailable, *, counted: bool = False) -> ExecutionResult:
        """Nothing left in this attempt: try again soon, or fail when no attempt ever could."""
        context, now = self._context, self._context.clock()
        if attempt.claim.sends == 0 and now - attempt.claim.claimed_at > _NEVER_SENT_PATIENCE:
            return self._give_up(attempt, "failed", error)
        with context.database.transaction() as tx:  # nobody needs to wait for this attempt
            tx.effects.release(attempt.key, holder=attempt.holder, now=now, unsent=counted)
        raise error

    def _settle(self, attempt: Attempt, confirmed: Confirmation) -> ExecutionResult:
        context, run = self._context, attempt.effect.run
        receipt = Receipt(
            effect_key=attempt.key,
            external_id=confirmed.external_id,
            api=confirmed.api,
            confirmed_by=confirmed.confirmed_by,
            response_sha256=confirmed.response_sha256,
            settled_at=context.clock(),
        )
        result = _executed(receipt)
        # One commit says that the effect happened and that the run is over: neither is ever seen without the other.
        with context.database.transaction() as tx:
            tx.effects.settle(attempt.key, receipt)
            tx.runs.set_state(
                run.run_id, "executed", at=receipt.settled_at, code=result.code, detail=result.detail, receipt=receipt
            )
            record(
                tx,
                run,
                "execute.settled",
                actor="plugin:commerce",
                at=receipt.settled_at,
                body={"receipt": receipt.model_dump(mode="json"), **attempt.trace()},
            )
            end(tx, run, "executed", result.code, result.detail, receipt.settled_at)
            mark_reversed(tx, run, receipt.settled_at)
        return result

    def _give_up(self, attempt: Attempt, outcome: Literal["refused", "failed"], error: PlacetError) -> ExecutionResult:
        """Nothing happened, and nothing will under this key; unless an earlier request's answer was lost."""
        if attempt.claim.sends > 0 and error.code != "effect_failed":
            return self._hold(attempt, f"an earlier answer was lost, and it may not be sent again: {error}")
        context, detail = self._context, str(error)
        with context.database.transaction() as tx:
            if not tx.effects.fail(attempt.key, holder=attempt.holder, code=error.code, detail=detail):
                raise self._later("another attempt has taken this effect over")
            record(
                tx,
                attempt.effect.run,
                f"execute.{outcome}",
                actor="worker",
                at=context.clock(),
                body={"effect_key": attempt.key, "code": error.code, "detail": detail, **attempt.trace()},
            )
        return ExecutionResult(outcome=outcome, code=error.code, detail=detail)

    def _hold(self, attempt: Attempt, detail: str) -> ExecutionResult:
        """Nobody here can tell what happened: a person must."""
        context = self._context
        with context.database.transaction() as tx:
            if not tx.effects.hold_unknown(attempt.key, holder=attempt.holder, detail=detail):
                raise self._later("another attempt has taken this effect over")
            record(
                tx,
                attempt.effect.run,
                "execute.unknown",
                actor="worker",
                at=context.clock(),
                body={"effect_key": attempt.key, "detail": detail, **attempt.trace()},
            )
        return ExecutionResult(outcome="unknown_outcome", code="outcome_unknown", detail=detail)

    def _later(self, why: str) -> ApplicationError:
        after = timedelta(seconds=self._context.effect_lease_seconds + 1)
        return ApplicationError(why, type="effect_pending", next_retry_delay=after)


def _executed(receipt: Receipt) -> ExecutionResult:
    return ExecutionResult(
        outcome="executed",
        code="executed",
        detail=f"{receipt.api} {receipt.external_id}, confirmed by {receipt.confirmed_by}",
        receipt=receipt,
    )

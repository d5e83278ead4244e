"""execute: re-check everything, then cause the effect once (docs/adr/0004).

 (1) claim the effect in the ledger: the intent is on disk before anything is sent;
 (2) an earlier attempt may have sent it: ask the other system what it shows, and how sure that is. It is asked before
     the first request as well, since who owns the database can take away that one left;
 (3) re-check approvals or mandate, keys, policy, halts and the customer's state;
 (4) count the send in the ledger and on the record, then send, within the time this attempt owns;
 (5) settle the ledger and the record with what came back.
What cannot be known is held for a person, never guessed, and never sent again.
"""

import secrets
import time

from temporalio import activity

from activities.effect_closing import TAKEN_OVER, Attempt, Closing, executed, times
from activities.effect_sends import Sends, doubt, record_sending, sends_on_record
from activities.resources import WorkerResources, read_in_time
from placet.contracts.billing import SourceCall
from placet.contracts.proposal import Proposal
from placet.contracts.receipt import ExecutionResult
from placet.contracts.run import ExecuteInput
from placet.errors import GovernanceError, OutcomeUnknown, PluginError, UpstreamRejected, UpstreamUnavailable
from placet.gate.contact import check_contact
from placet.gate.controls import refuse_in_ledger
from placet.gate.sending.ledger import borne_out
from placet.gate.sending.read_back import newest_known
from placet.gate.sending.recheck import check_record, refusal
from placet.gate.strategies.charging import charge_budget
from placet.governance.effects import effect_key
from placet.network.deadline import within
from placet.plugin_api.calls import record_calls
from placet.plugin_api.protocols import Sighting
from placet.plugin_api.sending import CountedSend, counted_send
from placet.storage.standing import is_over
from placet.storage.transaction import Transaction

_CONFLICT = 409
_SHOWS_OUR_KEY = frozenset({"duplicate_effect", "effect_mismatch", "effect_failed", "effect_pending"})
"""Codes of a read-back that found a record with the effect's key."""
_SHOWS_NOTHING = frozenset({"not_found", "not_supported"})
"""Codes of a system that has no such listing at all."""


class Execute:
    """The only place from which a mutation leaves."""

    def __init__(self, context: WorkerResources) -> None:
        self._context = context
        self._closing = Closing(context)

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
                raise self._closing.later(attempt, "an earlier attempt still owns this effect")
            # (2) read back
            seen = self._look(attempt) if attempt.sends.count > 0 else self._look_first(attempt)
            if seen is not None:
                return seen
            # (3) re-check
            try:
                with read_in_time():
                    no = refusal(self._context, effect, proposal)
            except UpstreamUnavailable as error:
                return self._closing.not_sent(attempt, error)
            if no is not None:
                return self._closing.give_up(attempt, "refused", no)
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
            over = is_over(tx, run.run_id)
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
            intended = tx.record(
                run,
                "execute.intended",
                actor="worker",
                at=now,
                body={"effect_key": key, "proposal": effect.proposal, "envelopes": list(effect.decisions)},
            ).event
            tx.runs.set_state(run.run_id, "executing", at=now)
            claim = refuse_in_ledger(tx, run, key, holder, claim, now)
            # A first claim of what the record says was intended before: the ledger lost its row, the record did not.
            fresh = claim.status == "new" and intended.at == now
            sends = Sends() if fresh else sends_on_record(tx, run, key, claim.sends, claim.claimed_at)
        return Attempt(effect, proposal, key, holder, claim, sends, began, calls)

    def _known(self, attempt: Attempt) -> ExecutionResult:
        """Return what the ledger and the record still have of an earlier attempt whose answer was lost."""
        claim = attempt.claim
        with self._context.database.reading() as tx:
            effect = tx.effects.get(attempt.key)
            known = effect is not None and borne_out(tx, effect)
        if not known:
            said = f"the ledger says {claim.status!r}, and nothing on the record does: it may or may not have happened"
            return ExecutionResult(outcome="unknown_outcome", code="ledger_differs", detail=said)
        if claim.receipt is not None:
            return executed(claim.receipt)
        if claim.status == "unknown":
            return ExecutionResult(outcome="unknown_outcome", code="outcome_unknown", detail=claim.detail)
        refused = self._context.recorded(attempt.effect.run, "execute.refused") is not None
        return ExecutionResult(
            outcome="refused" if refused else "failed", code=claim.code or "failed", detail=claim.detail
        )

    def _look_first(self, attempt: Attempt) -> ExecutionResult | None:
        """Look for an effect of which our record knows no request; None where the other system does not show it."""
        try:
            with read_in_time():
                seen = self._read_back(attempt, attempt.sends)
        except PluginError as error:
            if error.code in _SHOWS_OUR_KEY:
                return self._closing.hold(attempt, f"no request of it is on our record, and {error}")
            if error.code in _SHOWS_NOTHING:
                return None  # `placet doctor` says so
            return self._closing.not_looked(attempt, error)
        if seen.confirmation is None:
            return None
        shown = f"{seen.confirmation.api} shows {seen.confirmation.external_id!r} with its key"
        return self._closing.hold(attempt, f"no request of it is on our record, and {shown}; find out who sent it")

    def _look(self, attempt: Attempt) -> ExecutionResult | None:
        """Look for an effect that was sent; return None when it may be sent again."""
        context, sends = self._context, attempt.sends
        unsettled = sends.unsettled(context.clock(), context.effect_settle_seconds)
        try:
            seen = self._read_back(attempt, sends)
            if seen.certainty == "cannot_tell" and not unsettled:
                seen = self._relied_on(attempt, seen)
        except PluginError as error:
            if error.code == "effect_failed":  # the other system recorded it and says that it did not happen
                return self._closing.give_up(attempt, "failed", error, certain=sends.count == 1)
            if unsettled or attempt.claim.attempts < context.effect_attempts:
                raise self._closing.later(attempt, f"sent, and the read-back failed: {error}", error) from error
            return self._closing.hold(attempt, f"it may or may not have happened: {error}")
        if seen.confirmation is not None:
            return self._closing.settle(attempt, seen.confirmation)
        if unsettled:
            raise self._closing.later(attempt, f"sent {times(sends.count)}, not confirmed: {seen.detail}")
        return self._unseen(attempt, seen)

    def _unseen(self, attempt: Attempt, seen: Sighting) -> ExecutionResult | None:
        """Decide about an effect that is not shown and can no longer be booked; None when it may be sent again."""
        sends = attempt.sends
        if seen.certainty != "absent":
            said = f"it was sent {times(sends.count)} and not confirmed: {seen.detail}; it is not sent again"
            return self._closing.hold(attempt, said)
        if sends.count == 1 and sends.last_status == _CONFLICT:
            refused = UpstreamRejected(f"it was answered 409, and {seen.detail}", code="conflict")
            return self._closing.give_up(attempt, "failed", refused, certain=True)
        if sends.count >= self._context.effect_sends:
            return self._closing.hold(attempt, f"it was sent {times(sends.count)} and is not shown")
        return None

    def _read_back(self, attempt: Attempt, sends: Sends) -> Sighting:
        return self._context.commerce.read_back(
            attempt.proposal.mutation,
            attempt.key,
            sent_after=sends.first_at,
            timeout_seconds=self._context.mutation_timeout_seconds,
        )

    def _relied_on(self, attempt: Attempt, seen: Sighting) -> Sighting:
        """Return the same sighting, or `absent` where the other system shows the key of a known effect."""
        context = self._context
        with context.database.reading() as tx:
            known = newest_known(tx, attempt.effect.run.tenant, attempt.proposal.mutation.kind)
        if known is None:
            return seen
        try:
            shown = known.look(context.commerce, context.mutation_timeout_seconds)
        except UpstreamUnavailable:
            raise  # another attempt may ask
        except PluginError:
            return seen
        if shown.certainty != "certain":
            return seen
        # What was read of ours may have been read at a bad moment: it is not there when it is not shown now either.
        again = self._read_back(attempt, attempt.sends)
        if again.certainty != "cannot_tell":
            return again
        said = f"the effect of {known.run_id} is shown with its key, and this one is not"
        return Sighting(certainty="absent", detail=said)

    def _send(self, attempt: Attempt) -> ExecutionResult:
        context = self._context
        owned = context.effect_lease_seconds - (time.monotonic() - attempt.began)
        if owned < 2 * context.mutation_timeout_seconds:
            raise self._closing.later(attempt, "the checks took too long to send within this attempt")
        try:
            with context.database.transaction() as tx:
                # Reading the customer's state took a while: whatever was withdrawn meanwhile must bite, too.
                check_record(context, tx, attempt.effect, attempt.proposal, sending=True)
                check_contact(context, tx, attempt.proposal, context.clock())
                effect = attempt.effect
                charge_budget(context, tx, effect.run, attempt.proposal, effect.proposal, context.clock())
                sent = self._count(tx, attempt)
        except GovernanceError as error:
            return self._closing.give_up(attempt, "refused", error)
        if sent is None:
            raise self._closing.later(attempt, TAKEN_OVER)
        # A process that was stopped since the claim must not send late: no socket outlives what it still owns.
        owned = context.effect_lease_seconds - (time.monotonic() - attempt.began)
        with counted_send() as send, within(owned):
            try:
                confirmed = context.commerce.perform(
                    attempt.proposal.mutation, attempt.key, timeout_seconds=context.mutation_timeout_seconds
                )
            except PluginError as error:
                failure = error
            else:
                return self._closing.settle(attempt, confirmed)
        return self._unconfirmed(attempt, sent, send, failure)

    def _count(self, tx: Transaction, attempt: Attempt) -> Sends | None:
        """Count the request that is about to leave; None where this attempt may not send it."""
        context, now = self._context, self._context.clock()
        most = context.effect_sends
        number = attempt.sends.count + 1
        if number > most or not tx.effects.sending(attempt.key, holder=attempt.holder, now=now, most=most):
            return None
        record_sending(tx, attempt.effect.run, attempt.key, attempt.holder, number, now)
        return Sends(number, attempt.sends.first_at or now, now)

    def _unconfirmed(self, attempt: Attempt, sent: Sends, send: CountedSend, error: PluginError) -> ExecutionResult:
        """Decide what a missing confirmation means from what the transport saw, not from the error alone."""
        if not send.left and not isinstance(error, OutcomeUnknown):
            self._closing.take_back(attempt, error)
            if isinstance(error, UpstreamUnavailable):
                return self._closing.not_sent(attempt, error)
            return self._closing.give_up(attempt, "failed", error)
        if send.refused or error.code == "effect_failed":
            return self._closing.give_up(attempt, "failed", error)
        # Seeing the effect settles it; not seeing it proves nothing yet.
        try:
            seen = self._read_back(attempt, sent)
        except PluginError as unread:
            found = f"the read-back failed: {unread}"
        else:
            if seen.confirmation is not None:
                return self._closing.settle(attempt, seen.confirmation)
            found = seen.detail
        facts = doubt(send, sent.count, str(error))
        raise self._closing.later(attempt, f"sent {times(sent.count)}, not confirmed: {error}; {found}", error, facts)

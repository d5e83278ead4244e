"""The end of a run, or its parking, on the record. Decisions that came too late are recorded as refused."""

from datetime import datetime

from temporalio import activity

from activities.resources import WorkerResources
from placet.contracts.audit import ENDED
from placet.contracts.notification import RunOccasion
from placet.contracts.people.decision import PHASES
from placet.contracts.receipt import Receipt
from placet.contracts.run import Closed, CloseInput, EndState
from placet.contracts.text import NAME, one_line
from placet.contracts.times import moment
from placet.errors import DecisionRefused, PlacetError
from placet.gate.clearing import release
from placet.gate.context import end
from placet.gate.controls import record_outcome
from placet.gate.deciding.review import refuse
from placet.gate.notices import announce
from placet.gate.reversal import mark_reversed
from placet.gate.sending.settlement import end_refusal
from placet.governance.approvals import CLOCK_SKEW
from placet.governance.effects import effect_key
from placet.governance.signing.canonical import sha256_hex
from placet.storage.pending import pending_on_record
from placet.storage.transaction import Transaction

_UNASKED = "its workflow was cancelled in Temporal, and nobody had asked for that on the record"
_EARLY = "its workflow in Temporal took its gate for closed, which stands open until"
_TOLD: dict[EndState, RunOccasion] = {"expired": "expired", "unknown_outcome": "outcome_unknown"}


class CloseRun:
    """The last step of every run."""

    def __init__(self, context: WorkerResources) -> None:
        self._context = context

    @activity.defn(name="close_run", no_thread_cancel_exception=True)
    def close_run(self, close: CloseInput) -> Closed | None:
        """Record the state; settle the effect ledger where a person found out what had happened."""
        with self._context.step(close.run):
            return self.close(close)

    def close(self, close: CloseInput) -> Closed | None:
        """Record the end of a run, or its parking, once what it says was checked.

        Returns:
            How it was recorded, where that is not as it was asked.

        Raises:
            GovernanceError: it says what nobody signed or saw.
        """
        self._check_end(close)
        asked = self._as_asked_for(close)
        stands = self._record(asked) or Closed(state=asked.state, code=asked.code, detail=asked.detail)
        same = (stands.state, stands.code, stands.detail) == (close.state, close.code, close.detail)
        return None if same else stands

    def _as_asked_for(self, close: CloseInput) -> CloseInput:
        """Return the end that may be recorded: cancelled on request, or undecided when its gate's time was over.

        Temporal takes a cancellation from whoever reaches it; ours is on the record before it is sent there. A
        workflow takes the time from Temporal too: whoever answers a task in our stead can move its clock.
        """
        with self._context.database.reading() as tx:
            if close.state == "cancelled" and tx.audit.find(close.run.run_id, "run.cancel_requested") is None:
                return _failed(close, "cancelled_in_temporal", _UNASKED)
            if close.state == "expired":
                closes = pending_on_record(tx, close.run.run_id).gate.expires_at
                if self._context.clock() + CLOCK_SKEW < closes:
                    return _failed(close, "expired_in_temporal", f"{_EARLY} {moment(closes)}")
        return close

    def _check_end(self, close: CloseInput) -> None:
        """Check that the end is borne out: by the ledger, or by the settlement that a person signed.

        Nothing else makes an end out of an effect that nobody saw.

        Raises:
            GovernanceError: it is not; that is on the record, and the run stays where it was.
        """
        if close.settled_by is None and close.state != "executed":
            return
        context, now = self._context, self._context.clock()
        with context.database.transaction() as tx:
            tx.runs.lock(close.run.run_id)
            error = end_refusal(context, tx, close)
            if error is None:
                return
            envelope = close.settled_by.envelope_digest if close.settled_by is not None else ""
            tx.record(
                close.run,
                "run.end_refused",
                key=f"run.end_refused.{close.state}.{error.code}.{envelope}",
                actor="worker",
                at=now,
                body={"state": close.state, "code": error.code, "detail": str(error), "envelope": envelope},
            )
        raise error

    def _record(self, close: CloseInput) -> Closed | None:
        """Put the end, or the parking, on the record with what follows from it.

        Where an end is on record already, only the decisions that came since are added, as refused.

        Returns:
            The end that was on record before; None where there was none.
        """
        context, now = self._context, self._context.clock()
        with context.database.transaction() as tx:
            tx.runs.lock(close.run.run_id)
            ended = tx.audit.find(close.run.run_id, ENDED)
            stands = Closed(**{name: ended.body[name] for name in Closed.model_fields}) if ended is not None else None
            why = "is over" if stands is not None else f"was on its way to {close.state!r}"
            counted = {
                used.decision.envelope_digest
                for phase in PHASES
                for used in tx.decisions.of_run(close.run.run_id, phase)
            }
            for received in close.late:
                if sha256_hex(received.envelope.encode()) in counted:
                    continue  # it was accepted; only the workflow did not hear of it any more
                late = DecisionRefused(f"it arrived too late; the run {why}", code="late")
                refuse(tx, close.run, received, late, now)
            if stands is not None:
                return stands  # by another attempt, or by the step that settled the effect
            if end(tx, close.run, close.state, close.code, close.detail, now).ours:
                self._apply(tx, close, now)
        return None

    def _apply(self, tx: Transaction, close: CloseInput, now: datetime) -> None:
        """Do what the recorded end, or parking, means for the ledger, the run's row and the people around it."""
        if close.state == "unknown_outcome":
            _hold(tx, close)
        self._settle(tx, close)
        tx.runs.set_state(close.run.run_id, close.state, at=now, code=close.code, detail=close.detail)
        record_outcome(tx, close, now)
        self._follow_up(tx, close, now)

    def _follow_up(self, tx: Transaction, close: CloseInput, now: datetime) -> None:
        """Do what follows from the end, in the transaction that records it. What fails is undone and recorded.

        The end itself stands either way: a proposal that cannot be read any more must not keep its run from ending.
        """
        try:
            with tx.savepoint():
                self._tell(tx, close, now)
        except PlacetError as error:
            if error.retryable:
                raise
            body = {"state": close.state, "code": error.code, "detail": str(error)}
            key = f"run.follow_up_failed.{close.state}"
            tx.record(close.run, "run.follow_up_failed", key=key, actor="worker", at=now, body=body)

    def _tell(self, tx: Transaction, close: CloseInput, now: datetime) -> None:
        """Give back what a mandate lent and nothing came of; tell people what they waited for, or are needed for."""
        if close.proposal is None:
            return
        effect = tx.effects.get(effect_key(close.run.run_id, close.proposal))
        if close.state != "unknown_outcome" and (effect is None or effect.status == "failed"):
            release(tx, close.run, close.proposal, now)
        if close.state == "executed":
            mark_reversed(tx, close.run, now)
        occasion = _TOLD.get(close.state)
        if occasion is not None:
            pending = pending_on_record(tx, close.run.run_id)
            announce(self._context, tx, close.run, pending.proposal, pending.gate, occasion, now)

    def _settle(self, tx: Transaction, close: CloseInput) -> None:
        if close.settled_by is None or close.proposal is None:
            return
        key = effect_key(close.run.run_id, close.proposal)
        effect = tx.effects.get(key)
        if effect is None or effect.status in ("settled", "failed"):
            # No attempt reached the ledger, or it was known already what had happened: both stand beside each other.
            return
        receipt = None
        if close.settled_by.verdict == "confirm_executed":
            receipt = Receipt(
                effect_key=key,
                external_id=one_line(close.settled_by.reason, NAME) or "confirmed by a person",
                api="person",
                confirmed_by="person",
                response_sha256=None,
                settled_at=self._context.clock(),
            )
        tx.effects.resolve(key, receipt, by=close.settled_by.approver)


def _failed(close: CloseInput, code: str, detail: str) -> CloseInput:
    return close.model_copy(update={"state": "failed", "code": code, "detail": detail})


def _hold(tx: Transaction, close: CloseInput) -> None:
    """Hold an effect whose attempts were all lost: from here only a person goes on."""
    if close.proposal is None:
        return
    key = effect_key(close.run.run_id, close.proposal)
    effect = tx.effects.get(key)
    if effect is not None and effect.status == "open":
        tx.effects.hold_unknown(key, detail=close.detail)

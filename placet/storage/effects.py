"""The effect ledger (promise 3): intent before the call, outcome after it, and never a guess in between.

    claim ──new──► open ──settle──► settled        (final, the receipt is the proof)
                    │ ├──fail─────► failed         (final, it definitely did not happen)
                    │ └──hold_unknown──► unknown ──resolve──► settled | failed
                    └──lease over, claim ──retry──► open

The table's primary key and single-statement moves make each arrow happen once under any race; triggers keep
settled and failed rows as they are.
"""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, or_, select, update

from placet.contracts.receipt import Receipt
from placet.errors import GovernanceError, UsageError
from placet.storage.records import Claim, EffectRecord, EffectStatus
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.sql.reading import read_as, read_receipt
from placet.storage.tables import EFFECT, RUN

_GET = select(EFFECT).where(EFFECT.c.effect_key == bindparam("id"))
_OF_RUN = select(EFFECT).where(EFFECT.c.run_id == bindparam("run")).order_by(EFFECT.c.claimed_at, EFFECT.c.effect_key)
# By way of the runs at that step, of which there are few: the ledger keeps every effect there ever was.
_UNDER_WAY = (
    select(EFFECT)
    .join(RUN, RUN.c.run_id == EFFECT.c.run_id)
    .where(
        RUN.c.tenant == bindparam("of_tenant"),
        RUN.c.state.in_(("executing", "unknown_outcome")),
        EFFECT.c.status == "open",
        EFFECT.c.sends > 0,
        EFFECT.c.lease_until > bindparam("now"),
    )
    .order_by(EFFECT.c.claimed_at, EFFECT.c.effect_key)
)
_TAKE_OVER = (
    update(EFFECT)
    .where(
        EFFECT.c.effect_key == bindparam("id"),
        EFFECT.c.tenant == bindparam("of_tenant"),
        EFFECT.c.run_id == bindparam("of_run"),
        EFFECT.c.proposal == bindparam("of_proposal"),
        EFFECT.c.status == "open",
        or_(EFFECT.c.lease_until <= bindparam("now"), EFFECT.c.holder == bindparam("claimant")),
    )
    .values(holder=bindparam("claimant"), lease_until=bindparam("until"), attempts=EFFECT.c.attempts + 1)
)
_HELD = update(EFFECT).where(
    EFFECT.c.effect_key == bindparam("id"),
    EFFECT.c.status == "open",
    EFFECT.c.holder == bindparam("claimant"),
)
"""An open effect that the claimant holds."""

_RELEASE = _HELD.values(lease_until=bindparam("now"))
_SENDING = _HELD.where(EFFECT.c.lease_until > bindparam("now"), EFFECT.c.sends < bindparam("most")).values(
    sends=EFFECT.c.sends + 1
)
_NOT_SENT = _HELD.where(EFFECT.c.sends > 0).values(sends=EFFECT.c.sends - 1)
# By way of the newest runs of that state, for which there is an index; the ledger has none by time.
_LATEST_SETTLED = (
    select(EFFECT)
    .join(RUN, RUN.c.run_id == EFFECT.c.run_id)
    .where(RUN.c.tenant == bindparam("of_tenant"), RUN.c.state == "executed", EFFECT.c.status == "settled")
    .order_by(RUN.c.requested_at.desc(), RUN.c.run_id.desc())
    .limit(bindparam("most"))
)
_MOVE = update(EFFECT).where(EFFECT.c.effect_key == bindparam("id"), EFFECT.c.status == bindparam("from_status"))
_MOVE_OWN = _MOVE.where(EFFECT.c.holder == bindparam("claimant"))


class EffectLedger:
    """One row per effect key, `sha256(run id, proposal digest)`. Commit the claim before the call."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(
        self,
        effect_key: str,
        *,
        tenant: str,
        run_id: str,
        proposal: str,
        holder: str,
        now: datetime,
        lease_seconds: float,
    ) -> Claim:
        """Ask to cause the effect; see `Claim` for what each answer permits.

        Args:
            effect_key: Identity of the effect.
            tenant: Whose effect it is.
            run_id: The run that causes it.
            proposal: Digest of the proposal that was approved.
            holder: Names one attempt, not one worker: a holder that claims again gets `retry` at once, which
                is only sound if its own earlier call has ended.
            now: The claimant's clock.
            lease_seconds: Longer than the call can take plus the clocks' skew.

        Raises:
            GovernanceError: code `effect_key_conflict`; the key stands for another run or proposal.
        """
        until = now + timedelta(seconds=lease_seconds)
        values: dict[str, object] = {
            "effect_key": effect_key,
            "tenant": tenant,
            "run_id": run_id,
            "proposal": proposal,
            "status": "open",
            "holder": holder,
            "lease_until": until,
            "attempts": 1,
            "sends": 0,
            "claimed_at": now,
            "detail": "",
        }
        if insert_if_absent(self._connection, EFFECT, values):
            return Claim(status="new", receipt=None, attempts=1, sends=0, claimed_at=now, lease_until=until)
        identity = {"id": effect_key, "of_tenant": tenant, "of_run": run_id, "of_proposal": proposal}
        taken = {**identity, "claimant": holder, "now": now, "until": until}
        retry = self._connection.execute(_TAKE_OVER, taken).rowcount == 1
        record = self._existing(effect_key)
        if (record.tenant, record.run_id, record.proposal) != (tenant, run_id, proposal):
            raise GovernanceError(
                f"effect {effect_key!r} belongs to run {record.run_id!r}, not {run_id!r}",
                code="effect_key_conflict",
            )
        return _claim(record, retry=retry)

    def sending(self, effect_key: str, *, holder: str, now: datetime, most: int) -> bool:
        """Count a request that is about to leave; commit before it does.

        Returns:
            Whether `holder` still owns the effect, and fewer than `most` have left. False: it must not send.
        """
        values = {"id": effect_key, "claimant": holder, "now": now, "most": most}
        return self._connection.execute(_SENDING, values).rowcount == 1

    def not_sent(self, effect_key: str, *, holder: str) -> None:
        """Take off a request that `sending` counted for `holder` and of which certainly no byte left."""
        self._connection.execute(_NOT_SENT, {"id": effect_key, "claimant": holder})

    def release(self, effect_key: str, *, holder: str, now: datetime) -> None:
        """End `holder`'s lease early, its call being over with the outcome still open; the next claim is a `retry`."""
        self._connection.execute(_RELEASE, {"id": effect_key, "claimant": holder, "now": now})

    def settle(self, effect_key: str, receipt: Receipt) -> None:
        """Record that the effect happened; the first receipt for the same external resource stands.

        Raises:
            GovernanceError: code `effect_closed`; settled by another resource, failed, or held for a person.
            UsageError: code `unknown_effect`.
        """
        self._close(effect_key, "open", "settled", receipt=receipt)

    def fail(self, effect_key: str, *, holder: str, code: str, detail: str) -> bool:
        """Record that the effect definitely did not happen, and will not.

        Returns:
            Whether it is recorded so. False: another attempt has taken the effect over since, and may have sent it.

        Raises:
            GovernanceError: code `effect_closed`; it is settled, or held for a person.
            UsageError: code `unknown_effect`.
        """
        return self._close(effect_key, "open", "failed", holder=holder, code=code, detail=detail)

    def hold_unknown(self, effect_key: str, *, detail: str, holder: str | None = None) -> bool:
        """Record that nobody can tell whether the effect happened; only `resolve` goes on from here.

        Returns:
            Whether it is recorded so. False: another attempt than `holder` has taken the effect over since.

        Raises:
            GovernanceError: code `effect_closed`; it is known what happened.
            UsageError: code `unknown_effect`.
        """
        return self._close(effect_key, "open", "unknown", holder=holder, code="unknown_outcome", detail=detail)

    def resolve(self, effect_key: str, receipt: Receipt | None, *, by: str) -> None:
        """Settle an unknown outcome on the word of a person: with a receipt it happened, without it did not.

        Raises:
            GovernanceError: code `effect_closed`; it is not held for a person, or was resolved otherwise.
            UsageError: code `unknown_effect`.
        """
        if receipt is None:
            self._close(effect_key, "unknown", "failed", code="confirmed_not_executed", resolved_by=by)
        else:
            self._close(effect_key, "unknown", "settled", receipt=receipt, code="confirmed_executed", resolved_by=by)

    def get(self, effect_key: str) -> EffectRecord | None:
        """Return the effect; None if it was never claimed."""
        row = self._connection.execute(_GET, {"id": effect_key}).mappings().one_or_none()
        return None if row is None else _record(row)

    def for_run(self, run_id: str) -> tuple[EffectRecord, ...]:
        """Return the effects of a run, oldest first."""
        return tuple(_record(row) for row in self._connection.execute(_OF_RUN, {"run": run_id}).mappings())

    def latest_settled(self, tenant: str, most: int) -> tuple[EffectRecord, ...]:
        """Return the effects of the runs of `tenant` that executed last, newest first."""
        values = {"of_tenant": tenant, "most": most}
        return tuple(_record(row) for row in self._connection.execute(_LATEST_SETTLED, values).mappings())

    def under_way(self, tenant: str, now: datetime) -> tuple[EffectRecord, ...]:
        """Return the effects of `tenant` whose request was counted and may still arrive: nobody can call it back."""
        values = {"of_tenant": tenant, "now": now}
        return tuple(_record(row) for row in self._connection.execute(_UNDER_WAY, values).mappings())

    def _existing(self, effect_key: str) -> EffectRecord:
        record = self.get(effect_key)
        if record is None:
            raise UsageError(f"effect {effect_key!r} was never claimed", code="unknown_effect")
        return record

    def _close(
        self,
        effect_key: str,
        from_status: EffectStatus,
        to_status: EffectStatus,
        *,
        receipt: Receipt | None = None,
        holder: str | None = None,
        **fields: str,
    ) -> bool:
        """Move the effect; False where it is still open, and another attempt than `holder` owns it."""
        stored = None if receipt is None else receipt.model_dump_json()
        values: dict[str, object] = {"status": to_status, "receipt": stored, **fields}
        move = _MOVE if holder is None else _MOVE_OWN
        own = {} if holder is None else {"claimant": holder}
        moved = self._connection.execute(move, {"id": effect_key, "from_status": from_status, **own, **values})
        if moved.rowcount == 1:
            return True
        record = self._existing(effect_key)
        if record.status == to_status and _resource(record.receipt) == _resource(receipt):
            return True
        if record.status == from_status:
            return False
        raise GovernanceError(
            f"effect {effect_key!r} is {record.status!r}; it cannot become {to_status!r}",
            code="effect_closed",
        )


def _resource(receipt: Receipt | None) -> tuple[str, str] | None:
    return None if receipt is None else (receipt.api, receipt.external_id)


def _claim(record: EffectRecord, *, retry: bool) -> Claim:
    status = record.status
    return Claim(
        status=("retry" if retry else "busy") if status == "open" else status,
        receipt=record.receipt,
        attempts=record.attempts,
        sends=record.sends,
        claimed_at=record.claimed_at,
        lease_until=record.lease_until,
        code=record.code,
        detail=record.detail,
    )


def _record(row: Row) -> EffectRecord:
    name = row["effect_key"]
    return read_as(EffectRecord, EFFECT.name, name, {**row, "receipt": read_receipt(EFFECT.name, name, row["receipt"])})

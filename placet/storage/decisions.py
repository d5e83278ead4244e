"""Accepted decisions, each used once (promise 2). The keys of the table enforce it under any race."""

from sqlalchemy import Connection, bindparam, select

from placet.contracts.decision import AcceptedDecision, Phase, Verdict
from placet.storage.inserts import insert_if_absent
from placet.storage.records import UsedDecision
from placet.storage.tables import DECISION

_SAME = select(DECISION).where(
    DECISION.c.tenant == bindparam("tenant"), DECISION.c.decision_id == bindparam("decision_id")
)
_OF_RUN = select(DECISION).where(DECISION.c.run_id == bindparam("run_id"), DECISION.c.phase == bindparam("phase"))
_SIGNED = tuple(AcceptedDecision.model_fields)


def phase_of(verdict: Verdict) -> Phase:
    """The question a verdict answers: the proposal, or an outcome that could not be known."""
    return "decide" if verdict in ("approve", "reject") else "settle"


class DecisionRepository:
    """Single use of decisions, and one effective decision per run and phase. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def use(self, decision: AcceptedDecision, *, tenant: str, run_id: str, proposal: str) -> bool:
        """Use `decision` up for `proposal` in `run_id`.

        Returns:
            True when it is used now, or was by this very envelope for this run and proposal (a retried step).
            False when it was used elsewhere, or the run already has another decision of its phase.
        """
        own = {"tenant": tenant, "run_id": run_id, "proposal": proposal}
        values: dict[str, object] = {**dict(decision), **own, "phase": phase_of(decision.verdict)}
        if insert_if_absent(self._connection, DECISION, values):
            return True
        same = {"tenant": tenant, "decision_id": decision.decision_id}
        row = self._connection.execute(_SAME, same).mappings().one_or_none()
        return row is not None and (row["run_id"], row["proposal"], row["envelope_digest"]) == (
            run_id,
            proposal,
            decision.envelope_digest,
        )

    def get_for_run(self, run_id: str, phase: Phase = "decide") -> UsedDecision | None:
        """The decision that counts in `phase` of the run, None while there is none."""
        row = self._connection.execute(_OF_RUN, {"run_id": run_id, "phase": phase}).mappings().one_or_none()
        if row is None:
            return None
        return UsedDecision(
            tenant=row["tenant"],
            run_id=row["run_id"],
            phase=row["phase"],
            proposal=row["proposal"],
            decision=AcceptedDecision(**{name: row[name] for name in _SIGNED}),
        )

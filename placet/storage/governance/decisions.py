"""Accepted decisions, each used once (promise 2). The keys of the table enforce it under any race."""

from collections.abc import Sequence

from sqlalchemy import and_, bindparam, null, select

from placet.contracts.people.decision import AcceptedDecision, Phase, phase_of
from placet.storage.records import UsedDecision
from placet.storage.sql.driver import Connection, Row
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.sql.reading import read_as
from placet.storage.tables import ARTIFACT, DECISION

_SAME = select(DECISION).where(
    DECISION.c.tenant == bindparam("tenant"), DECISION.c.decision_id == bindparam("decision_id")
)
_SIGNED_ROWS = select(DECISION, ARTIFACT.c.data.label("envelope")).select_from(
    DECISION.outerjoin(
        ARTIFACT, and_(ARTIFACT.c.digest == DECISION.c.envelope_digest, ARTIFACT.c.tenant == DECISION.c.tenant)
    )
)
_OF_RUN = _SIGNED_ROWS.where(DECISION.c.run_id == bindparam("run_id"), DECISION.c.phase == bindparam("phase")).order_by(
    DECISION.c.decided_at, DECISION.c.decision_id
)
_ON_PROPOSAL = _SIGNED_ROWS.where(
    DECISION.c.run_id == bindparam("run_id"),
    DECISION.c.phase == bindparam("phase"),
    DECISION.c.proposal == bindparam("proposal"),
).order_by(DECISION.c.place)
_OF_RUNS = (
    select(DECISION, null().label("envelope"))
    .where(DECISION.c.tenant == bindparam("tenant"), DECISION.c.run_id.in_(bindparam("run_ids", expanding=True)))
    .order_by(DECISION.c.decided_at, DECISION.c.decision_id)
)
_SIGNED = tuple(AcceptedDecision.model_fields)


class DecisionRepository:
    """Single use of decisions, and their places on a proposal. Use it inside a transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def use(self, decision: AcceptedDecision, *, tenant: str, run_id: str, place: int) -> bool:
        """Use `decision` up as the `place`-th one (from 1) on its proposal in `run_id`.

        Returns:
            True when it is used now, or was by this very envelope for this run and proposal (a retried step).
            False when it was used elsewhere, the key has said this of the proposal before, or the place is taken.
        """
        values: dict[str, object] = {
            **dict(decision),
            "roles": " ".join(decision.roles),
            "tenant": tenant,
            "run_id": run_id,
            "phase": phase_of(decision.verdict),
            "place": place,
        }
        if insert_if_absent(self._connection, DECISION, values):
            return True
        same = {"tenant": tenant, "decision_id": decision.decision_id}
        row = self._connection.execute(_SAME, same).mappings().one_or_none()
        return row is not None and (row["run_id"], row["proposal"], row["envelope_digest"]) == (
            run_id,
            decision.proposal,
            decision.envelope_digest,
        )

    def on_proposal(self, run_id: str, proposal: str, phase: Phase = "decide") -> tuple[UsedDecision, ...]:
        """Return the rows of what was accepted on one proposal in `phase`, by place; not proven."""
        wanted = {"run_id": run_id, "phase": phase, "proposal": proposal}
        return tuple(_used(row) for row in self._connection.execute(_ON_PROPOSAL, wanted).mappings())

    def of_runs(self, tenant: str, run_ids: Sequence[str]) -> dict[str, tuple[AcceptedDecision, ...]]:
        """Read what was accepted in each of these runs of `tenant`, oldest first, in both phases; not proven."""
        found: dict[str, tuple[AcceptedDecision, ...]] = {}
        if run_ids:
            rows = self._connection.execute(_OF_RUNS, {"tenant": tenant, "run_ids": list(run_ids)}).mappings()
            for used in map(_used, rows):
                found[used.run_id] = (*found.get(used.run_id, ()), used.decision)
        return found

    def of_run(self, run_id: str, phase: Phase = "decide") -> tuple[UsedDecision, ...]:
        """Return the rows of all decisions accepted in `phase` of the run, oldest first; not proven.

        Those on proposals that were amended since are included.
        """
        rows = self._connection.execute(_OF_RUN, {"run_id": run_id, "phase": phase}).mappings()
        return tuple(_used(row) for row in rows)


def _used(row: Row) -> UsedDecision:
    fields, data = {name: row[name] for name in _SIGNED}, row["envelope"]
    signed = {**fields, "roles": tuple(row["roles"].split())}
    return UsedDecision(
        tenant=row["tenant"],
        run_id=row["run_id"],
        phase=row["phase"],
        place=row["place"],
        decision=read_as(AcceptedDecision, DECISION.name, row["decision_id"], signed),
        # SQLite keeps text in a column of bytes if somebody writes it there.
        envelope=data.decode(errors="replace") if isinstance(data, bytes) else None,
    )

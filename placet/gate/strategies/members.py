"""Who takes part in a rollout, by the record: one entry for each drawing, with the digest of whom it took down."""

from typing import Final

from placet.contracts.audit import AuditEvent, RecordKind
from placet.gate.strategies.rollout import Authorised, body_of, numbered
from placet.governance.membership import Membership
from placet.storage.transaction import Transaction

DRAWN: Final[RecordKind] = "rollout.drawn"
_WORKER: Final = "worker"


def drawings(tx: Transaction, it: Authorised) -> dict[int, AuditEvent]:
    """Return the entries that say who was drawn, by their numbers, from 1 without gaps."""
    return dict(enumerate(numbered(tx, it, DRAWN), start=1))


def record_drawing(
    tx: Transaction, it: Authorised, number: int, stage: int, taken: Membership, *, so_far: int, seals: str
) -> None:
    """Put on the record whom a drawing took down: their count, and one digest of ids, groups and buckets.

    `so_far` and `seals` are the count of all members by then, and the digest of what was noted of them: outcomes are
    counted of these.
    """
    more = {"so_far": so_far, "seals": seals}
    body = body_of(
        it, number=number, stage=stage, members=len(taken), control=taken.control, digest=taken.digest, **more
    )
    tx.record_act(it.mandate.tenant, DRAWN, _WORKER, it.now, f"{it.version}.{number}", body)

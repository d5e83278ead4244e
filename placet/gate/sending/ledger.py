"""What the record says became of an effect. The ledger's row is a count of it: a row that says more is not believed.

Every ending of an attempt puts the ledger and the record in one transaction, so that a closed row always has its entry.
Whoever writes to the database alone can close a row; what nobody recorded neither ends a run nor lets it be sent again.
"""

from typing import Final

from placet.contracts.audit import ENDED
from placet.storage.records import EffectRecord
from placet.storage.transaction import Transaction

SETTLED: Final = "execute.settled"
_FAILED = ("execute.failed", "execute.refused")
_HELD = ("execute.unknown", "run.parked")
_BY_PERSON = "settled_by_person"


def borne_out(tx: Transaction, effect: EffectRecord) -> bool:
    """Return whether the run's record says of a closed effect what its row says, or a person settled it."""
    run_id = effect.run_id
    ended = tx.audit.find(run_id, ENDED)
    if ended is not None and ended.body.get("code") == _BY_PERSON:
        state = "executed" if effect.status == "settled" else "failed"
        return effect.status == "unknown" or bool(ended.body.get("state") == state)
    if effect.status == "settled":
        entry = tx.audit.find(run_id, SETTLED)
        receipt = None if effect.receipt is None else effect.receipt.model_dump(mode="json")
        return entry is not None and entry.body.get("receipt") == receipt
    if effect.status == "failed":
        entries = (tx.audit.find(run_id, kind) for kind in _FAILED)
        return any(entry is not None and entry.body.get("effect_key") == effect.effect_key for entry in entries)
    return any(tx.audit.find(run_id, kind) is not None for kind in _HELD)


def may_have_left(tx: Transaction, run_id: str) -> bool:
    """Return whether a request of the run left, or may have, and the record has nothing of what became of it."""
    kinds = [entry.kind for entry in tx.audit.read(run_id)]
    if any(kind in kinds for kind in (SETTLED, *_FAILED)):
        return False
    return kinds.count("execute.sending") > kinds.count("execute.not_sent")

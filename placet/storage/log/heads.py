"""Holds a tenant's log to a head that was signed before: it must be that log, or longer."""

from collections.abc import Sequence

from placet.contracts.text import counted
from placet.errors import GovernanceError
from placet.governance.log.chain import BROKEN
from placet.governance.log.checkpoints import Checkpoint, open_checkpoint
from placet.governance.log.merkle import verify_consistency
from placet.governance.log.notes import VerifierKey
from placet.storage.transaction import Transaction


def check_extends(tx: Transaction, tenant: str, signed: Checkpoint) -> None:
    """Make sure that the log of `tenant` extends a head.

    Args:
        tx: A snapshot.
        tenant: Whose log.
        signed: The head, verified by the caller.

    Raises:
        GovernanceError: code `audit_broken`.
    """
    size = tx.log.head(tenant).size
    if signed.size > size:
        raise GovernanceError(
            f"a checkpoint of {counted(signed.size, 'entry', 'entries')} was signed, it has {size}", code=BROKEN
        )
    root = tx.log.frontier(tenant, size).root()
    verify_consistency(signed.size, signed.root, size, root, tx.log.consistency_proof(tenant, signed.size, size))


def head_fault(tx: Transaction, tenant: str, kept: str, keys: Sequence[VerifierKey]) -> str | None:
    """Return why the log of `tenant` is not the one of a head kept outside the database; None where it is."""
    try:
        check_extends(tx, tenant, open_checkpoint(kept, keys))
    except GovernanceError as error:
        return str(error)
    return None

"""The identity of an effect: one run, one exact proposal, one effect (docs/adr/0004)."""

from placet.governance.signing.canonical import digest


def effect_key(run_id: str, proposal_digest: str) -> str:
    """Return the SHA-256 over the run and the proposal digest: the same approval can never mean a second effect."""
    return digest({"run_id": run_id, "proposal": proposal_digest})

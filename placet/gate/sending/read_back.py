"""Whether a read-back can be relied on: an effect that we know to exist must be shown with its key.

"It is not there" means something only where the other system would show it if it were. The effect of the run that
executed last is the proof, and asking for it changes nothing.
"""

from dataclasses import dataclass

from placet.contracts.proposal import Mutation, MutationKind, Proposal
from placet.plugin_api.protocols import MutatePlugin, Sighting
from placet.storage.transaction import Transaction

_LATEST = 20
"""How many of the newest executed runs are looked through for one of the same kind."""


@dataclass(frozen=True, slots=True)
class KnownEffect:
    """An effect that the other system itself confirmed."""

    run_id: str
    effect_key: str
    mutation: Mutation
    external_id: str

    def look(self, commerce: MutatePlugin, timeout_seconds: float) -> Sighting:
        """Ask the other system for it, by its key."""
        return commerce.read_back(self.mutation, self.effect_key, sent_after=None, timeout_seconds=timeout_seconds)


def newest_known(tx: Transaction, tenant: str, kind: MutationKind) -> KnownEffect | None:
    """Return the newest effect of this kind that the other system confirmed; None where there is none."""
    for effect in tx.effects.latest_settled(tenant, _LATEST):
        if effect.receipt is None or effect.receipt.confirmed_by == "person":
            continue
        proposal = tx.artifacts.get_model(effect.proposal, Proposal, tenant=tenant)
        if proposal.mutation.kind == kind:
            return KnownEffect(effect.run_id, effect.effect_key, proposal.mutation, effect.receipt.external_id)
    return None

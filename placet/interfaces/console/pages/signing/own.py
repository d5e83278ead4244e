"""The keys of somebody who is signed in, and the passkeys that they may sign with on this page."""

from placet.contracts.people.approver import EnrolledKey
from placet.interfaces.console.parts import Asked
from placet.service.passkeys import passkeys_of


def own_passkeys(asked: Asked) -> tuple[EnrolledKey, ...]:
    """Return the visitor's passkeys that count now and may be used at this address."""
    if asked.party is None:
        return ()
    served = asked.parts.served
    keys = passkeys_of(served.database, served.tenant, asked.visitor.name, asked.party.origin, asked.now)
    # A browser asks for the passkeys of one party. A key may have been enrolled for a parent domain of this host.
    parties = {key.passkey.rp_id for key in keys if key.passkey is not None}
    party = asked.party.rp_id if asked.party.rp_id in parties else min(parties, default="")
    return tuple(key for key in keys if key.passkey is not None and key.passkey.rp_id == party)


def is_own_key(asked: Asked, key_id: str) -> bool:
    """Return whether it is signed that a key is the visitor's."""
    served = asked.parts.served
    with served.database.reading() as tx:
        key = tx.approvers.get(key_id)
    return key is not None and (key.tenant, key.name) == (served.tenant, asked.visitor.name)

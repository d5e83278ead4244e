"""The passkeys that somebody who is signed in may sign with on this page."""

from placet.contracts.people.approver import EnrolledKey
from placet.interfaces.console.parts import Asked
from placet.service.passkeys import passkeys_of


def own_passkeys(asked: Asked) -> tuple[EnrolledKey, ...]:
    """Return the visitor's passkeys that count now and may be used at this address."""
    if asked.party is None:
        return ()
    served = asked.parts.served
    return passkeys_of(served.database, served.tenant, asked.visitor.name, asked.party.origin, asked.now)

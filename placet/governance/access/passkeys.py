"""What the holder of an enrolled passkey may do in the console: roles of access from the roles that were signed."""

from collections.abc import Iterable
from typing import Final

from placet.contracts.people.access import ACCESS_ROLES, AccessRole

_DECIDES: Final[AccessRole] = "approver"


def access_roles(enrolled: Iterable[str]) -> tuple[AccessRole, ...]:
    """Return the roles of access of a key that an administrator enrolled with these roles.

    `operator`, `auditor`, `administrator` and `approver` are what they are called. Any other role is one that policies
    ask decisions of, and makes its holder an approver: they may look, and hand in what they sign.
    """
    held = set(enrolled)
    decides = bool(held - set(ACCESS_ROLES))
    return tuple(role for role in ACCESS_ROLES if role in held or (decides and role == _DECIDES))

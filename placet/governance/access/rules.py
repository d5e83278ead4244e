"""Who may do what in an installation: the roles of access that a key has, and what Cedar permits them.

The policies ship with Placet, and deny by default.
"""

from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final

import cedarpy

from placet.contracts.people.access import ACCESS_ROLES, AccessRole, Action

PERSONAL: Final = "personal"
"""Area of what tells in the world outside who a customer is; whoever may not read it sees keys masked."""

_FILES: Final = "placet.governance.access"
_DECIDES: Final[AccessRole] = "approver"
_STAFF: Final = {"type": "Role", "id": "staff"}


@lru_cache(maxsize=1024)
def permits(roles: frozenset[AccessRole], action: Action, area: str) -> bool:
    """Return whether any of `roles` may do `action` in an area, e.g. `operate` in `runs`.

    A policy that fails to evaluate means no, as in every policy set of ours (`placet.governance.policy.set`).
    """
    policies, schema = _loaded()
    person, resource = {"type": "Person", "id": "who asks"}, {"type": "Area", "id": area}
    entities: list[dict[str, Any]] = [
        {"uid": person, "attrs": {}, "parents": [_role(role) for role in sorted(roles)]},
        *({"uid": _role(role), "attrs": {}, "parents": [_STAFF]} for role in ACCESS_ROLES),
        {"uid": _STAFF, "attrs": {}, "parents": []},
        {"uid": resource, "attrs": {}, "parents": []},
    ]
    request = {"principal": person, "action": {"type": "Action", "id": action}, "resource": resource}
    try:
        answer = cedarpy.is_authorized(request, policies, entities, schema)
    except ValueError:
        return False
    return bool(answer.allowed) and not answer.diagnostics.errors


def access_roles(enrolled: Iterable[str]) -> tuple[AccessRole, ...]:
    """Return the roles of access of a key that an administrator enrolled with these roles.

    `operator`, `auditor`, `administrator` and `approver` are what they are called. Any other role is one that policies
    ask decisions of, and makes its holder an approver: they may look, and hand in what they sign.
    """
    held = set(enrolled)
    decides = bool(held - set(ACCESS_ROLES))
    return tuple(role for role in ACCESS_ROLES if role in held or (decides and role == _DECIDES))


def _role(role: AccessRole) -> dict[str, str]:
    return {"type": "Role", "id": role}


@cache
def _loaded() -> tuple[cedarpy.PolicySet, cedarpy.Schema]:
    folder = resources.files(_FILES)
    return (
        cedarpy.PolicySet.from_str(folder.joinpath("access.cedar").read_text()),
        cedarpy.Schema.from_str(folder.joinpath("access.cedarschema").read_text()),
    )

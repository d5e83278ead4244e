"""May the holder of a token do this? Cedar's answer under the policies that ship with Placet; denied by default."""

from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final

import cedarpy

from placet.contracts.people.access import ACCESS_ROLES, AccessRole, Action

_FILES: Final = "placet.governance.access"
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


def _role(role: AccessRole) -> dict[str, str]:
    return {"type": "Role", "id": role}


@cache
def _loaded() -> tuple[cedarpy.PolicySet, cedarpy.Schema]:
    folder = resources.files(_FILES)
    return (
        cedarpy.PolicySet.from_str(folder.joinpath("access.cedar").read_text()),
        cedarpy.Schema.from_str(folder.joinpath("access.cedarschema").read_text()),
    )

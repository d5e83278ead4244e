"""Which questions a policy's head can apply to, and which heads cover which (Cedar's scope constraints)."""

import re

from cedarpy import pst

from placet.governance.policy.question import Action

PRINCIPALS: dict[Action, str] = {
    "propose": "Agent",
    "commit": "Agent",
    "promote": "Agent",
    "decide": "Person",
    "authorise": "Person",
    "lift": "Person",
    "merge": "Person",
}
"""What asks each question, as in the schema."""
RESOURCES: dict[Action, str] = {
    "propose": "Proposal",
    "commit": "Proposal",
    "promote": "Stage",
    "decide": "Proposal",
    "authorise": "Mandate",
    "lift": "Halt",
    "merge": "Identity",
}
"""What each question is about, as in the schema."""
_ROLE, _COMMENT = re.compile(r'Role::"([^"]+)"'), re.compile(r"//[^\n]*")
ACTIONS: tuple[Action, ...] = tuple(PRINCIPALS)


def actions(policy: pst.Template) -> frozenset[Action]:
    """Return the questions that a policy can take part in answering."""
    named = _named_actions(policy.action)
    return frozenset(
        action
        for action in ACTIONS
        if action in named and _fits(policy.principal, PRINCIPALS[action]) and _fits(policy.resource, RESOURCES[action])
    )


def roles_in(text: str) -> frozenset[str]:
    """Return the roles that the text of policies names, outside its comments."""
    return frozenset(_ROLE.findall(_COMMENT.sub("", text)))


def unconstrained(constraint: pst.PrincipalOrResourceConstraint) -> bool:
    """Return whether the constraint leaves open which principal or resource it is; a type constrains nothing."""
    return isinstance(constraint, pst.ScopeAny | pst.ScopeIs)


def can_be(constraint: pst.PrincipalOrResourceConstraint, kind: str, name: str) -> bool:
    """Return whether the constraint admits this very principal or resource."""
    if isinstance(constraint, pst.ScopeEq) and isinstance(constraint.entity, pst.EntityUid):
        return str(constraint.entity.type) == kind and constraint.entity.id == name
    return _fits(constraint, kind)


def covers(wide: pst.Template, narrow: pst.Template) -> bool:
    """Return whether the head of `wide` holds wherever that of `narrow` does, in a question both can apply to."""
    return _covers(wide.principal, narrow.principal) and _covers(wide.resource, narrow.resource)


def _named_actions(constraint: pst.ActionConstraint) -> frozenset[str]:
    match constraint:
        case pst.ActionEq(entity):
            return frozenset({entity.id})
        case pst.ActionIn(entities):
            return frozenset(entity.id for entity in entities)
        case _:
            return frozenset(ACTIONS)


def _fits(constraint: pst.PrincipalOrResourceConstraint, wanted: str) -> bool:
    match constraint:
        case pst.ScopeIs(entity_type) | pst.ScopeIsIn(entity_type, _):
            return str(entity_type) == wanted
        case pst.ScopeEq(pst.EntityUid(type=kind)):
            return str(kind) == wanted
        case pst.ScopeIn(pst.EntityUid(type=kind)):
            # Everything is in itself; a role has only persons in it.
            return str(kind) == wanted or (str(kind) == "Role" and wanted == "Person")
        case _:
            return True


def _covers(wide: pst.PrincipalOrResourceConstraint, narrow: pst.PrincipalOrResourceConstraint) -> bool:
    if unconstrained(wide):
        return True
    if unconstrained(narrow):
        return False
    same = _entity(wide) == _entity(narrow)
    return same and not (isinstance(wide, pst.ScopeEq) and not isinstance(narrow, pst.ScopeEq))


def _entity(constraint: pst.PrincipalOrResourceConstraint) -> pst.EntityOrSlot | None:
    return None if isinstance(constraint, pst.ScopeAny | pst.ScopeIs) else constraint.entity

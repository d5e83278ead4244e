"""Which roles policies name."""

from collections.abc import Sequence

from placet.governance.policy.authoring.gate_words import gates
from placet.governance.policy.scope import roles_in
from placet.governance.policy.source import PolicyFile


def roles_named(files: Sequence[PolicyFile]) -> frozenset[str]:
    """Return the roles that the policies in `files` name, in their rules or in their gate terms.

    Raises:
        PolicyError: the files are no policies.
    """
    named = {role for file in files for role in roles_in(file.text)}
    terms = [gate.terms for gate in gates(files)]
    asked = {role for one in terms for role in (*(one.roles or ()), one.escalate_to) if role is not None}
    return frozenset(named | asked)

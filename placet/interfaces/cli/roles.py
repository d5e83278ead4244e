"""Saying that a role was most likely misspelt: what a person types is compared with what the policies name."""

from collections.abc import Sequence

from placet.errors import PlacetError
from placet.interfaces.cli import output
from placet.interfaces.cli.toolbox import Toolbox


def say_unknown(toolbox: Toolbox, role: str) -> None:
    """Say on stderr where nothing can ever wait for `role` as keys and policies are."""
    from placet.service.inbox import held_roles

    named = _named(toolbox)
    known = None if named is None else named | held_roles(toolbox.database(), toolbox.tenant)
    if known is not None and role not in known:
        output.print_notice(f"no key holds role {role!r} and no policy names it; roles: {', '.join(sorted(known))}")


def say_unasked(toolbox: Toolbox, roles: Sequence[str], *, access: bool = False) -> None:
    """Say on stderr which of `roles` no policy names: whoever holds only those is asked for nothing.

    `access`: roles of access mean something as well, as with a passkey, by which people sign in.
    """
    from placet.contracts.people.access import ACCESS_ROLES
    from placet.contracts.people.enrolment import ADMINISTRATOR

    named = _named(toolbox)
    if named is None:
        return
    known = ", ".join(sorted(named)) or "none"
    for role in roles:
        if role not in {*named, ADMINISTRATOR, *(ACCESS_ROLES if access else ())}:
            output.print_notice(f"no policy of {toolbox.tenant!r} names role {role!r}; roles named: {known}")


def _named(toolbox: Toolbox) -> frozenset[str] | None:
    """Return the roles that the policies in force name; None where the policies cannot be read."""
    from placet.governance.policy.authoring.roles import roles_named
    from placet.service.policy_files import read_policy_files

    try:
        files = [file for agent in toolbox.agents for file in read_policy_files(toolbox.policy_path(agent))]
        return roles_named(files)
    except PlacetError:
        return None

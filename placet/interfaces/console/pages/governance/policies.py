"""The policies in force, in words."""

from starlette.responses import RedirectResponse, Response

from placet.errors import PolicyError
from placet.interfaces.console.pages.governance.tabs import governed
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.views.governance.policies import InForce, in_force_of, unreadable


def lead_here(_asked: Asked) -> Response:
    """Lead to the first page of governance."""
    return RedirectResponse(f"{ROOT}/governance/policies", 303)


def show(asked: Asked) -> Response:
    """Show the set in force for each agent, read from its files now."""
    return governed(asked, "policies.html", sets=[_of(asked, agent) for agent in asked.parts.served.agents])


def _of(asked: Asked, agent: str) -> InForce:
    try:
        return in_force_of(agent, asked.parts.served.policies_of(agent))
    except PolicyError as error:
        # The full line names files, which are for those who run the installation.
        return unreadable(agent, str(error) if asked.may("read", "installation") else "")

"""The first 90 days, and where this tenant stands in them."""

from starlette.responses import Response

from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.customers.playbook import playbook_of
from placet.service.strategies.playbook import playbook


def show(asked: Asked) -> Response:
    """Show each phase, its steps, what shows how far each is, and what to do next."""
    served = asked.parts.served
    found = playbook(served.database, served.tenant, served.policies_of, served.agents, asked.now)
    return asked.page("customers/playbook.html", it=playbook_of(found))

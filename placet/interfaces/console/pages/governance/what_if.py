"""What policy would ask of people if something were proposed: a form, and the answer in sentences."""

from typing import Final, get_args

from starlette.responses import Response

from placet.contracts.proposal import MutationKind
from placet.errors import PolicyError, UsageError
from placet.interfaces.console.forms import amount_of, code_of, in_labels
from placet.interfaces.console.pages.governance.tabs import governed, known_treatments
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.common import MUTATIONS
from placet.interfaces.console.views.governance.what_if import Answer, answer_of
from placet.service.reading.what_if import Supposed, suppose, what_if

_FIELDS: Final = ("agent", "treatment", "kind", "cost", "requested_by", "customer_id")
_LABELS: Final = {
    "agent": "Application",
    "treatment": "Treatment",
    "kind": "What it does",
    "cost": "It costs",
    "requested_by": "Who asked for the run",
    "customer_id": "Customer",
}


def show(asked: Asked) -> Response:
    """Show the form; with something in it, the answer."""
    filled = {name: asked.query(name) or "" for name in _FIELDS}
    fault, answer = "", None
    if filled["treatment"] or filled["cost"]:
        try:
            answer = _answer(asked, _supposed(asked))
        except PolicyError:
            fault = "The policies of this agent are not in order, so that everything would be denied."
        except UsageError as error:
            fault = str(error)
    agents = asked.parts.served.agents
    return governed(
        asked,
        "what_if.html",
        422 if fault else 200,
        filled=filled,
        agents=agents,
        kinds=[(kind, MUTATIONS[kind]) for kind in get_args(MutationKind)],
        treatments=known_treatments(asked),
        fault=fault,
        answer=answer,
        unknown=_unknown(asked, filled["agent"] or agents[0], filled["treatment"]) if answer else "",
    )


def _supposed(asked: Asked) -> Supposed:
    cost = amount_of(asked.query("cost") or "", _LABELS["cost"])
    with in_labels(_LABELS):
        return suppose(
            {
                "agent": asked.query("agent") or asked.parts.served.agents[0],
                "kind": asked.query("kind") or "adjust_balance",
                "treatment": code_of(asked.query("treatment") or ""),
                "cost": cost,
                "requested_by": asked.query("requested_by") or asked.visitor.name,
                "customer_id": asked.query("customer_id"),
            }
        )


def _answer(asked: Asked, supposed: Supposed) -> Answer:
    served = asked.parts.served
    found = what_if(served.database, served.tenant, supposed, served.policies_of, served.facts, asked.now)
    return answer_of(supposed, found)


def _unknown(asked: Asked, agent: str, treatment: str) -> str:
    known = asked.parts.installed.treatments(agent)
    if not known or treatment in known:
        return ""
    return f"{agent} has no treatment of this code, and would not propose it. It knows: {', '.join(known)}."

"""A policy's conditions in plain words, with the values they met."""

import cedarpy
from cedarpy import pst

from placet.contracts.money import Money
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import spoken, spoken_list
from placet.governance.policy.facts import (
    HaltFacts,
    IdentityFacts,
    MandateFacts,
    PersonFacts,
    ProposalFacts,
    StageFacts,
)
from placet.governance.policy.question import (
    AgentQuestion,
    AuthoriseQuestion,
    DecideQuestion,
    LiftQuestion,
    MergeQuestion,
    PromoteQuestion,
    Question,
)

_COMPARISONS: dict[str, str] = {
    "eq": "is",
    "not_eq": "is not",
    "less": "is less than",
    "less_eq": "is at most",
    "greater": "is more than",
    "greater_eq": "is at least",
}
_MONEY = {"cost_minor", "original_cost_minor", "limit_minor", "budget_minor", "cap_minor", "budget_left_minor"}


_RESOURCES: dict[type, str] = {
    ProposalFacts: "the run",
    MandateFacts: "the mandate",
    HaltFacts: "the halt",
    IdentityFacts: "the customers",
    StageFacts: "the stage",
}


def in_words(expr: pst.Expr, question: Question) -> str:
    """Write a condition for a person: `the cost (80.00 USD) is at most the person's limit (50.00 USD)`.

    What has no words here is shown as Cedar.
    """
    match expr:
        case pst.UnaryOp("not", arg):
            return f"not ({in_words(arg, question)})"
        case pst.BinaryOp("and" | "or" as op, left, right):
            return f"({in_words(left, question)}) {op} ({in_words(right, question)})"
        case pst.BinaryOp(op, left, right) if op in _COMPARISONS:
            money = _is_money(left) or _is_money(right)
            return f"{_term(left, question, money)} {_COMPARISONS[op]} {_term(right, question, money)}"
        case pst.BinaryOp("contains" | "contains_all" as op, left, right):
            return _inclusion(op, left, right, question)
        case _:
            return _term(expr, question, False)


def _inclusion(op: str, left: pst.Expr, right: pst.Expr, question: Question) -> str:
    money = _is_money(right)
    whole, part = _term(left, question, money), _term(right, question, money)
    if isinstance(left, pst.Set):
        whole = ", ".join(_term(element, question, money) for element in left.elements)
        return f"{part} {'is one of' if op == 'contains' else 'are all among'} {whole}"
    if isinstance(right, pst.Set):
        part = ", ".join(_term(element, question, money) for element in right.elements)
    return f"{whole} include {part}"


def scope_in_words(policy: pst.Template, question: Question) -> str:
    """Say whom and what the policy's head is about; return nothing when it is anybody and anything."""
    who = "the person" if isinstance(question.principal, PersonFacts) else "the agent"
    parts = []
    for subject, constraint in (
        (f"{who} ({question.principal.name})", policy.principal),
        (_RESOURCES[type(question.resource)], policy.resource),
    ):
        match constraint:
            case pst.ScopeEq(entity):
                parts.append(f"{subject} is {_name(entity)}")
            case pst.ScopeIn(entity) | pst.ScopeIsIn(_, entity):
                parts.append(f"{subject} holds the role {spoken(_name(entity))}{_roles(question)}")
            case _:
                continue
    return " and ".join(parts)


def as_cedar(expr: pst.Expr) -> str:
    """Write the expression in Cedar's own syntax, on one line."""
    node = pst.Template(
        id="p",
        effect="permit",
        principal=pst.ScopeAny(),
        action=pst.ScopeAny(),
        resource=pst.ScopeAny(),
        clauses=(pst.When(expr),),
        annotations={},
    )
    text = str(cedarpy.PolicySet.from_pst(pst.PolicySet(templates={}, static_policies={"p": node}, template_links=())))
    return " ".join(text[text.index("{") + 1 : text.rindex("}")].split())


def _term(expr: pst.Expr, question: Question, money: bool) -> str:
    match expr:
        case pst.GetAttr(pst.Var("principal" | "resource" as variable), attr):
            return _attribute(variable, attr, question)
        case pst.LongLit(value):
            currency = _currency(question)
            return str(Money(amount_minor=value, currency=currency)) if money and currency else str(value)
        case pst.StringLit(value):
            return repr(value) if not value.isprintable() or " " in value else spoken(value) or "none"
        case pst.BoolLit(value):
            return "true" if value else "false"
        case _:
            return as_cedar(expr)


def _attribute(variable: str, attr: str, question: Question) -> str:
    words = _of_principal(question) if variable == "principal" else _of_resource(question.resource)
    # A condition may speak of what this question has not, behind an `is`.
    return words.get(attr, f"{variable}.{attr}")


def _of_principal(question: Question) -> dict[str, str]:
    asks = question.principal
    if not isinstance(asks, PersonFacts):
        return {"tenant": f"the agent's tenant ({asks.tenant})"}
    return {
        "name": f"the person ({asks.name})",
        "tenant": f"the person's tenant ({asks.tenant})",
        "limit_minor": f"the person's limit ({asks.limit or 'none'})",
        "limit_currency": f"the limit's currency ({asks.limit.currency if asks.limit else 'none'})",
    }


def _of_resource(resource: ProposalFacts | MandateFacts | HaltFacts | IdentityFacts | StageFacts) -> dict[str, str]:
    match resource:
        case ProposalFacts():
            return {
                "tenant": f"the proposal's tenant ({resource.tenant})",
                "agent": f"the proposing agent ({resource.agent})",
                "kind": f"the kind ({spoken(resource.kind)})",
                "treatment": f"the treatment ({spoken(resource.treatment)})",
                "cost_minor": f"the cost ({resource.cost})",
                "original_cost_minor": f"the cost before any amendment ({resource.original_cost or resource.cost})",
                "currency": f"the cost's currency ({resource.cost.currency})",
                "triggered_by": f"who triggered the run ({resource.triggered_by})",
                "amended_by": f"who amended it ({resource.amended_by or 'nobody'})",
                "reverses": f"the run it takes back ({resource.reverses or 'none'})",
            }
        case MandateFacts():
            return {
                "tenant": f"the mandate's tenant ({resource.tenant})",
                "agent": f"the mandate's agent ({resource.agent})",
                "kinds": f"the mandate's kinds ({spoken_list(resource.kinds)})",
                "treatments": f"the mandate's treatments ({spoken_list(resource.treatments)})",
                "budget_minor": f"the budget ({resource.budget})",
                "cap_minor": f"the cap for one customer ({resource.cap})",
                "currency": f"the budget's currency ({resource.budget.currency})",
                "days": f"the days it is valid ({resource.days})",
                "drafted_by": f"who drafted it ({resource.drafted_by})",
            }
        case StageFacts():
            return _of_stage(resource)
        case IdentityFacts():
            return {
                "tenant": f"the customers' tenant ({resource.tenant})",
                "change": f"what is done ({resource.change})",
                "drafted_by": f"who drafted it ({resource.drafted_by})",
            }
        case HaltFacts():
            return {
                "tenant": f"the halt's tenant ({resource.tenant})",
                "scope": f"what is halted ({resource.scope})",
                "subject": f"which one is halted ({spoken(resource.subject) or 'all'})",
                "placed_by": f"who placed it ({resource.placed_by})",
            }


def _of_stage(stage: StageFacts) -> dict[str, str]:
    return {
        "tenant": f"the strategy's tenant ({stage.tenant})",
        "agent": f"the agent that carries it out ({stage.agent})",
        "strategy": f"the strategy ({stage.strategy})",
        "version": f"the strategy's version ({stage.version or 'any'})",
        "market": f"the market ({stage.market})",
        "from_percent": f"the share that it reaches, in per cent ({share_in_words(stage.reached)})",
        "to_percent": f"the share of the next stage, in per cent ({share_in_words(stage.to)})",
        "stage": f"which stage would begin ({stage.stage})",
        "stages": f"how many stages there are ({stage.stages})",
        "customers_reached": f"customers whom it reaches ({stage.customers_reached:,})",
        "customers_added": f"customers whom it would reach more ({stage.customers_added:,})",
        "passed": f"the measures that passed ({spoken_list(stage.passed) or 'none'})",
        "rails": f"how many guard rails it has ({stage.rails})",
        "looks": f"how many looks there were ({stage.looks})",
        "days_watched": f"the days since the stage began ({stage.days_watched})",
        "holds": f"how often it was held ({stage.holds})",
        "budget_minor": f"the budget ({stage.budget})",
        "budget_left_minor": f"what is left of the budget ({stage.budget_left})",
        "currency": f"the budget's currency ({stage.budget.currency})",
        "published_by": f"who published it ({stage.published_by or 'nobody'})",
        "started_by": f"who started the rollout ({stage.started_by or 'nobody'})",
    }


def _currency(question: Question) -> str | None:
    match question:
        case AgentQuestion() | DecideQuestion():
            return question.resource.cost.currency
        case AuthoriseQuestion() | PromoteQuestion():
            return question.resource.budget.currency
        case LiftQuestion() | MergeQuestion():
            limit = question.principal.limit
            return limit.currency if limit else None


def _is_money(expr: pst.Expr) -> bool:
    return isinstance(expr, pst.GetAttr) and expr.attr in _MONEY


def _name(entity: pst.EntityOrSlot) -> str:
    return entity.id if isinstance(entity, pst.EntityUid) else str(entity)


def _roles(question: Question) -> str:
    roles = question.principal.roles if isinstance(question.principal, PersonFacts) else ()
    return f" (holds {spoken_list(roles) or 'none'})"

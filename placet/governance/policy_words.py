"""A policy's conditions in plain words, with the values they met."""

import cedarpy
from cedarpy import pst

from placet.contracts.money import Money
from placet.governance.policy_question import PersonFacts, Question

_COMPARISONS: dict[str, str] = {
    "eq": "is",
    "not_eq": "is not",
    "less": "is less than",
    "less_eq": "is at most",
    "greater": "is more than",
    "greater_eq": "is at least",
}
_MONEY = {"cost_minor", "limit_minor"}


def in_words(expr: pst.Expr, question: Question) -> str:
    """The condition for a person: `the cost (80.00 USD) is at most the person's limit (50.00 USD)`.

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
        case pst.BinaryOp("contains", pst.Set(elements), subject):
            listed = ", ".join(_term(element, question, _is_money(subject)) for element in elements)
            return f"{_term(subject, question, _is_money(subject))} is one of {listed}"
        case _:
            return _term(expr, question, False)


def scope_in_words(policy: pst.Template, question: Question) -> str:
    """Whom and what the policy's head is about; empty when anybody and anything."""
    who = "the person" if isinstance(question.principal, PersonFacts) else "the agent"
    parts = []
    for subject, constraint in ((f"{who} ({question.principal.name})", policy.principal), ("run", policy.resource)):
        match constraint:
            case pst.ScopeEq(entity):
                parts.append(f"{subject} is {_name(entity)}")
            case pst.ScopeIn(entity) | pst.ScopeIsIn(_, entity):
                parts.append(f"{subject} holds the role {_name(entity)}{_roles(question)}")
            case _:
                continue
    return " and ".join(parts)


def as_cedar(expr: pst.Expr) -> str:
    """The expression in Cedar's own syntax, on one line."""
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
            return str(Money(amount_minor=value, currency=question.proposal.cost.currency)) if money else str(value)
        case pst.StringLit(value):
            return repr(value) if not value or not value.isprintable() or " " in value else value
        case pst.BoolLit(value):
            return "true" if value else "false"
        case _:
            return as_cedar(expr)


def _attribute(variable: str, attr: str, question: Question) -> str:
    asks, proposal = question.principal, question.proposal
    person = isinstance(asks, PersonFacts)
    who = "person" if person else "agent"
    limit = asks.limit if isinstance(asks, PersonFacts) else None
    words = {
        "principal.name": f"the person ({asks.name})",
        "principal.tenant": f"the {who}'s tenant ({asks.tenant})",
        "principal.limit_minor": f"the person's limit ({limit or 'none'})",
        "principal.limit_currency": f"the limit's currency ({limit.currency if limit else 'none'})",
        "resource.tenant": f"the proposal's tenant ({proposal.tenant})",
        "resource.agent": f"the proposing agent ({proposal.agent})",
        "resource.kind": f"the kind ({proposal.kind})",
        "resource.treatment": f"the treatment ({proposal.treatment})",
        "resource.cost_minor": f"the cost ({proposal.cost})",
        "resource.currency": f"the cost's currency ({proposal.cost.currency})",
        "resource.triggered_by": f"who triggered the run ({proposal.triggered_by})",
    }
    return words[f"{variable}.{attr}"]


def _is_money(expr: pst.Expr) -> bool:
    return isinstance(expr, pst.GetAttr) and expr.attr in _MONEY


def _name(entity: pst.EntityOrSlot) -> str:
    return entity.id if isinstance(entity, pst.EntityUid) else str(entity)


def _roles(question: Question) -> str:
    roles = question.principal.roles if isinstance(question.principal, PersonFacts) else ()
    return f" (holds {', '.join(roles) or 'none'})"

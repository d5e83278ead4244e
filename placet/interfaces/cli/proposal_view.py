"""A proposal as an approver reads it.

What others wrote (the model, billing, people) comes first, each text one line and marked as whose words it is. What a
signature is for comes last, in figures, immediately before the question: nothing that is printed after it is foreign.
Every value stands in a column of its own, so that a long one continues there and never begins a line.
"""

from typing import TYPE_CHECKING

from placet.contracts.text import NAME, THE_MODEL, WORDS, attributed, one_line, wrote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from placet.contracts.proposal import Candidate, Proposal

_LABEL_WIDTH = 10


def proposal_view(proposal: "Proposal", digest: str, gate: str = "") -> "RenderableType":
    """Return the whole view: situation, what was weighed, whose words, and last what is signed.

    `gate` says what a signature does beside those of others; empty where one suffices.
    """
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [
        Text(_heading(proposal), style="bold"),
        _grid(_situation(proposal)),
        _candidates(proposal.candidates, proposal.cost.currency),
        _grid(_words(proposal)),
        Text("what a signature is for", style="bold"),
        _grid(_signed(proposal, digest, gate)),
    ]
    return Group(*parts)


def _heading(proposal: "Proposal") -> str:
    if proposal.reverses is not None:
        return f"taking back what {proposal.reverses} did for customer {proposal.customer_id}"
    return f"{one_line(proposal.agent, NAME)} proposes for customer {proposal.customer_id}"


def _situation(proposal: "Proposal") -> "Iterable[tuple[str, str]]":
    from placet.contracts.proposal import Reason

    def lines(label: str, reasons: "Iterable[Reason]") -> "Iterable[tuple[str, str]]":
        for reason in reasons:
            yield label, reason.detail or reason.code.replace("_", " ")
            label = ""

    yield from lines("customer", proposal.facts)
    yield from lines("assumed", proposal.assumptions)


def _words(proposal: "Proposal") -> "Iterable[tuple[str, str]]":
    """Yield the model's words and people's, after what arithmetic has to say."""
    from placet.governance.choice import warnings

    for warning in warnings(proposal):
        yield "note", warning
    if proposal.amended_by is not None:
        yield "amended", wrote(proposal.amended_by, proposal.amended_reason or "no reason given", WORDS)
    if proposal.rationale:
        yield "model", attributed(THE_MODEL, proposal.rationale, WORDS)
    elif proposal.rationale_marks:
        failed = ", ".join(mark.replace("_", " ") for mark in proposal.rationale_marks)
        yield "model", f"the model's words failed a check ({failed}) and are left out"


def _signed(proposal: "Proposal", digest: str, gate: str) -> "Iterable[tuple[str, str]]":
    from placet.governance.choice import worth

    mutation = proposal.mutation
    yield "run", proposal.run_id
    yield "treatment", proposal.name
    yield "value", worth(proposal)
    if proposal.amends is not None:
        yield "changes", f"proposal {proposal.amends}, which cost {proposal.original_cost or 'unknown'}"
    if proposal.reverses is not None:
        yield "undoes", proposal.reverses
    yield "evidence", proposal.evidence
    yield "does", mutation.describe()
    yield "target", mutation.target
    yield "amount", f"{mutation.figure}; {proposal.price}"
    if gate:
        yield "gate", gate
    yield "digest", digest


def weighed_view(documents: "Sequence[object]", currency: str) -> "RenderableType":
    """Return the candidates of a run that proposed nothing, as its record holds them."""
    from placet.contracts.proposal import Candidate

    return _candidates([Candidate.model_validate(document) for document in documents], currency)


def _candidates(candidates: "Iterable[Candidate]", currency: str) -> "Table":
    from placet.governance.choice import NOT_COMPUTED, money

    table = _table("candidate", "expected value", "cost", "why")
    for candidate in candidates:
        row = (
            _named(candidate),
            money(candidate.expected_value_minor, currency) if currency else NOT_COMPUTED,
            money(candidate.cost_minor, currency) if currency else NOT_COMPUTED,
            _why(candidate),
        )
        table.add_row(*map(_cell, row))
    return table


def _named(candidate: "Candidate") -> str:
    name = candidate.name or candidate.treatment.replace("_", " ")
    return f"{name} ({candidate.treatment}){'' if candidate.eligible else ', not eligible'}"


def _why(candidate: "Candidate") -> str:
    reasons = candidate.reasons_for if candidate.eligible else candidate.reasons_against
    return "; ".join(one_line(reason.detail or reason.code.replace("_", " "), WORDS) for reason in reasons)


def _grid(rows: "Iterable[tuple[str, str]]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_LABEL_WIDTH, style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(Text(label), _cell(value))
    return grid


def _table(*columns: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _cell(value: str) -> "RenderableType":
    """Show a value on one line of text, never as markup."""
    from rich.text import Text

    return Text(one_line(value, _LONGEST))


_LONGEST = 1_000
"""Bound of any value: several sentences of a candidate stand in one cell."""

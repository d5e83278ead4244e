"""`placet run show RUN --evidence|--prompts|--answers`: what the model saw and said, and what billing answered."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from placet.contracts.text import BILLING, NAME, THE_MODEL, counted, one_line, quoted
from placet.interfaces.cli import output
from placet.interfaces.read_words import read_in_words

if TYPE_CHECKING:
    from placet.contracts.billing import Evidence
    from placet.contracts.state import StateRead
    from placet.service.in_hand import Exchange, Facts, Held
    from placet.storage.database import Database

_LINES = 400
_LINE = 2000
"""Of a prompt or an answer as it is shown; JSON output has all of it."""


def documents(
    database: "Database", run_id: str, tenant: str, *, evidence: bool, prompts: bool, answers: bool
) -> dict[str, Any]:
    """Return what was asked for, exactly, for another program."""
    from placet.service.in_hand import exchanges_of, facts_of

    found: dict[str, Any] = {}
    if evidence:
        facts = facts_of(database, run_id, tenant)
        found["evidence"] = None if facts is None else _fact_document(facts)
    if prompts or answers:
        uses = [asdict(one) for one in exchanges_of(database, run_id, tenant)]
        for use in uses:
            use.update({} if prompts else {"prompt": None})
            use.update({} if answers else {"answer": None})
        found["exchanges"] = uses
    return found


def print_in_hand(
    database: "Database", run_id: str, tenant: str, *, evidence: bool, prompts: bool, answers: bool
) -> None:
    """Print what was asked for; every line of foreign text stands behind a mark, each made visible."""
    from placet.service.in_hand import exchanges_of, facts_of

    if evidence:
        _print_facts(facts_of(database, run_id, tenant))
    if prompts or answers:
        uses = exchanges_of(database, run_id, tenant)
        for number, use in enumerate(uses, 1):
            _print_exchange(number, use, prompts=prompts, answers=answers)
        if not uses:
            output.print_line("no model was asked")


def _fact_document(facts: "Facts") -> dict[str, Any]:
    return {
        "digest": facts.held.digest,
        "fault": facts.held.fault,
        "facts": facts.evidence.model_dump(mode="json") if facts.evidence else None,
        "calls": list(facts.calls),
    }


def _print_facts(facts: "Facts | None") -> None:
    if facts is None:
        output.print_line("billing was not asked yet")
        return
    output.print_field("evidence", facts.held.digest)
    if facts.held.fault:
        output.print_field("", f"cannot be shown: {facts.held.fault}")
    for call in facts.calls:
        said = f"{call.get('method')} {one_line(str(call.get('path')))} -> {call.get('status')}"
        output.print_field("asked", f"{said}  answer {call.get('response_sha256')}")
    if facts.evidence is not None:
        print_evidence(facts.evidence)


def print_evidence(kept: "Evidence") -> None:
    """Print the facts that billing answered, a line each."""
    rows: list[tuple[str, str]] = [
        (
            "customer",
            ", ".join(
                (
                    kept.customer.status,
                    counted(kept.customer.tenure_months, "month"),
                    *(f"{fact.name} {fact.value}" for fact in kept.customer.facts),
                )
            ),
        ),
        *(("bill", f"{one.issued_on}  {one.amount}, due {one.amount_due}, {one.state}") for one in kept.bills),
        *(("balance", f"{one.bucket_id}  {one.remaining}, {one.status}") for one in kept.balances),
        *(("product", f"{one.product_id}  {quoted(one.name, NAME)}, {one.status}") for one in kept.products),
        *(("usage", f"{one.month}  {one.kind} {one.quantity} {one.unit}") for one in kept.usage),
    ]
    output.print_line(f"{BILLING} answered:")
    for name, text in rows:
        output.print_field(name, text)
    if kept.state is not None:
        _print_state(kept.state)


def _print_state(read: "StateRead") -> None:
    output.print_line("events of the customer had led to:")
    for name, text in read_in_words(read):
        output.print_field(name.lower(), text)
    output.print_field("digest", read.digest)


def _print_exchange(number: int, use: "Exchange", *, prompts: bool, answers: bool) -> None:
    output.print_line(
        f"{number}. {use.step}: model {quoted(use.model, NAME)} by {quoted(use.route, NAME)}, {use.outcome}"
    )
    if prompts:
        _print_held("the model was shown", use.prompt)
    if answers and use.answer is None:
        output.print_line(f"{THE_MODEL}: nothing, no answer came")
    elif answers and use.answer is not None:
        _print_held(THE_MODEL, use.answer)


def _print_held(whose: str, held: "Held") -> None:
    if held.text is None:
        output.print_line(f"{whose} {held.digest[:16]}: cannot be shown: {held.fault}")
        return
    lines = held.text.split("\n")
    output.print_line(f"{whose} ({held.digest}):")
    for line in lines[:_LINES]:
        output.print_line(f"    | {one_line(line, _LINE)}")
    if len(lines) > _LINES:
        output.print_line(f"    … {counted(len(lines) - _LINES, 'more line')}; --json shows all of it")

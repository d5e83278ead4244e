"""How results look on a terminal. JSON output is the models' own; nothing here computes."""

import json
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console, RenderableType
    from rich.table import Table

    from placet.contracts.approver import EnrolledKey
    from placet.contracts.audit import AuditEvent
    from placet.contracts.proposal import Mutation, Proposal
    from placet.storage.records import RunRecord


_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def print_line(text: str) -> None:
    """One plain line, never wrapped: it may be piped into another command."""
    sys.stdout.write(plain(text) + "\n")
    sys.stdout.flush()


def plain(text: str) -> str:
    """Text of foreign origin (a model's words, a person's reason) without what could repaint a terminal.

    Control characters (C0, C1) and bidirectional overrides become visible; line feeds stay.
    """
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def write_file(path: "Path", text: str) -> None:
    """Write a result to a file a person named.

    Raises:
        ConfigurationError: it cannot be written, or a link or a device is in its place.
    """
    from placet import files

    files.write_file(path, text)


def print_json(value: Any) -> None:
    """Indented JSON."""
    print_line(json.dumps(value, indent=2))


def console() -> "Console":
    """A console on stdout."""
    from rich.console import Console

    return Console(highlight=False)


def describe(mutation: "Mutation") -> str:
    """The mutation in one sentence, every figure exact."""
    if mutation.kind == "adjust_balance":
        way = "to" if mutation.direction == "credit" else "from"
        return (
            f"{mutation.direction} {mutation.amount} once {way} balance {mutation.bucket_id} "
            f"of customer {mutation.customer_id}"
        )
    if mutation.action == "add":
        return f"add offering {mutation.offering_id} for customer {mutation.customer_id}"
    if mutation.action == "delete":
        return f"end product {mutation.product_id} of customer {mutation.customer_id}, offering {mutation.offering_id}"
    return f"move product {mutation.product_id} of customer {mutation.customer_id} to offering {mutation.offering_id}"


def print_run(record: "RunRecord") -> None:
    """One run's state."""
    print_line(f"run       {record.run_id}")
    print_line(f"customer  {record.customer_id}   agent {record.agent}   requested by {record.requested_by}")
    print_line(f"state     {record.state}{f' ({record.code})' if record.code else ''}")
    if record.detail:
        print_line(f"detail    {record.detail}")


def print_reversals(record: "RunRecord", events: "Sequence[AuditEvent]") -> None:
    """Which run this one takes back, and which were asked to take back this one."""
    if record.reverses:
        print_line(f"reverses  {record.reverses}")
    for event in events:
        if event.kind == "run.reversal_requested":
            why = f": {event.body['reason']}" if event.body["reason"] else ""
            print_line(f"reversal  {event.body['reversal']} asked for by {event.actor}{why}")
        elif event.kind == "run.reversed":
            print_line(f"reversed  by {event.body['reversal']} at {_time(event.at)}")


def print_runs(records: "Sequence[RunRecord]") -> None:
    """A table of runs."""
    table = _table("run", "customer", "agent", "state", "detail", "requested")
    for record in records:
        _row(
            table,
            record.run_id,
            record.customer_id,
            record.agent,
            record.state,
            record.detail,
            _time(record.requested_at),
        )
    console().print(table if records else "no runs")


def proposal_view(proposal: "Proposal", digest: str) -> "RenderableType":
    """The proposal as an approver reads it: the exact mutation, why, and what it beat."""
    from rich.console import Group
    from rich.markup import escape
    from rich.panel import Panel
    from rich.text import Text

    marks = f"  [marked: {', '.join(proposal.rationale_marks)}]" if proposal.rationale_marks else ""
    head = Text.assemble(
        ("proposes  ", "dim"), (plain(describe(proposal.mutation)), "bold"), "\n",
        ("costs     ", "dim"), str(proposal.cost),
        ("   expected value ", "dim"), f"{_major(proposal.expected_value_minor, proposal.cost.currency)}", "\n",
        ("evidence  ", "dim"), proposal.evidence, "\n",
        ("digest    ", "dim"), digest, "\n",
        ("model     ", "dim"), plain(f"“{proposal.rationale}”{marks}"),
    )  # fmt: skip
    return Panel(Group(head, _candidates(proposal)), title=f"proposal of {escape(proposal.agent)}", expand=False)


def print_proposal(proposal: "Proposal", digest: str) -> None:
    """Print the proposal."""
    console().print(proposal_view(proposal, digest))


def print_events(events: "Sequence[AuditEvent]") -> None:
    """The record, one line an entry."""
    table = _table("#", "at", "what", "by", "entry")
    for event in events:
        _row(table, str(event.seq), _time(event.at), event.kind, event.actor, event.hash[:16])
    console().print(table if events else "no entries")


def print_keys(keys: "Sequence[EnrolledKey]") -> None:
    """A table of enrolled keys."""
    table = _table("name", "key", "roles", "limit", "expires", "state")
    for key in keys:
        expires = _time(key.expires_at) if key.expires_at else "never"
        state = f"revoked {_time(key.revoked_at)}" if key.revoked_at else "valid"
        _row(table, key.name, key.key_id[:16], ", ".join(key.roles), str(key.limit or "none"), expires, state)
    console().print(table if keys else "no keys enrolled")


def _candidates(proposal: "Proposal") -> "Table":
    table = _table("candidate", "expected value", "cost", "why")
    currency = proposal.cost.currency
    for candidate in proposal.candidates:
        reasons = candidate.reasons_for if candidate.eligible else candidate.reasons_against
        why = "; ".join(f"{reason.code}: {reason.detail}" if reason.detail else reason.code for reason in reasons)
        _row(
            table,
            candidate.treatment if candidate.eligible else f"{candidate.treatment} (not eligible)",
            _major(candidate.expected_value_minor, currency),
            _major(candidate.cost_minor, currency),
            why,
        )
    return table


def _table(*columns: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _major(amount_minor: int, currency: str) -> str:
    from placet.contracts.money import Money

    return str(Money(amount_minor=amount_minor, currency=currency))


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"


def _row(table: "Table", *cells: str) -> None:
    """Add a row whose cells are text, never markup."""
    from rich.text import Text

    table.add_row(*(Text(plain(cell)) for cell in cells))

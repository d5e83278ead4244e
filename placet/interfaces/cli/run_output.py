"""How runs and their record look on a terminal, 80 columns wide."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from placet.contracts.text import quoted, spoken, wrote
from placet.contracts.times import minute, moment
from placet.interfaces.cli import output

if TYPE_CHECKING:
    from placet.contracts.audit import AuditEvent
    from placet.storage.records import RunRecord

_TABLE_WIDTH = 80
"""On a narrower terminal each run has lines of its own: an id that is cut is of no use."""

_WIDE = 112
"""From here on each run has one line."""

_COLUMNS = ("run", "customer", "state", "treatment", "amount", "requested", "by")

_DETAIL = 1_000
"""Longest detail of a run that is shown whole."""


def print_run(record: "RunRecord") -> None:
    """Print where one run stands."""
    output.print_field("run", record.run_id)
    output.print_field("customer", f"{record.customer_id}   agent {record.agent}   requested by {record.requested_by}")
    why = record.code if record.code != record.state else None
    output.print_field("state", f"{standing(record)}{f' ({why})' if why else ''}")
    if record.detail:
        from placet.interfaces.approvals_words import ours

        # What is not our own may hold what a person, a model or another system wrote.
        output.print_field("detail", ours(record.state, record.detail) or quoted(record.detail, _DETAIL))


def print_reversals(record: "RunRecord", events: "Sequence[AuditEvent]") -> None:
    """Print which run this one takes back, and which were asked to take back this one."""
    if record.reverses:
        output.print_field("reverses", record.reverses)
    for event in events:
        if event.kind == "run.reversal_requested":
            reason = str(event.body["reason"])
            why = f"; {wrote(event.actor, reason)}" if reason else ""
            output.print_field("reversal", f"{event.body['reversal']} asked for by {event.actor}{why}")
        elif event.kind == "run.reversed":
            output.print_field("reversed", f"by {event.body['reversal']} at {moment(event.at)}")


def standing(record: "RunRecord") -> str:
    """Return where a run stands, in its own word, and that what it did was taken back."""
    return f"{record.state}, then reversed" if record.reversed_by is not None else record.state


def print_runs(records: "Sequence[RunRecord]") -> None:
    """Print a table of runs; why one stands as it does is in `run show`."""
    width = output.console().width
    if width < _TABLE_WIDTH:
        _print_blocks(records)
    elif width < _WIDE:
        _print_pairs(records)
    else:
        table = output.table(*_COLUMNS, whole=("run", "state", "amount", "requested"))
        for record in records:
            asked = minute(record.requested_at), record.requested_by
            output.add_row(table, record.run_id, record.customer_id, standing(record), *_proposed(record), *asked)
        output.console().print(table)


def _print_blocks(records: "Sequence[RunRecord]") -> None:
    for record in records:
        output.print_line(f"{record.run_id}  {standing(record)}")
        if record.treatment is not None:
            output.print_line(f"  {', '.join(filter(None, _proposed(record)))}")
        output.print_line(f"  {record.customer_id}  {minute(record.requested_at)}  {record.requested_by}")


def _print_pairs(records: "Sequence[RunRecord]") -> None:
    """Print two lines for each run: all that the wide table has does not fit into one."""
    table = output.table("run, customer", "state", "proposed", "requested", whole=("run, customer", "requested"))
    for record in records:
        state = (record.state, "then reversed") if record.reversed_by is not None else (record.state,)
        asked = minute(record.requested_at), f"by {record.requested_by}"
        output.add_lines(table, (record.run_id, record.customer_id), state, _proposed(record), asked)
    output.console().print(table)


def _proposed(record: "RunRecord") -> tuple[str, str]:
    """Return the treatment and its amount; empty where nothing was proposed."""
    treatment = "" if record.treatment is None else spoken(record.treatment)
    return treatment, "" if record.cost is None else str(record.cost)


def print_events(events: "Sequence[AuditEvent]") -> None:
    """Print the record: of each entry when, what kind and by whom, and below it what it says."""
    from placet.interfaces.record_words import in_words, who

    for event in events:
        output.print_line(f"{event.seq:>3}  {moment(event.at)}  {event.kind}  {who(event)}  {event.hash[:16]}")
        output.print_field("", in_words(event))
    if not events:
        output.print_line("no entries")

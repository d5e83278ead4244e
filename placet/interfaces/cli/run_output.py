"""How runs and their record look on a terminal, 80 columns wide."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from placet.contracts.text import quoted, wrote
from placet.contracts.times import minute, moment
from placet.interfaces.cli import output

if TYPE_CHECKING:
    from placet.contracts.audit import AuditEvent
    from placet.storage.records import RunRecord

_TABLE_WIDTH = 80
"""On a narrower terminal each run has lines of its own: an id that is cut is of no use."""

_DETAIL = 1_000
"""Longest detail of a run that is shown whole."""


def print_run(record: "RunRecord") -> None:
    """Print where one run stands."""
    output.print_field("run", record.run_id)
    output.print_field("customer", f"{record.customer_id}   agent {record.agent}   requested by {record.requested_by}")
    why = record.code if record.code != record.state else None
    output.print_field("state", f"{record.state}{f' ({why})' if why else ''}")
    if record.detail:
        # It may hold what a person, a model or another system wrote.
        output.print_field("detail", quoted(record.detail, _DETAIL))


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


def print_runs(records: "Sequence[RunRecord]") -> None:
    """Print a table of runs; why one stands as it does is in `run show`."""
    if output.console().width < _TABLE_WIDTH:
        for record in records:
            output.print_line(f"{record.run_id}  {record.state}")
            output.print_line(f"  {record.customer_id}  {minute(record.requested_at)}  {record.requested_by}")
        return
    table = output.table("run", "customer", "state", "requested", "by", whole=("run", "state", "requested"))
    for record in records:
        asked = minute(record.requested_at), record.requested_by
        output.add_row(table, record.run_id, record.customer_id, record.state, *asked)
    output.console().print(table)


def print_events(events: "Sequence[AuditEvent]") -> None:
    """Print the record: of each entry when, what kind and by whom, and below it what it says."""
    from placet.interfaces.record_words import in_words, who

    for event in events:
        output.print_line(f"{event.seq:>3}  {moment(event.at)}  {event.kind}  {who(event)}  {event.hash[:16]}")
        output.print_field("", in_words(event))
    if not events:
        output.print_line("no entries")

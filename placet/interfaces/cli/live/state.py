"""`placet state`: take events of customers in, show what they led to, and try again what could not be taken."""

import sys
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import IO, Annotated

import typer

from placet.contracts.text import NAME, counted, quoted
from placet.contracts.times import minute
from placet.interfaces.cli import output
from placet.interfaces.cli.options import ByOption, JsonFlag, asking, time_gone, time_of
from placet.interfaces.cli.toolbox import Toolbox
from placet.interfaces.telling.kpis import left_out_in_words

app = typer.Typer(no_args_is_help=True, help="Live customer state, from events.")
letters = typer.Typer(no_args_is_help=True, help="Events that could not be taken, with the reason.")

_AT_ONCE = 500


def register(root: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(letters, name="deadletters")
    root.add_typer(app, name="state")


@app.command("ingest")
def ingest(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON lines, a CloudEvent each; `-` reads what is piped")],
    as_json: JsonFlag = False,
) -> int:
    """Take events in, one CloudEvent a line.

    An event counts once, however often it is sent. What cannot be taken is kept as a dead letter. 1 where there is one.
    """
    from placet.service.state.files import take_lines

    toolbox: Toolbox = context.obj
    now, database = datetime.now(UTC), toolbox.database()
    oldest = now - timedelta(days=toolbox.periods().events)
    if file == "-":
        taken = take_lines(database, toolbox.tenant, sys.stdin.buffer, now=now, oldest=oldest)
    else:
        with _opened(Path(file)) as lines:
            taken = take_lines(database, toolbox.tenant, lines, now=now, oldest=oldest)
    refused = sum(taken.refused.values())
    if as_json:
        output.print_json({"accepted": taken.accepted, "repeated": taken.repeated, "refused": taken.refused})
    else:
        repeated = f", {taken.repeated} known before" if taken.repeated else ""
        output.print_line(f"{counted(taken.accepted, 'event')} taken{repeated}")
        for code, number in sorted(taken.refused.items()):
            first = f"first, in line {taken.lines[code]:,}: {taken.reasons[code]}"
            output.print_line(f"{number} not taken ({code.replace('_', ' ')}); {first}")
        if refused:
            output.print_line("see `placet state deadletters list`")
    return 1 if refused else 0


@app.command("show")
def show(
    context: typer.Context,
    customer_id: Annotated[str | None, typer.Argument(metavar="CUSTOMER")] = None,
    household: Annotated[str | None, typer.Option("--household", help="show this household instead")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="as of then: 2026-03-01, 2026-03-01T09:30:00Z")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one customer's state, or a household's.

    It says what stands out, and what happened in the last 7, 30 and 90 days.
    """
    from pydantic import TypeAdapter

    from placet.contracts.base import CustomerId
    from placet.errors import UsageError
    from placet.interfaces.cli.live.state_view import print_customer, print_household
    from placet.service.given import value_of
    from placet.service.state.current import state_of
    from placet.service.state.households import household_of

    toolbox: Toolbox = context.obj
    if (customer_id is None) == (household is None):
        raise UsageError("name a customer, or a household with --household")
    at = time_gone(as_of, "--as-of")
    if household is not None:
        value_of(household, TypeAdapter(CustomerId), "household")
        shown = household_of(toolbox.database(), toolbox.tenant, household, at)
        if as_json:
            output.print_json(shown.model_dump(mode="json"))
        else:
            print_household(shown)
        return
    known = value_of(customer_id or "", TypeAdapter(CustomerId), "customer")
    state = state_of(toolbox.database(), toolbox.tenant, known, at)
    if as_json:
        output.print_json(state.model_dump(mode="json"))
    else:
        print_customer(state)


@app.command("identify")
def identify(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="msisdn:+49…, email: and a SHA-256, or device: and an id")],
    at: Annotated[str | None, typer.Option("--at", help="whose it was then: 2026-03-01T09:30:00Z")] = None,
    as_json: JsonFlag = False,
) -> int:
    """Say which customer a number, a hashed address or a device is.

    Nobody is guessed: 1 and the reason where it is not exactly one customer.
    """
    from placet.service.state.identifying import identify as find

    toolbox: Toolbox = context.obj
    found = find(toolbox.database(), toolbox.tenant, key, time_gone(at, "--at"))
    if as_json:
        output.print_json(found.model_dump(mode="json"))
    else:
        output.print_field("customer", found.customer_id or f"nobody: {found.reason}")
        for word in found.words:
            held = "has it" if word.held else "gave it up"
            said = f"said by {quoted(word.source, NAME)} {minute(word.at)}"
            output.print_field("known", f"{word.customer_id} {held}, {said}")
    return 0 if found.customer_id is not None else 1


@app.command("schema")
def schema() -> None:
    """Print the JSON schema of all kinds of event."""
    from placet.contracts.events.kinds import event_schema

    output.print_json(event_schema())


@app.command("simulate")
def simulate(
    customers: Annotated[int, typer.Option("--customers", min=1, max=10_000, help="of the sample, the first")] = 100,
    days: Annotated[int, typer.Option("--days", min=1, max=400)] = 90,
    seed: Annotated[int, typer.Option("--seed", help="the same seed gives the same events")] = 1,
    last: Annotated[str | None, typer.Option("--last", help="last day; default: yesterday")] = None,
    truth: Annotated[Path | None, typer.Option("--truth", help="also write here what is true of each customer")] = None,
) -> None:
    """Write simulated events, for `placet state ingest -`.

    They are JSON lines, about customers of the bundled sample. Nothing is real; every event says so by its source.
    """
    from placet.simulation.sample import sample_rows
    from placet.simulation.streams import as_line, simulate, truth_of

    ends = time_of(last, "--last") or datetime.now(UTC) - timedelta(days=1)
    rows = sample_rows(customers)
    if truth is not None:
        output.write_file(truth, "".join(f"{as_line(truth_of(row, seed))}\n" for row in rows))
    events = simulate(rows, last=ends.date(), days=days, seed=seed)
    while some := list(islice(events, _AT_ONCE)):
        output.print_text("\n".join(map(as_line, some)))


@app.command("export")
def export(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a Parquet file to write")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="as of then: 2026-03-01, 2026-03-01T09:30:00Z")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="in place of a file that is there")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write every customer's row to a Parquet file.

    Questions are answered from it without the database. It is personal data in clear, which `placet state erase`
    does not reach: let nobody else read it, and delete it when it was used.
    """
    from placet.service.base_file import export_base
    from placet.service.cohorts import fold_all

    toolbox: Toolbox = context.obj
    at, now, database = time_gone(as_of, "--as-of"), datetime.now(UTC), toolbox.database()
    fold_all(database, toolbox.tenant)
    written = export_base(database, toolbox.tenant, at, file, now=now, replace=replace)
    if as_json:
        output.print_json({"file": str(file), **written.model_dump(mode="json")})
        return
    output.print_line(f"{counted(written.customers, 'customer')} written to {file}, as of {minute(written.as_of)}")
    if written.left_out:
        output.print_line(left_out_in_words(written.left_out, written.unreadable))
    output.print_line("it is customers' data in clear, and is not reached by `placet state erase`")


@app.command("erase")
def erase(
    context: typer.Context,
    customer_id: Annotated[str, typer.Argument(metavar="CUSTOMER")],
    reason: Annotated[str, typer.Option("--reason", help="why; kept on the record")],
    by: ByOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Erase all events of one customer, and what they led to.

    The record says that it was done. What their runs rested on goes with `placet retention run`.
    """
    from pydantic import TypeAdapter

    from placet.contracts.base import CustomerId
    from placet.contracts.people.signed import Remark
    from placet.service.given import person, value_of
    from placet.service.state.erasing import erase_customer

    toolbox: Toolbox = context.obj
    value_of(customer_id, TypeAdapter(CustomerId), "customer")
    why = value_of(reason, TypeAdapter(Remark), "reason")
    done = erase_customer(
        toolbox.database(),
        toolbox.tenant,
        customer_id,
        by=person(asking(toolbox, by)),
        reason=why,
        now=datetime.now(UTC),
    )
    if as_json:
        output.print_json(
            {
                "events": done.events,
                "dead_letters": done.letters,
                "keys": done.keys,
                "state": done.state,
                "also": done.others,
            }
        )
        return
    letters, keys = counted(done.letters, "dead letter"), counted(done.keys, "key")
    output.print_line(f"erased {counted(done.events, 'event')}, {letters} and {keys}")
    output.print_line("what their runs rested on is kept as `placet retention show` says")
    for other in done.others:
        output.print_line(f"{other} is the same person by a merge; of that id nothing was erased")


@letters.command("list")
def list_dead(
    context: typer.Context,
    code: Annotated[str | None, typer.Option("--code", help="only this reason, such as malformed")] = None,
    after: Annotated[str | None, typer.Option("--after", help="go on after this letter")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List what could not be taken, newest first."""
    from placet.service.state.dead import list_letters

    toolbox: Toolbox = context.obj
    found = list_letters(toolbox.database(), toolbox.tenant, code=code, after=after, limit=limit + 1)
    shown = found[:limit]
    if as_json:
        content = [
            {**one.model_dump(exclude={"content"}), "content": one.content.decode("utf-8", "replace")} for one in shown
        ]
        output.print_json([{**one, "received_at": one["received_at"].isoformat()} for one in content])
        return
    lines = (f"{one.letter_id}  {minute(one.received_at)}  {one.code.replace('_', ' ')}: {one.reason}" for one in shown)
    output.print_lines(lines, none="no dead letters")
    if len(found) > limit:
        output.print_line(f"there are more: --after {shown[-1].letter_id}")


@letters.command("retry")
def retry_dead(
    context: typer.Context,
    letter_id: Annotated[str | None, typer.Argument(metavar="LETTER", help="one letter; none: all of them")] = None,
    code: Annotated[str | None, typer.Option("--code", help="all of this reason")] = None,
) -> int:
    """Try again what could not be taken. 1 where something still cannot."""
    from placet.service.state.dead import retry_letters

    toolbox: Toolbox = context.obj
    now = datetime.now(UTC)
    oldest = now - timedelta(days=toolbox.periods().events)
    taken, still, after, more = 0, 0, None, True
    while more:
        done = retry_letters(
            toolbox.database(), toolbox.tenant, letter_id, code=code, after=after, now=now, oldest=oldest
        )
        taken, still, after, more = taken + done.taken, still + done.still, done.last, done.more
    output.print_line(f"{counted(taken, 'letter')} taken, {still} not")
    return 1 if still else 0


def _opened(path: Path) -> AbstractContextManager[IO[bytes]]:
    from placet.errors import UsageError
    from placet.files import open_given

    if path.exists() and not path.is_file():  # a pipe that nobody writes would be waited for
        raise UsageError(f"cannot read {str(path)!r}: it is not an ordinary file; `-` reads what is piped")
    return open_given(path, "the events")

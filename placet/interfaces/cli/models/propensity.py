"""`placet model`: serve the embedded language model; train churn models, and ask them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placet.contracts.text import NAME, counted, shortened
from placet.contracts.times import moment
from placet.errors import UsageError
from placet.interfaces.cli import output
from placet.interfaces.cli.options import JsonFlag, time_gone, time_of
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.contracts.propensity.score import Brief, Drift, Moved, ScoredTable

app = typer.Typer(no_args_is_help=True, help="The embedded language model, and models of who may leave.")

ModelOption = Annotated[
    str | None, typer.Option("--model", metavar="DIGEST", help="8 of its characters do; none: the one trained last")
]
TableOption = Annotated[
    Path | None, typer.Option("--table", metavar="FILE", help="CSV in UTF-8; none: the bundled sample")
]

_PRINTED_FAULTS = 5
_AT_ONCE = 500
_FIRST_DAY = date(1970, 1, 1)


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="model")


@app.command("serve")
def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option("--port", help="0: any free port")] = 8622,
    host: Annotated[str, typer.Option("--host")] = "127.0.0.1",
) -> int:
    """Serve the embedded model over HTTP.

    It speaks as OpenAI's and Anthropic's APIs do.
    """
    toolbox: Toolbox = context.obj
    return toolbox.services.model(host=host, port=port)


@app.command("train")
def train(
    context: typer.Context,
    table: TableOption = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="what the table's columns mean (TOML)")
    ] = None,
    on: Annotated[str | None, typer.Option("--date", help="the day that the card gives; default: today")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Train a model of who leaves, from a table of customers.

    The same table, mapping, date and version give the same digest. Runs use it once PLACET_CHURN_SOURCES names it.
    """
    from placet.interfaces.telling.models import for_runs_in_words, quality_lines

    toolbox: Toolbox = context.obj
    digest, path, card = toolbox.models.train(table, mapping, _day(on))
    if as_json:
        output.print_json({"model": digest, "file": str(path), "card": card.model_dump(mode="json")})
        return
    output.print_field("model", digest)
    output.print_field("file", str(path))
    for line in quality_lines(card):
        output.print_line(line)
    output.print_line("`placet model card` says the rest, with where it must not be relied on")
    output.print_line(for_runs_in_words(toolbox.models.shown(digest), toolbox.models.runs_use))


@app.command("list")
def list_models(context: typer.Context, as_json: JsonFlag = False) -> int:
    """List the churn models, and say which one runs use.

    The whole digest comes first: PLACET_CHURN_SOURCES is told it so. 1 where a file is not in order, or runs are told
    to use one that is not for them.
    """
    from placet.interfaces.telling.models import held_lines, trained_last_in_words

    toolbox: Toolbox = context.obj
    found = toolbox.models.held()
    if as_json:
        output.print_json(found.model_dump(mode="json"))
    else:
        output.print_field("in use", found.runs_use)
        for one in found.models:
            output.print_lines(held_lines(one), none="")
        if not found.models and not found.fault:
            output.print_line("no churn model; `placet model train` makes one")
        if said := trained_last_in_words(found):
            output.print_line(f"{said}: name one with --model")
        if found.left_out:
            output.print_notice(f"{counted(found.left_out, 'older model')} left out")
    if found.fault:
        output.print_error(found.fault)
    unusable = any(one.fault or (one.in_use and not one.for_runs) for one in found.models)
    return 1 if found.fault or unusable else 0


@app.command("card")
def card(context: typer.Context, model: ModelOption = None, as_json: JsonFlag = False) -> None:
    """Show what a model learned from, how well it does, its limits."""
    from placet.interfaces.telling.models import card_lines

    toolbox: Toolbox = context.obj
    with _listed_where():
        found = toolbox.models.shown(model)
    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return
    output.print_field("model", found.model)
    for line in card_lines(found, toolbox.models.runs_use):
        output.print_line(line)


@app.command("score")
def score(
    context: typer.Context,
    customer_id: Annotated[
        str | None, typer.Argument(metavar="CUSTOMER", help="one customer; none: everybody in the table")
    ] = None,
    table: TableOption = None,
    model: ModelOption = None,
    as_events: Annotated[
        bool, typer.Option("--events", help="as events of the live state, for `placet state ingest -`")
    ] = False,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="when the table was true, for --events; default: now")
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    """Say how likely customers are to leave, and why.

    A reason is what moves the score against the average customer; it is no cause. 1 where a row cannot be read.
    """
    toolbox: Toolbox = context.obj
    if as_events or as_of is not None:
        return _print_events(toolbox, model, table, customer_id, as_of, as_events=as_events, as_json=as_json)
    if customer_id is None:
        with _listed_where():
            everybody = toolbox.models.score_all(model, table)
        return _print_all(everybody, as_json=as_json)
    with _listed_where():
        found = toolbox.models.score(model, table, customer_id)
    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return 0
    output.print_field("customer", found.customer_id)
    output.print_field("leaves", f"{found.probability_bp / 100:.1f} %")
    for sentence in found.sentences:
        output.print_field("", sentence)
    output.print_field("model", found.model)
    return 0


@app.command("drift")
def drift(
    context: typer.Context,
    table: Annotated[Path, typer.Option("--table", metavar="FILE", help="customers as they are now")],
    model: ModelOption = None,
    as_json: JsonFlag = False,
) -> int:
    """Say how far customers have moved from those it learned from.

    1 where something has shifted (a stability index of 0.25 or more), or where that cannot be told: a row cannot be
    read, or they are too few. So a timer can watch it.
    """
    from placet.interfaces.telling.models import pairs_in_words

    toolbox: Toolbox = context.obj
    with _listed_where():
        found = toolbox.models.drift(model, table)
    if as_json:
        output.print_json(found.model_dump(mode="json"))
        return _judged(found)
    output.print_field("model", found.model)
    unread = f"; {counted(found.unread, 'row')} cannot be read" if found.unread else ""
    output.print_field("table", f"{counted(found.customers, 'customer')}{unread}, SHA-256 {found.data_digest}")
    if found.learned_from:
        output.print_field("", "it is the table that the model learned from: nothing in it can have moved")
    output.print_field("expected", f"{found.predicted * 100:.1f} % leave")
    if found.observed is not None:
        output.print_field("happened", f"{found.observed * 100:.1f} % left")
    if found.auc is not None:
        output.print_field("ranking", f"{pairs_in_words(found.auc)} (AUC {found.auc:.3f})")
    for one in (found.score, *found.features):
        output.print_line(_moved(one))
    return _judged(found)


@contextmanager
def _listed_where() -> Iterator[None]:
    """Say where the digests are to be found, where the block finds no model of the one that was named."""
    try:
        yield
    except UsageError as error:
        if error.code != "unknown_model":
            raise
        raise UsageError(f"{error}; `placet model list` lists those that are held", code=error.code) from error


def _judged(found: "Drift") -> int:
    """Say on standard error what keeps the verdicts from counting, and return the exit code."""
    moved = (found.score, *found.features)
    if first := found.first_unread:
        # What cannot be read is what has changed most: the verdicts are of the rest.
        output.print_error(
            f"{found.unread} of {counted(found.customers + found.unread, 'row')} cannot be read, and no verdict is of "
            f"them; the first is in line {first.row}: {first.why}"
        )
    too_few = any(one.verdict == "too_few" for one in moved)
    if too_few:
        output.print_error(
            f"{counted(found.customers, 'customer')} are too few to tell a shift from chance; {found.fewest} are needed"
        )
    return 1 if found.unread or too_few or any(one.verdict == "shifted" for one in moved) else 0


def _moved(one: "Moved") -> str:
    name = "the score itself" if one.name == "score" else one.name.replace("_", " ")
    verdict = one.verdict.replace("_", " ")
    return f"  {name:<20} {verdict:<8} {one.psi:.3f}   {one.words}"


def _print_all(found: "ScoredTable", *, as_json: bool) -> int:
    """Print everybody, the likeliest to leave first."""
    if as_json:
        output.print_json(found.model_dump(mode="json"))
    else:
        output.print_lines(map(_brief, found.scores), none="no row can be read")
        _print_unread(found)
    return 1 if found.unread else 0


def _print_events(
    toolbox: Toolbox,
    model: str | None,
    table: Path | None,
    customer_id: str | None,
    as_of: str | None,
    *,
    as_events: bool,
    as_json: bool,
) -> int:
    """Print an event for each customer of a table."""
    from placet.interfaces.cli.models.score_events import event_lines

    if not as_events:
        raise UsageError("--as-of says when scores are of, which only events do; add --events")
    if customer_id is not None or as_json:
        raise UsageError("--events writes JSON lines of everybody in the table; leave CUSTOMER and --json out")
    now = datetime.now(UTC).replace(microsecond=0)
    at = now if as_of is None else time_gone(as_of, "--as-of")
    oldest = now - timedelta(days=toolbox.periods().events)
    if at < oldest:
        raise UsageError(
            f"--as-of {moment(at)} is too long ago: events are kept back to {moment(oldest)}, and "
            "`placet state ingest` takes no older one; name a later day"
        )
    with _listed_where():
        found = toolbox.models.score_all(model, table)
    lines, unnamed = event_lines(found, at)
    while some := list(islice(lines, _AT_ONCE)):
        output.print_text("\n".join(some))
    _print_unread(found)
    for fault in unnamed[:_PRINTED_FAULTS]:
        output.print_error(fault)
    if unnamed:
        output.print_error(f"{counted(len(unnamed), 'customer')} got no event")
    return 1 if found.unread or unnamed else 0


def _print_unread(found: "ScoredTable") -> None:
    for fault in found.unread[:_PRINTED_FAULTS]:
        output.print_error(f"line {fault.row}: {fault.why}")
    scored = counted(len(found.scores), "customer")
    output.print_notice(f"{scored} scored by model {found.model[:16]}; {len(found.unread)} not")


def _brief(one: "Brief") -> str:
    why = "; ".join(words for words in (one.raises, one.lowers) if words)
    return f"{one.customer_id}  {one.probability_bp / 100:5.1f} %  {why}"


def _day(given: str | None) -> date:
    try:
        time_of(given, "--date")
    except UsageError as error:
        raise UsageError(f"--date {shortened(given or '', NAME)!r} is no day; write one like 2026-03-01") from error
    on = time_gone(given, "--date").date()
    if on < _FIRST_DAY:  # a slip of the pen, which the card would tell for ever
        raise UsageError(f"--date {given} is before {_FIRST_DAY}; give the day on which the model is trained")
    return on

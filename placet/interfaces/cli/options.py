"""Options and arguments that several commands share, each written once."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, get_args

import typer
from pydantic import TypeAdapter, ValidationError

from placet.contracts.proposal import MutationKind
from placet.contracts.times import Moment
from placet.errors import UsageError
from placet.interfaces.cli.toolbox import Toolbox

JsonFlag = Annotated[bool, typer.Option("--json", help="print JSON")]
SinceOption = Annotated[str | None, typer.Option("--since", help="then or later: 2026-03-01, 2026-03-01T09:30:00Z")]
UntilOption = Annotated[str | None, typer.Option("--until", help="before then, written as --since is")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="run id, as `placet run list` shows it")]

# Who asks, in their own word.
ByOption = Annotated[str | None, typer.Option("--by", help="who asks for it (default: PLACET_OPERATOR)")]
CancelReasonOption = Annotated[str, typer.Option("--reason", help="why; kept on the record")]

# Who signs, and why.
AsOption = Annotated[str, typer.Option("--as", help="your name, as enrolled")]
AdministratorOption = Annotated[str, typer.Option("--as", help="your name, as enrolled: an administrator's")]
KeyOption = Annotated[
    Path | None, typer.Option("--key-file", help="your private key (default: <home>/keys/<name>.pem)")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="kept on the record with your signature")]
PrintFlag = Annotated[bool, typer.Option("--print", help="write what was signed to stdout instead of sending it")]
ProposalOption = Annotated[
    str | None, typer.Option("--proposal", help="refuse to sign anything but this proposal digest")
]
WaitOption = Annotated[
    float, typer.Option("--wait", min=0, help="seconds to wait for a worker's review; 3 when none came")
]

# Which of the runs that wait.
RunsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="RUN", help="run ids; several are decided with one signature")
]
AllFlag = Annotated[bool, typer.Option("--all", help="all runs that wait for a decision, within the limits below")]
AgentOption = Annotated[str | None, typer.Option("--agent", help="only this agent's proposals")]
KindOption = Annotated[
    list[str] | None, typer.Option("--kind", help=f"only this kind: {' | '.join(get_args(MutationKind))}; repeatable")
]
TreatmentOption = Annotated[list[str] | None, typer.Option("--treatment", help="only this treatment; repeatable")]
MaxCostOption = Annotated[
    str | None, typer.Option("--max-cost", help="only what costs at most this much each: '20.00 USD'")
]
TotalCostOption = Annotated[
    str | None, typer.Option("--total-cost", help="sign nothing if they cost more than this together")
]


ApplicationOption = Annotated[
    str | None, typer.Option("--agent", help="the application; may be left out where there is only one")
]


def application(toolbox: Toolbox, given: str | None) -> str:
    """Return the application that is meant: the one given, or the only one there is.

    Raises:
        UsageError: there are several, and none was given.
    """
    if given is not None:
        return given
    if len(toolbox.agents) == 1:
        return toolbox.agents[0]
    raise UsageError(f"there are several applications; choose one with --agent: {', '.join(toolbox.agents)}")


def asking(toolbox: Toolbox, by: str | None) -> str:
    """Return who asks: the name given, the operator where none was.

    Raises:
        UsageError: the name is empty, as that of a script whose variable is not set.
    """
    if by is not None and not by.strip():
        raise UsageError(f"--by {by!r} names nobody; write a name like 'olga', or leave --by out for PLACET_OPERATOR")
    return toolbox.operator if by is None else by


_MOMENT: Final[TypeAdapter[datetime]] = TypeAdapter(Moment)
_DATE_CHARACTERS: Final = len("2026-03-01")


def time_of(text: str | None, option: str) -> datetime | None:
    """Read a time, with its offset; a date alone is its first moment in UTC.

    Raises:
        UsageError: it is neither.
    """
    if text is None:
        return None
    try:
        return _MOMENT.validate_python(f"{text}T00:00:00Z" if len(text) == _DATE_CHARACTERS else text)
    except ValidationError as error:
        raise UsageError(
            f"{option} {text!r} is no time; write a date like 2026-03-01, or a time with its offset like "
            "2026-03-01T09:30:00Z"
        ) from error


def time_gone(text: str | None, option: str) -> datetime:
    """Read a time as `time_of` does; None is now.

    Raises:
        UsageError: it is none, or is still to come.
    """
    from placet.service.given import gone_by

    try:
        return gone_by(time_of(text, option), datetime.now(UTC))
    except UsageError as error:
        said = str(error)
        raise UsageError(said if said.startswith(option) else f"{option} {said}", code=error.code) from error

"""What the base answers: the database as it is or was, or a file of it (`placet state export`)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Generic, Protocol, TypeVar

import typer
from pydantic import BaseModel

from placet.contracts.text import counted
from placet.interfaces.cli import output
from placet.interfaces.cli.options import time_gone
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.contracts.cohorts.base_file import BaseHeader
    from placet.storage.database import Database

Found = TypeVar("Found", bound=BaseModel)
Found_co = TypeVar("Found_co", bound=BaseModel, covariant=True)

AsOfOption = Annotated[str | None, typer.Option("--as-of", help="as of then: 2026-03-01, 2026-03-01T09:30:00Z")]
BaseOption = Annotated[
    Path | None, typer.Option("--base", metavar="FILE", help="ask this file (`placet state export`), not the database")
]


class OfFile(Protocol[Found_co]):
    """What is found in a file, and whose it is."""

    @property
    def header(self) -> "BaseHeader":
        """Whose file it is, and of when."""

    @property
    def found(self) -> Found_co:
        """What is found in it."""


@dataclass(frozen=True, slots=True)
class AskedBase(Generic[Found]):
    """What was found, and in which file; None: in the database."""

    found: Found
    header: "BaseHeader | None"

    def print(self, say: Callable[[Found], None], *, as_json: bool) -> None:
        """Print it as JSON, or whose file it is and what `say` prints."""
        if as_json:
            output.print_json({**self.found.model_dump(mode="json"), **told_of(self.header)})
            return
        if self.header is not None:
            output.print_field("base", file_in_words(self.header))
        say(self.found)


def ask_base(
    toolbox: Toolbox,
    base: Path | None,
    as_of: str | None,
    *,
    of_file: Callable[[Path], OfFile[Found]],
    of_database: "Callable[[Database, str, datetime], Found]",
) -> AskedBase[Found]:
    """Ask the file of `--base`; without it the database, as of `--as-of` or now, with all events folded."""
    from placet.service.cohorts import fold_all

    if base is not None:
        refuse_time(as_of)
        answer = of_file(base)
        return AskedBase(answer.found, answer.header)
    at, database = time_gone(as_of, "--as-of"), toolbox.database()
    fold_all(database, toolbox.tenant)
    return AskedBase(of_database(database, toolbox.tenant, at), None)


def refuse_time(as_of: str | None) -> None:
    """Refuse a time beside a file."""
    if as_of is not None:
        raise typer.BadParameter("a file is of one time; give --as-of when you export it", param_hint="--as-of")


def told_of(header: "BaseHeader | None") -> dict[str, object]:
    """Return what JSON says of the file that was asked."""
    return {} if header is None else {"base_file": header.model_dump(mode="json")}


def file_in_words(header: "BaseHeader") -> str:
    """Say whose a file is, and how old."""
    hours = max(0, int((datetime.now(UTC) - header.as_of).total_seconds()) // 3600)
    days, rest = divmod(hours, 24)
    age = f"{counted(days, 'day')} and {counted(rest, 'hour')}" if days else counted(rest, "hour")
    return f"a file of tenant {header.tenant!r}, {age} old; what happened since is not in it"

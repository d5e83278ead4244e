"""Files of strategies that commands are given."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from placet.files import read_given

if TYPE_CHECKING:
    from placet.contracts.strategies.strategy import Strategy

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="a strategy in YAML")]

_LARGEST: Final = 1_000_000


def text_in(file: Path) -> str:
    """Return the text of a file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    return read_given(file, "the strategy", most=_LARGEST)


def strategy_in(file: Path) -> "Strategy":
    """Return the strategy of a file.

    Raises:
        UsageError: code `strategy_unsound`; it has an error.
        ConfigurationError: it cannot be read.
    """
    from placet.service.strategies.checking import strategy_of

    return strategy_of(text_in(file), str(file))

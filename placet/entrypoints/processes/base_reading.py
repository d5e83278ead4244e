"""Asking a file of a base in a process of its own, which is bounded in time and memory, and whose end harms nobody.

The file may come from anywhere. Polars ends the process that it runs in where some files are damaged, and takes what
memory a file asks for: what reads it must be able to fail alone. The child says one line, or nothing.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel

from placet.contracts.cohorts.base_file import FileKpis, FilePreview
from placet.contracts.events.kinds import Channel
from placet.contracts.strategies.plan import FilePlan, FileStrategyPreview
from placet.contracts.text import one_line
from placet.entrypoints.processes.confining import OUT_OF_MEMORY, answer_order, end
from placet.errors import PlacetError, UsageError
from placet.files import open_given

if TYPE_CHECKING:
    from placet.service.base_file import BaseFile

T = TypeVar("T", FilePreview, FileKpis, FilePlan, FileStrategyPreview)

MODULE: Final = "placet.entrypoints.processes.base_reading"
UNREADABLE: Final = "base_file"
_SHOWN: Final = 400
_MOST_THREADS: Final = 4


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one question may take.

    Attributes:
        seconds: Until the child is ended. Ten million customers take minutes.
        megabytes: Of memory of its own (`RLIMIT_DATA`).
    """

    seconds: float = 3600.0
    megabytes: int = 1024


USUAL: Final = Bounds()


def preview_apart(path: Path, tenant: str, expression: str, bounds: Bounds = USUAL) -> FilePreview:
    """Return whom a cohort has, by a file; see `ask_apart`."""
    return ask_apart(path, tenant, expression, FilePreview, bounds)


def kpis_apart(path: Path, tenant: str, expression: str | None, bounds: Bounds = USUAL) -> FileKpis:
    """Return the figures of a file's customers, or of a cohort of them; see `ask_apart`."""
    return ask_apart(path, tenant, expression, FileKpis, bounds)


def strategy_preview_apart(path: Path, tenant: str, text: str, bounds: Bounds = USUAL) -> FileStrategyPreview:
    """Return what a strategy would do, by a file; see `ask_apart`."""
    return ask_apart(path, tenant, text, FileStrategyPreview, bounds)


def plan_apart(path: Path, tenant: str, texts: Sequence[str], channel: Channel, bounds: Bounds = USUAL) -> FilePlan:
    """Return what strategies would do together, by a file; see `ask_apart`."""
    return ask_apart(path, tenant, json.dumps({"texts": list(texts), "channel": channel}), FilePlan, bounds)


def ask_apart(
    path: Path,
    tenant: str,
    asked: str | None,
    wanted: type[T],
    bounds: Bounds,
    command: Sequence[str] = (sys.executable, "-P", "-m", MODULE),
) -> T:
    """Ask a file in a child process, and return what it answered.

    Args:
        path: The file. A symbolic link is not followed.
        tenant: Whose it must be.
        asked: The cohort's expression (None: all customers), a strategy's text, or those of a plan with its channel.
        wanted: What is asked for.
        bounds: What it may take.
        command: The child.

    Raises:
        ConfigurationError: the file cannot be opened, is a link or no ordinary file.
        UsageError: code `base_file`; it cannot be read, or is none that this version and tenant may ask.
    """
    with open_given(path, "the base", follow=False) as file:
        order = {
            "descriptor": file.fileno(),
            "named": str(path),
            "tenant": tenant,
            "asked": asked,
            "wanted": wanted.__name__,
            "megabytes": bounds.megabytes,
        }
        said, code = _run(order, bounds, command, path)
    return _read(said, code, wanted, path, bounds)


def _run(order: dict[str, Any], bounds: Bounds, command: Sequence[str], path: Path) -> tuple[bytes, int]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PLACET_", "POLARS_"))}
    # Each thread has frames of its own under way: on a large machine they would not fit the bound.
    environment["POLARS_MAX_THREADS"] = str(min(_MOST_THREADS, os.cpu_count() or 1))
    with subprocess.Popen(  # noqa: S603 - our own command
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # of a damaged file, pages of traces
        env=environment,
        pass_fds=(order["descriptor"],),
        start_new_session=True,
    ) as child:
        try:
            answer, _ = child.communicate(json.dumps(order).encode(), timeout=bounds.seconds)
        except subprocess.TimeoutExpired as error:
            raise _failed(path, f"it took longer than {bounds.seconds:g} s and was ended") from error
        finally:
            end(child)
    return answer, child.returncode


def _read(answer: bytes, code: int, wanted: type[T], path: Path, bounds: Bounds) -> T:
    try:
        said: dict[str, Any] = json.loads(answer)
        if "refused" in said:
            raise UsageError(one_line(str(said["refused"]), _SHOWN), code=str(said["code"]))
        return wanted.model_validate_json(json.dumps(said["answer"]))
    except (ValueError, TypeError, KeyError) as error:
        if code >= 0 and code != OUT_OF_MEMORY:  # no fault of the file: that ends it by a signal, or is said
            raise _failed(path, f"what reads it ended with code {code} and no answer") from error
        raise _failed(
            path,
            f"reading it took more than {bounds.megabytes:,} MB of memory, or ended the process that read it: it is "
            "damaged, or its row groups are too large; export the base again",
        ) from error


def _failed(path: Path, why: str) -> PlacetError:
    return UsageError(f"cannot answer from {str(path)!r}: {why}", code=UNREADABLE)


def main() -> None:
    """Answer what the order on standard input asks."""
    answer_order(_answered)


def _preview(base: "BaseFile", asked: str | None) -> FilePreview:
    from placet.decisioning.cohorts.cohort import cohort_of  # noqa: PLC0415

    return base.preview(cohort_of(asked or ""))


def _kpis(base: "BaseFile", asked: str | None) -> FileKpis:
    from placet.decisioning.cohorts.cohort import cohort_of  # noqa: PLC0415

    return base.kpis(None if asked is None else cohort_of(asked))


def _strategy_preview(base: "BaseFile", asked: str | None) -> FileStrategyPreview:
    from placet.service.strategies.checking import strategy_of  # noqa: PLC0415

    return base.strategy_preview(strategy_of(asked or "", "the strategy"))


def _plan(base: "BaseFile", asked: str | None) -> FilePlan:
    from placet.service.strategies.checking import strategy_of  # noqa: PLC0415

    order = json.loads(asked or "")
    return base.plan([strategy_of(text, "a strategy") for text in order["texts"]], order["channel"])


_ANSWERS: Final[Mapping[str, Callable[["BaseFile", str | None], BaseModel]]] = {
    FilePreview.__name__: _preview,
    FileKpis.__name__: _kpis,
    FileStrategyPreview.__name__: _strategy_preview,
    FilePlan.__name__: _plan,
}


def _answered(order: dict[str, Any]) -> dict[str, Any]:
    from placet._origin import check_origin  # noqa: PLC0415 - after the bound on memory, as what follows
    from placet.entrypoints.environment import CHECKOUT  # noqa: PLC0415
    from placet.service.base_file import BaseFile  # noqa: PLC0415

    try:
        check_origin(CHECKOUT)
        base = BaseFile(f"/dev/fd/{order['descriptor']}", str(order["tenant"]), str(order["named"]), datetime.now(UTC))
        asked = None if order["asked"] is None else str(order["asked"])
        found = _ANSWERS[order["wanted"]](base, asked)
    except PlacetError as error:
        return {"refused": one_line(str(error), _SHOWN), "code": error.code}
    return {"answer": found.model_dump(mode="json")}


if __name__ == "__main__":
    main()

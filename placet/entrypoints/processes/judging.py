"""Replaying a run in a process of its own, which is bounded in time and memory, and whose end harms nobody.

The console asks for it. A history may be long, or of hostile size: what reads it must be able to fail alone. The child
gives way to others on the processor, is what the kernel ends first where memory is short, and ends with its parent.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from pydantic import SecretStr

from placet.contracts.text import one_line
from placet.entrypoints.processes.confining import OUT_OF_MEMORY, answer_order, end
from placet.entrypoints.settings import Settings
from placet.errors import PlacetError
from placet.interfaces.console.installed import Judged

MODULE: Final = "placet.entrypoints.processes.judging"
_MOST_LINES: Final = 100
_SHOWN: Final = 1000
"""Of one line, in characters."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one replay may take.

    Attributes:
        seconds: Until it is ended.
        megabytes: Of memory of its own (`RLIMIT_DATA`). An ordinary run's replay takes less than 512.
    """

    seconds: float = 60.0
    megabytes: int = 2048


USUAL: Final = Bounds()


def judge_apart(
    settings: Settings,
    run_id: str,
    bounds: Bounds = USUAL,
    command: Sequence[str] = (sys.executable, "-P", "-m", MODULE),
) -> Judged:
    """Replay a run in a child process, and return what it found.

    Args:
        settings: Of the installation. The child gets them over a pipe, where no other user reads them.
        run_id: The run.
        bounds: What it may take.
        command: The child.

    Raises:
        PlacetError: what the child says of why it could not. Code `replay_too_long` or `replay_too_large`: it reached
            a bound. Code `replay_failed`: it ended without an answer.
    """
    order = json.dumps({"settings": _revealed(settings), "run_id": run_id, "megabytes": bounds.megabytes})
    # Whatever stands in our environment was read already, and would outrank what the child is given.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PLACET_")}
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
    ) as child:
        try:
            answer, _ = child.communicate(order.encode(), timeout=bounds.seconds)
        except subprocess.TimeoutExpired as error:
            raise PlacetError(
                f"it took longer than {bounds.seconds:g} s and was ended; {_elsewhere(run_id)}", code="replay_too_long"
            ) from error
        finally:
            end(child)
    return _read(answer, child.returncode, run_id, bounds)


def _elsewhere(run_id: str) -> str:
    return f"`placet replay {run_id}` on the command line has no such bound"


def _read(answer: bytes, code: int, run_id: str, bounds: Bounds) -> Judged:
    if code == OUT_OF_MEMORY:
        raise PlacetError(
            f"it needed more than {bounds.megabytes} MB of memory and was ended; {_elsewhere(run_id)}",
            code="replay_too_large",
        )
    try:
        said: dict[str, Any] = json.loads(answer)
        if "refused" in said:
            raise PlacetError(str(said["refused"]), code=str(said["code"]))
        lines: dict[str, Any] = {name: tuple(said.pop(name)) for name in ("signed", "faults", "notes")}
        return Judged(**said, **lines)
    except (ValueError, TypeError, KeyError) as error:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        raise PlacetError(
            f"its process {how} without an answer; the server's log may say why, and {_elsewhere(run_id)}",
            code="replay_failed",
        ) from error


def _revealed(settings: Settings) -> dict[str, Any]:
    """Return all settings as JSON, secrets included."""
    values = settings.model_dump(mode="json")
    secret = {name: value for name, value in settings if isinstance(value, SecretStr)}
    return values | {name: value.get_secret_value() for name, value in secret.items()}


def main() -> None:
    """Do what the order on standard input says, and write the answer to standard output."""
    answer_order(_judge)


def _judge(order: dict[str, Any]) -> dict[str, Any]:
    from placet._origin import check_origin  # noqa: PLC0415 - after the bound on memory, as what follows
    from placet.entrypoints.environment import CHECKOUT  # noqa: PLC0415
    from placet.replay import replay  # noqa: PLC0415

    try:
        check_origin(CHECKOUT)
        found = asyncio.run(replay(Settings(**order["settings"]), str(order["run_id"])))
    except PlacetError as error:
        return {"refused": one_line(str(error), _SHOWN), "code": error.code}
    if any("MemoryError" in fault for fault in found.faults):  # the engine tells it as a fault of the history
        raise MemoryError
    return asdict(
        Judged(
            run_id=found.run_id,
            state=found.state,
            events=found.events,
            proposal=found.proposal,
            signed=_bounded(found.signed),
            faults=_bounded(found.faults),
            notes=_bounded(found.notes),
        )
    )


def _bounded(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the lines as a page can show them: a history of any size may have any number of faults."""
    more = len(lines) - _MOST_LINES
    return (*(one_line(line, _SHOWN) for line in lines[:_MOST_LINES]), *((f"and {more} more",) if more > 0 else ()))


if __name__ == "__main__":
    main()

"""Several child processes that start together and end together, whatever happens in between."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from placet.entrypoints.processes.child_log import ChildLog
from placet.entrypoints.processes.interruption import uninterrupted
from placet.entrypoints.processes.process import Child, await_condition

# A worker imports for seconds on an idle machine, for a minute on a busy one. A part that ends is told at once.
_START_SECONDS = 120.0


class ProcessGroup(ABC):
    """Entering starts all parts (and stops what had started when one fails); leaving stops them, the last one first."""

    def __init__(
        self,
        logs: Path,
        environment: Mapping[str, str | None],
        *,
        log_bytes: int = 10_000_000,
        log_files: int = 5,
    ) -> None:
        self._folder = logs
        self._environment = environment
        self._log_bytes, self._log_files = log_bytes, log_files
        self._logs: dict[str, ChildLog] = {}
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        """Start everything."""
        try:
            self.start()
        except BaseException:
            with uninterrupted():
                self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything; a second Ctrl-C does not leave half of it running."""
        with uninterrupted():
            self.stop()

    @abstractmethod
    def start(self) -> None:
        """Spawn the parts and await what shows that they serve."""

    def spawn(self, name: str, command: list[str]) -> Child:
        """Start one part, logging to a file of its name."""
        with uninterrupted():
            child = self._start(name, command)
            self._children.append(child)
        return child

    def dead(self) -> list[Child]:
        """Return the parts that have ended by themselves."""
        return [child for child in self._children if child.death]

    def start_again(self, child: Child) -> Child:
        """Start a part that has ended, as it was started."""
        with uninterrupted():
            child.stop()  # what it started may live on
            again = self._start(child.name, list(child.command))
            self._children[self._children.index(child)] = again
        return again

    def end(self, child: Child) -> None:
        """Stop one part for good, while the others go on."""
        with uninterrupted():
            self._children.remove(child)
            child.ask_to_stop()
            child.stop()

    def _start(self, name: str, command: list[str]) -> Child:
        if name not in self._logs:
            path = self._folder / f"{name}.log"
            self._logs[name] = ChildLog(path, most_bytes=self._log_bytes, files=self._log_files)
        return Child(name, command, self._logs[name], self.environment_of(name))

    def environment_of(self, name: str) -> Mapping[str, str | None]:  # noqa: ARG002 - for those that tell parts apart
        """Return what the part of this name finds in its environment beside ours; None takes a variable away."""
        return self._environment

    def check(self) -> None:
        """Raise when a part has ended by itself.

        Raises:
            ConfigurationError: naming it, with its last log line.
        """
        for child in self._children:
            child.check()

    def await_part(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a part to serve; a part that ends meanwhile raises at once."""

        def holds() -> bool:
            self.check()
            return condition()

        await_condition(holds, seconds=_START_SECONDS, what=what)

    def stop(self) -> None:
        """Stop all parts: those that depend on others first."""
        for child in reversed(self._children):
            child.ask_to_stop()
        for child in reversed(self._children):
            child.stop()
        self._children.clear()
        for log in self._logs.values():
            log.close()
        self._logs.clear()

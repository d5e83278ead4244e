"""Where one bench lives: a temporary folder and free ports, agreed on by the driver and its child processes.

Only the standard library is imported here, so that the bare worker carries nothing of ours.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["bare", "governed"]
KINDS: tuple[Kind, ...] = ("bare", "governed")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a worker process has used since it started.

    Attributes:
        cpu_seconds: User and system time of all its threads.
        peak_rss_mb: Largest resident set so far, in MiB.
        model_library: Whether litellm was imported; with inference scripted it must not be.
    """

    cpu_seconds: float
    peak_rss_mb: float
    model_library: bool

    @classmethod
    def read(cls, file: Path) -> "Usage":
        """Read what a worker wrote."""
        return cls(**json.loads(file.read_text()))


@dataclass(frozen=True, slots=True)
class Place:
    """One bench's addresses and files.

    Attributes:
        activities: How many a worker runs at a time.
        cached_runs: How many a worker keeps in memory.
        database_url: Of the record; empty: an SQLite file in `home`.
        policies: Folder of tenants' policies; None: each agent's own.
        customers: The BSS's customers; None: those of its sample.
    """

    home: Path
    temporal_port: int
    bss_port: int
    activities: int
    cached_runs: int
    database_url: str = ""
    policies: Path | None = None
    customers: Path | None = None

    def write(self) -> Path:
        """Write this description for the child processes; returns the file."""
        file = self.home / "place.json"
        file.write_text(json.dumps(asdict(self), default=str))
        return file

    @classmethod
    def read(cls, file: Path) -> "Place":
        """Read what `write` wrote."""
        values = json.loads(file.read_text())
        paths = {name: values[name] and Path(values[name]) for name in ("home", "policies", "customers")}
        return cls(**{**values, **paths})

    @property
    def temporal(self) -> str:
        """Address of the Temporal server."""
        return f"127.0.0.1:{self.temporal_port}"

    @property
    def bss_url(self) -> str:
        """Base URL of the sandbox BSS."""
        return f"http://127.0.0.1:{self.bss_port}"

    @property
    def notices(self) -> Path:
        """The socket on which workers tell that a run waits."""
        return self.home / "notices"

    def ready(self, worker: str) -> Path:
        """Return the file that the worker of this name writes when it polls."""
        return self.home / f"{worker}.ready"

    def usage(self, worker: str) -> Path:
        """Return the file that the worker of this name writes when it is asked (SIGUSR1)."""
        return self.home / f"{worker}.usage"

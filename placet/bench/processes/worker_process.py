"""What both worker processes share: run until told to stop, and say on request what was used."""

import asyncio
import json
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

from temporalio.worker import Worker

from placet.bench.processes.notices import Notifier
from placet.bench.processes.place import Place, Usage

# Both kinds call it by this name.
_LAST_STEP_BEFORE_DECISION = "open_gate"

Build = Callable[[Place, Notifier], Awaitable[Worker]]


async def work(worker: str, place: Place, build: Build) -> None:
    """Run the worker that `build` makes until SIGTERM; write its usage on SIGUSR1."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    loop.add_signal_handler(signal.SIGUSR1, _write_usage, place.usage(worker))
    async with await build(place, Notifier(_LAST_STEP_BEFORE_DECISION, place.notices)):
        place.ready(worker).write_text("ready\n")
        await stopping.wait()


def _write_usage(file: Path) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    usage = Usage(
        cpu_seconds=used.ru_utime + used.ru_stime,
        peak_rss_mb=_peak_rss_bytes() / 2**20,
        model_library="litellm" in sys.modules,
    )
    fresh = file.with_suffix(".fresh")
    fresh.write_text(json.dumps(asdict(usage)))
    fresh.replace(file)


def _peak_rss_bytes() -> int:
    # Linux carries ru_maxrss over from the process that forked us; VmHWM is of this program alone.
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(peak.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS counts bytes

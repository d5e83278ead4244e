"""The gate's own work as a share of a whole governed run."""

import statistics
from collections.abc import Iterator

from placet.bench.governance.figures import Figure
from placet.bench.governance.gate_runs import Runs, with_embedded_model, with_scripted_model
from placet.bench.governance.scale import Scale
from placet.entrypoints.settings import Settings

_AIM = 0.05
NOTE = (
    "gate: `open_gate`, `review_decisions` and the check before the effect, called as a worker does, on the database "
    "and the BSS of the run they stand beside; a run is counted without the approver's own time"
)


def measure(settings: Settings, scale: Scale) -> Iterator[Figure]:
    """Measure the gate's share by the clock, with the embedded model and without any, and of the worker's CPU."""
    embedded = with_embedded_model(scale.few)
    yield _wall("embedded model", embedded)
    scripted = with_scripted_model(settings, scale.rounds)
    yield _wall("inference scripted", scripted)
    if scripted.worker_cpu is not None:
        yield Figure(
            part="gate",
            name="gate share of a run, worker CPU, inference scripted",
            unit="ms CPU",
            ours=1000 * statistics.median(run.gate.cpu for run in scripted.runs),
            reference=1000 * scripted.worker_cpu,
            against="CPU of the worker process for one run, all threads",
            limit=_AIM,
        )


def _wall(what: str, measured: Runs) -> Figure:
    return Figure(
        part="gate",
        name=f"gate share of a run, {what}",
        unit="ms",
        ours=1000 * statistics.median(run.gate.wall for run in measured.runs),
        reference=1000 * statistics.median(run.wall for run in measured.runs),
        against="a whole governed run: request to waiting and decision to executed",
        limit=_AIM,
    )

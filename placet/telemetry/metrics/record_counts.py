"""Counters that follow the record: each entry is read once, and counted by what it says happened.

A counter begins at zero with its process, as Prometheus expects, and every process that follows the record counts the
same. So the hot path counts nothing, and what is counted is what is on the record.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from placet.contracts.audit import AuditEvent
from placet.errors import GovernanceError
from placet.storage.database import Database
from placet.telemetry.metrics import names
from placet.telemetry.metrics.names import Metric

Sample = tuple[Metric, tuple[str, ...], float]

OTHER: Final = "other"
_BATCH: Final = 500
_MOST_BATCHES: Final = 10
_MOST_SERIES: Final = 1000
_LONGEST: Final = 60
_MODEL_KINDS: Final = ("analyse.completed", "propose.completed", "analyse.unanswered", "propose.unanswered")
_FAR: Final = datetime(9999, 1, 1, tzinfo=UTC)


class RecordCounts:
    """Counts along the record of some tenants, from the end that it has when it is first followed.

    Args:
        database: Where the record is.
        tenants: Whose.
    """

    def __init__(self, database: Database, tenants: Sequence[str]) -> None:
        self._database = database
        self._tenants = tuple(tenants)
        self._after: dict[str, int] = {}
        self._counts: dict[tuple[Metric, tuple[str, ...]], float] = {}
        self.readable: dict[str, bool] = {}

    def follow(self) -> None:
        """Read what came since, 5000 entries of a tenant at most; the rest is left to the next time.

        Raises:
            StorageError: the database did not answer.
        """
        for tenant in self._tenants:
            with self._database.reading() as tx:
                if tenant not in self._after:
                    self._after[tenant] = tx.audit.position_before(tenant, _FAR)
                try:
                    for _ in range(_MOST_BATCHES):
                        entries = tx.audit.tail(tenant, self._after[tenant], _BATCH)
                        self._count(tenant, entries)
                        if len(entries) < _BATCH:
                            break
                    self.readable[tenant] = True
                except GovernanceError:  # it is for `placet audit verify` to say which
                    self.readable[tenant] = False

    def samples(self) -> Iterator[Sample]:
        """Yield what was counted."""
        for (metric, labels), value in self._counts.items():
            yield metric, labels, value

    def _count(self, tenant: str, entries: list[tuple[int, AuditEvent]]) -> None:
        for position, event in entries:
            for metric, labels, value in counted(event.kind, event.body):
                key = metric, (tenant, *map(_label, labels))
                # Labels come from our own code; whoever writes rows of their own must not fill our memory.
                if key in self._counts or len(self._counts) < _MOST_SERIES:
                    self._counts[key] = self._counts.get(key, 0.0) + value
            self._after[tenant] = position


def counted(kind: str, body: Mapping[str, Any]) -> Iterator[Sample]:
    """Yield what one entry counts as; labels without the tenant."""
    simple = _BY_KIND.get(kind)
    if simple is not None:
        metric, label = simple
        yield metric, (str(body.get(label)),) if label else (), 1
    if kind in _MODEL_KINDS:
        uses = body.get("model_use")
        for use in uses if isinstance(uses, list) else []:
            if isinstance(use, dict):
                yield from _model(use)


_BY_KIND: Final[Mapping[str, tuple[Metric, str]]] = {
    "run.ended": (names.RUNS_ENDED, "state"),
    "run.parked": (names.EFFECTS_PARKED, ""),
    "approve.decided": (names.DECISIONS, "verdict"),
    "approve.settled": (names.DECISIONS, "verdict"),
    "approve.refused": (names.DECISIONS_REFUSED, "code"),
    "execute.refused": (names.EFFECTS_REFUSED, "code"),
    "plugin.violation": (names.PLUGIN_VIOLATIONS, ""),
}


def _model(use: Mapping[str, Any]) -> Iterator[Sample]:
    model = str(use.get("model"))
    yield names.MODEL_REQUESTS, (model, str(use.get("task")), str(use.get("outcome"))), 1
    amounts: tuple[tuple[Metric, tuple[str, ...], str, float], ...] = (
        (names.MODEL_TOKENS, (model, "input"), "prompt_tokens", 1),
        (names.MODEL_TOKENS, (model, "output"), "completion_tokens", 1),
        (names.MODEL_COST, (model,), "cost_microusd", 1e-6),
        (names.MODEL_SECONDS, (model,), "latency_ms", 1e-3),
    )
    for metric, labels, field, unit in amounts:
        amount = use.get(field)
        if type(amount) is int and amount > 0:
            yield metric, labels, amount * unit


def _label(value: str) -> str:
    plain = value.isascii() and value.replace("_", "").replace("-", "").isalnum()
    return value if plain and len(value) <= _LONGEST else OTHER

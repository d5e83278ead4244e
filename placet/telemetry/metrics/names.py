"""Every metric of Placet: its name, its labels, and what it means. Dashboards and alerts may use these and no others.

No label ever names a customer, a person or a run.
"""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; `name` is what Prometheus shows, with `_total` for a counter."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    kind: Literal["gauge", "counter"] = "gauge"


RUNS_OPEN: Final = Metric(
    "placet_runs_open",
    "Runs that are not over, by state, 10000 at most; unknown_outcome: an effect is parked until a person has looked.",
    ("tenant", "state"),
)
RUN_OLDEST: Final = Metric(
    "placet_run_oldest_seconds", "Age of the oldest run in a state, since its request.", ("tenant", "state")
)
GATE_OLDEST: Final = Metric(
    "placet_gate_oldest_seconds", "How long the gate that has waited longest has been open.", ("tenant",)
)
UNSIGNED_ENTRIES: Final = Metric(
    "placet_log_unsigned_entries", "Entries of the record that no checkpoint covers yet, 10000 at most.", ("tenant",)
)
UNSIGNED_SECONDS: Final = Metric(
    "placet_log_unsigned_seconds", "How long the oldest of them has been on the record.", ("tenant",)
)
OUTBOX_WAITING: Final = Metric(
    "placet_outbox_waiting", "Notifications that are not delivered yet, 10000 at most.", ("tenant",)
)
OUTBOX_OLDEST: Final = Metric("placet_outbox_oldest_seconds", "How long the oldest of them has waited.", ("tenant",))
QUEUE_BACKLOG: Final = Metric(
    "placet_task_queue_backlog", "Tasks that wait for a worker, as Temporal estimates them.", ("kind",)
)
QUEUE_OLDEST: Final = Metric("placet_task_queue_oldest_seconds", "How long the oldest of them has waited.", ("kind",))
KAFKA_WAITING: Final = Metric(
    "placet_kafka_waiting",
    "Messages at Kafka that are not taken yet, of the partitions that this process reads: add up over processes.",
    ("tenant",),
)
SOURCE_UP: Final = Metric("placet_source_up", "Whether the figures of a source could be read: 1 or 0.", ("source",))
RECORD_READABLE: Final = Metric(
    "placet_record_readable", "0: an entry of the record cannot be read, and counters stand still.", ("tenant",)
)
RUNS_ENDED: Final = Metric("placet_runs_ended_total", "Runs that ended, by how.", ("tenant", "state"), "counter")
EFFECTS_PARKED: Final = Metric(
    "placet_effects_parked_total", "Effects whose outcome could not be known.", ("tenant",), "counter"
)
DECISIONS: Final = Metric(
    "placet_decisions_total", "Decisions that counted, by verdict.", ("tenant", "verdict"), "counter"
)
DECISIONS_REFUSED: Final = Metric(
    "placet_decisions_refused_total", "Decisions that did not count, by reason.", ("tenant", "code"), "counter"
)
EFFECTS_REFUSED: Final = Metric(
    "placet_effects_refused_total",
    "Effects refused right before they were sent, by reason.",
    ("tenant", "code"),
    "counter",
)
PLUGIN_VIOLATIONS: Final = Metric(
    "placet_plugin_violations_total", "Requests of a plugin that the allowlist stopped.", ("tenant",), "counter"
)
MODEL_REQUESTS: Final = Metric(
    "placet_model_requests_total", "Requests to models, by outcome.", ("tenant", "model", "task", "outcome"), "counter"
)
MODEL_TOKENS: Final = Metric(
    "placet_model_tokens_total", "Tokens of prompts and completions.", ("tenant", "model", "direction"), "counter"
)
MODEL_COST: Final = Metric(
    "placet_model_cost_usd_total", "List price of what was asked, in US dollars.", ("tenant", "model"), "counter"
)
MODEL_SECONDS: Final = Metric(
    "placet_model_seconds_total", "Time spent waiting for models.", ("tenant", "model"), "counter"
)

ALL: Final = tuple(value for value in list(globals().values()) if isinstance(value, Metric))

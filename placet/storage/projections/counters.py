"""Counters of passkeys on a tenant's own stream: of two statements, the one signed later has the higher counter."""

from collections.abc import Iterator
from itertools import pairwise

from placet.contracts.audit import tenant_stream
from placet.errors import DecisionRefused, GovernanceError
from placet.governance.signing.counters import CounterUse, check_counter
from placet.storage.governance.counters import USED, read_use
from placet.storage.projections.finding import Finding
from placet.storage.projections.rows import ProjectionRows


def check_counters(rows: ProjectionRows, tenant: str) -> Iterator[Finding]:
    """Yield each pair of neighbouring counters of a key that contradict each other, and entries that are none."""
    stream = tenant_stream(tenant)
    of_key: dict[str, list[CounterUse]] = {}
    for entry in rows.entries([stream], [USED]):
        try:
            use = read_use(entry.step_key, entry.body)
        except GovernanceError as error:
            yield Finding("record", stream, str(error))
        else:
            of_key.setdefault(use.key_id, []).append(use)
    for uses in of_key.values():
        uses.sort(key=lambda use: use.counter)
        for lower, higher in pairwise(uses):
            try:
                check_counter(higher, [lower])
            except DecisionRefused as error:
                yield Finding("record", stream, str(error))

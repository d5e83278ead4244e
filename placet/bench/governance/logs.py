"""Proofs, checkpoints and appends on logs of up to millions of entries, and how they grow with the log."""

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from placet.bench.governance.databases import raw_rows
from placet.bench.governance.databases.built_log import BuiltLog
from placet.bench.governance.databases.databases import Server
from placet.bench.governance.figures import Figure
from placet.bench.governance.sampling import in_turn, percentile, short
from placet.bench.governance.scale import Scale

_PROOFS = 50
_PROOF_MS, _PROOF_BYTES = 1.0, 1500
_NEW = 10_000
_CHECKPOINT_MS = 1000.0
_GROWTH_EACH = 10
_GROWTH_NEW = 1000
_HASH_BYTES = 32


def measure(server: Server, scale: Scale) -> Iterator[Figure]:
    """Measure the largest log, and all logs beside each other when `growth` is asked for."""
    sizes = scale.sizes if "growth" in scale.parts else scale.sizes[-1:]
    with ExitStack() as exits:
        logs = [exits.enter_context(BuiltLog(server, size)) for size in sizes]
        if "proof" in scale.parts:
            yield from _proofs(logs[-1], scale.rounds)
        if "checkpoint" in scale.parts:
            yield _checkpoint(logs[-1], scale)
        if "growth" in scale.parts:
            yield from _growth(logs, scale)


def _proofs(log: BuiltLog, rounds: int) -> Iterator[Figure]:
    ours: list[float] = []
    bare: list[float] = []
    largest = 0
    with raw_rows.connected(log) as reader:
        for number in range(_PROOFS * (rounds + 1)):
            # Who reads rows first may have to fetch them from disk, and the other one not.
            before = reader.read_ms(number) if number % 2 else None
            took, size = log.proof_ms(number)
            reading = reader.read_ms(number) if before is None else before
            if number >= _PROOFS:  # the first round warms up
                ours.append(took)
                bare.append(reading)
                largest = max(largest, size)
    for name, of in (("p50", 0.5), ("p99", 0.99)):
        yield Figure(
            part="proof",
            name=f"inclusion proof {name}, {log.server.name}, {short(log.size)}",
            unit="ms",
            ours=percentile(ours, of),
            reference=percentile(bare, of),
            against="the driver reading the same rows by their keys, on an open connection",
            limit=_PROOF_MS,
            absolute=True,
        )
    yield Figure(
        part="proof",
        name=f"inclusion proof, largest, {log.server.name}, {short(log.size)}",
        unit="bytes",
        ours=largest,
        reference=_HASH_BYTES * math.ceil(math.log2(log.size)),
        against="its hashes in binary",
        limit=_PROOF_BYTES,
        absolute=True,
    )


def _checkpoint(log: BuiltLog, scale: Scale) -> Figure:
    new = min(_NEW, log.size)
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(scale.few):
        ours.append(log.checkpoint_ms(new))
        bare.append(raw_rows.store_ms(log, new))
    return Figure(
        part="checkpoint",
        name=f"checkpoint of {short(new)} new, {log.server.name}, {short(log.size)}",
        unit="ms",
        ours=statistics.median(ours),
        reference=statistics.median(bare),
        against="the driver storing as many rows of that size in empty tables, in one commit",
        limit=_CHECKPOINT_MS,
        absolute=True,
    )


def _growth(logs: Sequence[BuiltLog], scale: Scale) -> Iterator[Figure]:
    """Measure each act on every log in turn, so that the logs and not the hours are compared."""
    acts: dict[str, tuple[Callable[[BuiltLog, int], float], int]] = {
        "proof": (lambda log, number: log.proof_ms(number)[0], _GROWTH_EACH * scale.rounds),
        "append": (lambda log, _: log.append_ms(), _GROWTH_EACH * scale.rounds),
        f"checkpoint of {short(_GROWTH_NEW)} new": (lambda log, _: log.checkpoint_ms(_GROWTH_NEW), scale.few + 1),
    }
    for name, (act, times) in acts.items():
        seen: dict[int, list[float]] = {log.size: [] for log in logs}
        by_name = {str(log.size): log for log in logs}
        for number in range(times):
            for which in in_turn(list(by_name), number):
                seen[by_name[which].size].append(act(by_name[which], number))
        smallest, *others = (log.size for log in logs)
        for size in others:
            yield Figure(
                part="growth",
                name=f"{name}, {logs[0].server.name}, {short(size)} over {short(smallest)}",
                unit="ms",
                ours=statistics.median(seen[size]),
                reference=statistics.median(seen[smallest]),
                against=f"the same on a log of {short(smallest)} entries; the aim is the ratio of the logarithms",
                limit=math.log(size) / math.log(smallest),
            )

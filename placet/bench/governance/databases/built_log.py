"""A log of a given size to measure on: proofs from it, an entry more, a checkpoint of the newest entries."""

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from placet.bench.governance.append import append_one
from placet.bench.governance.databases.databases import Server, open_new
from placet.bench.governance.databases.synthetic import TENANT, grow, settle
from placet.bench.governance.sampling import wall_ms
from placet.errors import PlacetError
from placet.governance.log.bundle import encode_proof
from placet.governance.log.key import LogIdentity, load_or_create_log_identity
from placet.governance.log.merkle import Frontier, Node, inclusion_plan, verify_inclusion
from placet.storage.log.sequencer import LogSequencer

# A multiplier prime to every size that is not a multiple of it: proofs are asked for all over the log.
_STRIDE = 2_654_435_761
_APPENDED = "tenant/bench-growth"


class BuiltLog:
    """A synthetic log in a database of its own, with an integrator that signs with a key of its own.

    Attributes:
        size: Entries that were built; what `append` and `checkpoint` add comes on top.
    """

    def __init__(self, server: Server, size: int) -> None:
        self.size = size
        self.server = server
        self.url, self._database = open_new(server)
        self._appended = 0
        frontier = Frontier()
        grow(server, self.url, 0, size, frontier=frontier)
        settle(server, self.url)
        self._root = frontier.root()
        self._sequencer = LogSequencer(
            self._database, _identity(), TENANT, clock=lambda: datetime.now(UTC), lease_seconds=60.0
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()
        self.server.drop(self.url)

    def index(self, number: int) -> int:
        """Return the entry that the `number`th proof is for."""
        return number * _STRIDE % self.size

    def nodes(self, number: int) -> list[Node]:
        """Return the subtrees that its proof is made of."""
        return [node for nodes in inclusion_plan(self.index(number), self.size) for node in nodes]

    def proof_ms(self, number: int) -> tuple[float, int]:
        """Measure one inclusion proof in a transaction of its own: milliseconds, and its bytes in a bundle.

        Raises:
            GovernanceError: the proof does not verify.
        """
        index, proof = self.index(number), list[bytes]()

        def prove() -> None:
            with self._database.reading() as tx:
                proof.extend(tx.log.inclusion_proof(TENANT, index, self.size))

        took = wall_ms(prove)
        with self._database.reading() as tx:
            [row] = tx.log.page(TENANT, index, 1)
        verify_inclusion(row.leaf, index, self.size, proof, self._root)
        return took, len(json.dumps(encode_proof(proof)))

    def append_ms(self) -> float:
        """Measure the milliseconds for one entry more."""
        self._appended += 1
        step = f"bench-{self._appended}"
        return wall_ms(lambda: append_one(self._database, _APPENDED, step))

    def checkpoint_ms(self, new: int) -> float:
        """Measure the milliseconds for integrating `new` entries and signing the head of an up-to-date log.

        Raises:
            PlacetError: the integrator took another number of entries.
        """
        self._sequencer.advance()
        with self._database.reading() as tx:
            last = tx.log.last_recorded(TENANT)
        grow(self.server, self.url, last, last + new)
        integrated = 0

        def checkpoint() -> None:
            nonlocal integrated
            integrated = self._sequencer.advance().integrated

        took = wall_ms(checkpoint)
        if integrated != new:
            raise PlacetError(f"the integrator put {integrated} entries into the log, not {new}")
        return took


def _identity() -> LogIdentity:
    with tempfile.TemporaryDirectory(prefix="placet-bench-key-") as folder:
        return load_or_create_log_identity("bench.placet", Path(folder) / "log.pem")

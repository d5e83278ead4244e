"""The follower beside the worker of an installation under test."""

from collections.abc import Iterator
from contextlib import contextmanager

from placet.entrypoints.beside_worker.following import Following, comings
from placet.entrypoints.beside_worker.state_folding import StateFolding
from placet.service.rollouts.coming import Comings
from tests.support.world import World


@contextmanager
def following(world: World) -> Iterator[None]:
    """Fold and follow customers while the block runs, as a worker does."""
    assert world._parts is not None
    context = world._parts.context

    async def made() -> Comings:
        return comings(world.engine, context)

    tenants = world.settings.tenants
    folding = StateFolding(world.database, tenants, context.clock, 400)
    with folding, Following(world.database, tenants, context.clock, (world.run(made()),)):
        yield

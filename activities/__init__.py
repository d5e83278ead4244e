"""All I/O of the governed run, one file per step, bearing the verbs of the product."""

from collections.abc import Callable, Sequence
from typing import Any

from activities.analyse import Analyse
from activities.approve import Approve
from activities.close_run import CloseRun
from activities.execute import Execute
from activities.journey import Journey
from activities.propose import Propose
from activities.query_billing import QueryBilling
from activities.resources import WorkerResources
from activities.rollout import Rollout
from placet.contracts.run import RunRequest
from placet.contracts.strategies.journey import JourneyAsked


def all_activities(
    context: WorkerResources, begin: Callable[[Sequence[RunRequest | JourneyAsked]], None]
) -> list[Callable[..., Any]]:
    """List every activity of `placet.ports`, bound to one worker's context; `begin` starts runs and journeys."""
    approve, rollout = Approve(context), Rollout(context, begin)
    return [
        Analyse(context).analyse,
        QueryBilling(context).query_billing,
        Propose(context).propose,
        approve.open_gate,
        approve.mark_gate,
        approve.review_decisions,
        Execute(context).execute,
        CloseRun(context).close_run,
        rollout.stand,
        rollout.reach,
        rollout.look,
        Journey(context, begin).look,
    ]

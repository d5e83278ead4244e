"""The verdict on one run from its history, as `placet replay` gives it, at a click.

It is for those who read the whole record: it tells a planted control from a customer's run, which approvers must not.
"""

from typing import Final

from starlette.responses import Response

from placet.errors import PlacetError
from placet.interfaces.console.pages.audit.tabs import audited
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.common import badge_of
from placet.interfaces.console.views.record import verdict_of
from placet.service.runs import find_run

_SECONDS: Final = 120.0
"""How long a verdict is shown before the run is replayed anew."""


def show(asked: Asked) -> Response:
    """Show the verdict; while the run is replayed, that it is."""
    served, judge = asked.parts.served, asked.parts.installed.judge
    record = find_run(served.database, asked.request.path_params["run_id"], served.tenant)
    found, fault = None, ""
    if judge is not None:
        try:
            # What a run that goes on is asked again must not be an old answer: its state is part of the question.
            found = asked.parts.jobs.ask(
                f"replay {record.run_id} {record.state}", lambda: judge(record.run_id), seconds=_SECONDS
            )
        except PlacetError as error:
            fault = f"It could not be replayed ({error.code}): {error}"
    return audited(
        asked,
        "replay.html",
        run=record,
        badge=badge_of(record.state, taken_back=record.reversed_by),
        possible=judge is not None,
        fault=fault,
        verdict=None if found is None else verdict_of(found),
    )

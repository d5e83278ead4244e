"""Sending one signed decision to its run, and saying what became of it."""

import asyncio
from typing import TYPE_CHECKING

from placet.contracts.people.decision import Verdict
from placet.errors import GovernanceError
from placet.interfaces.cli import output
from placet.interfaces.cli.running.runs import UNFINISHED
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.storage.records import RunRecord


def deliver(toolbox: Toolbox, record: "RunRecord", envelope: str, verdict: Verdict, name: str, wait: float) -> int:
    """Send `envelope`, wait up to `wait` seconds for its review, and print the outcome; 3 when none came in time.

    Raises:
        GovernanceError: it was refused; `code` is the reason's.
        UsageError: the run takes no decision any more.
    """
    outcome = toolbox.run(_delivered(toolbox, record, envelope, wait))
    if outcome is None:
        output.print_line(
            f"{record.run_id}  {verdict} by {name}: delivered, but no worker has reviewed it yet; it is kept"
        )
        output.print_line(f"see `placet run show {record.run_id}` later")
        return UNFINISHED if wait else 0
    code, detail = outcome
    if code != "accepted":
        raise GovernanceError(f"the decision was refused ({code}): {detail}", code=code)
    output.print_line(f"{record.run_id}  {verdict} by {name}: accepted{f'; {detail}' if detail else ''}")
    if not detail and verdict != "reject":  # nobody else is asked
        output.print_line(f"what becomes of it: `placet run wait {record.run_id}`")
    return 0


async def _delivered(toolbox: Toolbox, record: "RunRecord", envelope: str, wait: float) -> tuple[str, str] | None:
    from placet.service.deciding.decisions import deliver_decision, review_outcome

    database = toolbox.database()
    await deliver_decision(database, await toolbox.engine(), record, envelope)
    deadline = asyncio.get_running_loop().time() + wait
    while (outcome := review_outcome(database, record.run_id, envelope)) is None:
        if asyncio.get_running_loop().time() > deadline:
            return None
        await asyncio.sleep(0.05)
    return outcome

"""One run as `placet run show` shows it: where it stands, what keeps it, what it proposes, what is on its record."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from placet.contracts.run import END_STATES
from placet.contracts.text import one_line, spoken
from placet.errors import GovernanceError, PlacetError, UsageError
from placet.interfaces.cli import output
from placet.interfaces.cli.run_output import print_events, print_reversals, print_run
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.contracts.audit import AuditEvent
    from placet.contracts.proposal import Proposal
    from placet.contracts.run import Expected
    from placet.storage.records import RunRecord

_LOOK_SECONDS = 2.0
"""How long to wait for Temporal to say what keeps a run."""
_SHOWN = 16
"""Of a digest, in characters."""


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A run and what stands around it.

    Attributes:
        row_fault: What the run's row says otherwise than its record; empty where they agree.
        proposal_fault: Why the proposal cannot be shown, or empty.
        strategy: What the published strategy that it carries out is called; empty where none is known by its version.
        stalled: What keeps the run from getting on, one line each; none where Temporal does not say.
    """

    record: "RunRecord"
    row_fault: str
    installation: str
    proposal: "Proposal | None"
    proposal_fault: str
    events: "list[AuditEvent]"
    strategy: str
    stalled: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            **self.record.model_dump(mode="json"),
            "row_fault": self.row_fault,
            "installation": self.installation,
            "proposal_document": self.proposal.model_dump(mode="json") if self.proposal else None,
            "proposal_fault": self.proposal_fault,
            "audit": [event.model_dump(mode="json") for event in self.events],
            "strategy_name": self.strategy,
            "stalled": self.stalled,
        }


def read_shown(toolbox: Toolbox, record: "RunRecord") -> ShownRun:
    """Read what is shown of a run; a proposal that cannot be read hides nothing else."""
    from placet.contracts.proposal import Proposal
    from placet.service.strategies.publishing import name_of
    from placet.storage.pending import expected
    from placet.storage.standing import row_fault

    proposal, gone = None, ""
    with toolbox.database().snapshot() as tx:
        record = tx.runs.get(record.run_id) or record
        fault = row_fault(tx, record)
        if record.proposal is not None:
            try:
                proposal = tx.artifacts.get_model(record.proposal, Proposal, tenant=toolbox.tenant)
            except (UsageError, GovernanceError) as error:
                gone = str(error)
        events = tx.audit.read(record.run_id)
        awaited = expected(tx, record)
        strategy = name_of(tx, toolbox.tenant, record.strategy) if record.strategy is not None else ""
    stalled = () if record.state in END_STATES else toolbox.run(_stalled(toolbox, record.run_id, awaited))
    return ShownRun(record, fault, toolbox.installation, proposal, gone, events, strategy, stalled)


def print_shown(toolbox: Toolbox, shown: ShownRun) -> None:
    """Print a run for a person."""
    print_run(shown.record)
    if shown.record.strategy is not None:
        named = shown.strategy or "(nobody has signed it)"
        version = shown.record.strategy[:_SHOWN]
        output.print_field("strategy", f"{named}, version {version}, told by {spoken(str(shown.record.channel))}")
    if shown.row_fault:
        output.print_field("fault", shown.row_fault)
    if shown.record.state == "unknown_outcome":
        _print_what_to_look_for(shown)
    for line in shown.stalled:
        output.print_field("stalled", line)
    output.print_line(f"installation {shown.installation}")
    print_reversals(shown.record, shown.events)
    if shown.proposal is not None:
        output.print_proposal(shown.proposal, str(shown.record.proposal))
    elif shown.proposal_fault:
        output.print_field("proposal", f"cannot be shown: {shown.proposal_fault}")
    else:
        output.print_weighed(shown.events)
    print_events(shown.events)
    if toolbox.temporal_ui:
        output.print_line(f"history: {toolbox.temporal_ui}/workflows/{shown.record.run_id}")


def _print_what_to_look_for(shown: ShownRun) -> None:
    keys = [event.body["effect_key"] for event in shown.events if isinstance(event.body.get("effect_key"), str)]
    if keys:
        output.print_field("look for", f"placet:{one_line(keys[-1])} in the other system: what was sent bears it")
    run_id = shown.record.run_id
    output.print_field("settle", f"`placet settle {run_id} --found executed|not-executed --as NAME`")


async def _stalled(toolbox: Toolbox, run_id: str, awaited: "Expected") -> tuple[str, ...]:
    from temporalio.service import RPCError

    from placet.engine.progress import stalls

    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            engine = await toolbox.engine()
            return await stalls(engine.client, run_id, engine.task_queue, awaited)
    except (PlacetError, RPCError, TimeoutError):
        return ()

"""What the demo says of each entry of the record, as it appears."""

from typing import Any

from rich.console import Console
from rich.text import Text

from placet.contracts.analysis.assessment import Assessment
from placet.contracts.audit import AuditEvent
from placet.contracts.gate import Gate
from placet.contracts.proposal import Proposal
from placet.contracts.text import THE_MODEL, attributed, quoted, visible
from placet.contracts.times import minute
from placet.interfaces.cli import output
from placet.storage.database import Database

_BAD = ("approve.refused", "execute.refused", "execute.failed", "execute.unknown", "analyse.unanswered")


class Narration:
    """Tells a run to a person who has never seen the system."""

    def __init__(self, console: Console, database: Database) -> None:
        self._console = console
        self._database = database

    def tell(self, event: AuditEvent) -> None:
        """Say what `event` means; entries that add nothing are passed over."""
        tellers = {
            "analyse.completed": self._analysed,
            "query_billing.completed": self._queried,
            "propose.completed": self._proposed,
            "approve.opened": self._opened,
        }
        if event.kind in tellers:
            tellers[event.kind](event.body)
        elif event.kind == "approve.decided":
            self._step("(4) approve", f"{event.body['verdict']} signed by {event.actor}; checked and recorded")
        elif event.kind == "execute.settled":
            receipt = event.body["receipt"]
            settled = f"{receipt['api']} {receipt['external_id']}, confirmed by {receipt['confirmed_by']}"
            self._step("    execute", settled)
        elif event.kind in _BAD:
            self._step(event.kind, quoted(str(event.body["detail"])), mark="✗", style="red")

    def _analysed(self, body: dict[str, Any]) -> None:
        with self._database.reading() as tx:
            assessment = tx.artifacts.get_model(str(body["assessment"]), Assessment)
        self._step(
            "(1) analyse",
            f"risk {assessment.risk}; {attributed(THE_MODEL, ', '.join(assessment.drivers).replace('_', ' '))}",
        )
        use = assessment.model_use[-1]
        wants = ", ".join(query.operation for query in assessment.queries)
        marks = f"  [marked: {', '.join(assessment.marks)}]" if assessment.marks else ""
        self._more(f"{attributed(THE_MODEL, assessment.summary)}{marks}")
        tokens = f"{use.prompt_tokens}+{use.completion_tokens} tokens, {use.latency_ms} ms"
        self._more(f"{use.route}, {tokens}; wants {wants}")

    def _queried(self, body: dict[str, Any]) -> None:
        reads = f"{len(body['calls'])} allowlisted reads in {body['duration_ms']} ms"
        self._step("(2) query billing", f"{', '.join(body['operations'])}: {reads}")

    def _proposed(self, body: dict[str, Any]) -> None:
        self._step("(3) propose", str(body["summary"]))
        if body["proposal"]:
            with self._database.reading() as tx:
                proposal = tx.artifacts.get_model(str(body["proposal"]), Proposal)
            output.print_proposal(proposal, str(body["proposal"]))

    def _opened(self, body: dict[str, Any]) -> None:
        gate = Gate.model_validate(body["gate"])
        self._step("(4) gate", f"paused: {', '.join(gate.policies)} lets it be proposed", mark="‖", style="yellow")
        who = " or ".join(gate.roles)
        asked = f"a {who}" if gate.quorum == 1 else f"{gate.quorum} people ({who})"
        self._more(f"{asked} must sign this exact proposal before {minute(gate.expires_at)}")

    def _step(self, name: str, text: str, *, mark: str = "✓", style: str = "green") -> None:
        line = Text.assemble((mark, style), " ", (f"{name:<17}", "bold"), " ", visible(text))
        self._console.print(line, soft_wrap=True)

    def _more(self, text: str) -> None:
        self._console.print(Text(f"{'':19} {visible(text)}"), soft_wrap=True)

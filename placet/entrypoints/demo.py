"""`placet demo`: one governed run on the embedded stack, narrated as it happens, everything real but the customer data.

What it shows is read from the record, the run and the BSS, not remembered from having asked for it.
"""

import asyncio
import csv
import signal
import sys
import time
from contextlib import ExitStack
from importlib import resources
from types import FrameType

from rich.console import Console

from placet.contracts.assessment import Assessment
from placet.contracts.audit import AuditEvent
from placet.contracts.decision import Gate, Verdict
from placet.contracts.proposal import Proposal
from placet.contracts.run import END_STATES
from placet.entrypoints.connection import connect, open_database
from placet.entrypoints.demo_bss import as_bss_shows
from placet.entrypoints.settings import Settings
from placet.entrypoints.stack import Stack
from placet.errors import ConfigurationError, PlacetError
from placet.governance.keys import SigningKey, create_key_file, load_key_file, public_bytes
from placet.interfaces import operations
from placet.interfaces.cli import output
from placet.interfaces.engine import Engine
from placet.storage.records import RunRecord

APPROVER = "demo-approver"
# The demo's own key signs simulated changes only; a person's passphrase is never in a program.
_PASSPHRASE = "placet-demo"  # noqa: S105
_STEP_SECONDS = 120.0


def run_demo(settings: Settings, customer: str | None) -> int:
    """Start the stack, run once, show the proof, stop everything; also on Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)
    console = output.console()
    console.print("[bold]Placet demo[/]: one governed agent run. Customers, bills and usage are simulated.")
    began = time.monotonic()
    try:
        with ExitStack() as exits:
            with console.status("starting Temporal, the sandbox BSS, the local model and a worker …"):
                stack = exits.enter_context(Stack(settings))
            console.print(
                f"[green]✓[/] stack up in {time.monotonic() - began:.1f} s   {stack.addresses['temporal_ui']}"
            )
            return asyncio.run(Demo(stack.settings(), console).run(customer))
    except KeyboardInterrupt:
        console.print("interrupted; everything was stopped")
        return 130


class Demo:
    """The narration of one run."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self._settings = settings
        self._console = console
        self._database = open_database(settings)
        self._seen = 0

    async def run(self, customer: str | None) -> int:
        """From request to proof; the exit code."""
        engine = await connect(self._settings)
        request = operations.build_request(
            tenant=self._settings.tenant,
            customer_id=customer or self._at_risk(),
            agent="retention",
            requested_by="demo-operator",
            key=None,
            agents=("retention",),
        )
        key = self._approver_key()
        self._console.print(f"\n[bold]run {request.run_id}[/] for customer {request.customer_id}, agent retention")
        await operations.start_run(self._database, engine, request)
        record = await self._follow(request.run_id, until={"awaiting_decision"})
        if record.state != "awaiting_decision":
            self._console.print(
                f"the run ended [bold]{record.state}[/] ({record.code}): {record.detail}", highlight=False
            )
            return 0 if record.state == "no_action" else 1
        record, digest, proposal = operations.pending_proposal(
            self._database, request.run_id, request.tenant, "approve"
        )
        before = as_bss_shows(self._settings.bss_url, proposal.mutation)
        await self._decide(engine, record, digest, key)
        record = await self._follow(request.run_id, until=set())
        self._proof(record, before, as_bss_shows(self._settings.bss_url, proposal.mutation))
        return 0 if record.state in ("executed", "rejected") else 1

    async def _follow(self, run_id: str, until: set[str]) -> RunRecord:
        """Print each entry of the record as it appears, until the run waits or ends."""
        deadline = time.monotonic() + _STEP_SECONDS
        with self._console.status("analysing …") as status:
            while True:
                record = operations.find_run(self._database, run_id, self._settings.tenant)
                with self._database.reading() as tx:
                    events = tx.audit.read(run_id)
                for event in events[self._seen :]:
                    self._narrate(event)
                self._seen = len(events)
                if record.state in until | END_STATES | {"unknown_outcome"}:
                    return record
                if time.monotonic() > deadline:
                    raise ConfigurationError(
                        f"the run is still {record.state!r} after {_STEP_SECONDS:g} s; see the logs"
                    )
                status.update(f"{record.state} … {record.detail}")
                await asyncio.sleep(0.05)

    def _narrate(self, event: AuditEvent) -> None:
        say, body = self._console.print, event.body
        if event.kind == "analyse.completed":
            with self._database.reading() as tx:
                assessment = tx.artifacts.get_model(str(body["assessment"]), Assessment)
            use = assessment.model_use[-1]
            say(
                f"[green]✓[/] [bold](1) analyse[/]        risk {assessment.risk}: {', '.join(assessment.drivers)}\n"
                f"                      model {use.model} ({use.route}), {use.prompt_tokens}+{use.completion_tokens} "
                f"tokens, {use.latency_ms} ms; wants {', '.join(q.operation for q in assessment.queries)}"
            )
        elif event.kind == "query_billing.completed":
            say(
                f"[green]✓[/] [bold](2) query billing[/]  {', '.join(body['operations'])}: {len(body['calls'])} "
                f"allowlisted reads in {body['duration_ms']} ms"
            )
        elif event.kind == "propose.completed":
            say(f"[green]✓[/] [bold](3) propose[/]        {body['summary']}")
            if body["proposal"]:
                with self._database.reading() as tx:
                    proposal = tx.artifacts.get_model(str(body["proposal"]), Proposal)
                output.print_proposal(proposal, str(body["proposal"]))
        elif event.kind == "approve.opened":
            gate = Gate.model_validate(body["gate"])
            say(
                f"[yellow]‖[/] [bold](4) gate[/]           paused: policy {', '.join(gate.policies)} lets it be proposed;\n"
                f"                      a {gate.role} must sign before {gate.expires_at:%Y-%m-%d %H:%M} UTC"
            )
        elif event.kind == "approve.decided":
            say(
                f"[green]✓[/] [bold](4) approve[/]        {body['verdict']} signed by {event.actor}, verified and recorded"
            )
        elif event.kind == "execute.settled":
            receipt = body["receipt"]
            say(
                f"[green]✓[/] [bold]    execute[/]        {receipt['api']} {receipt['external_id']}, "
                f"confirmed by {receipt['confirmed_by']}"
            )
        elif event.kind in ("approve.refused", "execute.refused", "execute.failed", "execute.unknown"):
            say(f"[red]✗[/] {event.kind}: {body['detail']}")

    async def _decide(self, engine: Engine, record: RunRecord, digest: str, key: SigningKey) -> None:
        verdict: Verdict = "approve"
        if sys.stdin.isatty() and sys.stdout.isatty():
            answer = await asyncio.to_thread(
                self._console.input,
                f"\nSign this exact proposal as {APPROVER}? [bold]y[/] approves, anything else rejects: ",
            )
            verdict = "approve" if answer.strip().lower() in ("y", "yes") else "reject"
        else:
            self._console.print(f"no terminal to ask at: signing as the simulated approver [bold]{APPROVER}[/]")
        envelope = operations.sign_verdict(record, digest, verdict, APPROVER, "demo", key)
        await operations.deliver_decision(self._database, engine, record, envelope)

    def _proof(self, record: RunRecord, before: str, after: str) -> None:
        say = self._console.print
        say(f"\n[bold]the BSS reports[/]  before  {before}\n                 after   {after}", highlight=False)
        with self._database.reading() as tx:
            events = tx.audit.read(record.run_id)
            tx.audit.verify(record.run_id)
        say(f"\n[bold]the record[/]: {len(events)} entries, every hash and link verified")
        output.print_events(events)
        run = record.run_id
        say(
            f"\nthe run ended [bold]{record.state}[/]. Look further, with `placet up` running in another terminal:\n"
            f"  placet run show {run}\n  placet replay {run}\n  placet audit verify {run}\n"
            f"  {self._settings.temporal_ui}/namespaces/default/workflows/{run}",
            highlight=False,
            soft_wrap=True,
        )

    def _approver_key(self) -> SigningKey:
        path = self._settings.home / "keys" / f"{APPROVER}.pem"
        key = load_key_file(path, _PASSPHRASE) if path.exists() else create_key_file(path, _PASSPHRASE)
        with self._database.reading() as tx:
            known = tx.approvers.get(key.key_id)
        if known is None:
            operations.enroll_key(
                self._database,
                name=APPROVER,
                tenant=self._settings.tenant,
                roles=("retention_lead",),
                limit="200.00 USD",
                public_key=public_bytes(key.private.public_key()),
                enrolled_by="demo-administrator",
                expires_at=None,
            )
        return key

    def _at_risk(self) -> str:
        """A customer of the simulated base with a short month-to-month contract, not yet in a run here."""
        with self._database.reading() as tx:
            taken = {record.customer_id for record in tx.runs.list(self._settings.tenant, limit=1000)}
        sample = resources.files("placet.sandbox").joinpath("data/telco_customers.csv")
        with sample.open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                at_risk = row["contract"] == "Month-to-month" and row["internet_service"] == "Fiber optic"
                if at_risk and 2 <= int(row["tenure"]) <= 12 and row["customer_id"] not in taken:  # noqa: PLR2004
                    return str(row["customer_id"])
        raise PlacetError(
            "every at-risk customer of the sample has had a run here; remove the home folder to start anew"
        )


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt

"""`placet demo`: one governed run on the embedded stack, narrated as it happens, everything real but the customer data.

What it shows is read from the record, the run and the BSS, not remembered from having asked for it.
"""

import asyncio
import csv
import secrets
import shlex
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.text import Text

from placet.contracts.people.decision import Verdict
from placet.contracts.run import END_STATES
from placet.contracts.text import counted, one_line, quoted
from placet.demo.browser import InBrowser
from placet.demo.bss import as_bss_shows
from placet.demo.narration import Narration
from placet.engine.client import Engine
from placet.entrypoints.connection import connect, open_database
from placet.entrypoints.processes.interruption import line_of, run_interruptible, terminate_as_interrupt
from placet.entrypoints.processes.stack import Stack, own_token
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError, PlacetError
from placet.files import API_TOKEN_FILE
from placet.governance.signing.keys import Signer, SigningKey, create_key_file, load_key_file, public_bytes
from placet.interfaces.cli import output
from placet.interfaces.cli.run_output import print_events
from placet.service import runs as run_operations
from placet.service.deciding import decisions as decision_operations
from placet.service.documents import keys as key_operations
from placet.storage.records import RunRecord

APPROVER = "demo-approver"
ADMINISTRATOR = "demo-administrator"
# The demo's own key signs simulated changes only; a person's passphrase is never in a program.
_PASSPHRASE = "placet-demo"  # noqa: S105
_STEP_SECONDS = 120.0
_CONSOLE_SECONDS = 1800.0
"""How long a person may take to decide in the console."""

# Long enough with the operator that more than one treatment is worth weighing.
_MONTHS_HELD = range(24, 49)
_OTHER_CUSTOMERS = 3
_STATUS = 60
"""Of what a step waits for, in characters."""


def run_demo(settings: Settings, customer: str | None) -> int:
    """Start the stack, run once, show the proof, stop everything; also on Ctrl-C."""
    terminate_as_interrupt()
    console = output.console()
    heading = Text.assemble(
        ("Placet demo", "bold"), ": one governed agent run. Customers, bills and usage are simulated."
    )
    console.print(heading)
    began = time.monotonic()
    # A folder of its own: what the demo's key signs must count nowhere else.
    home = settings.home / "demo"
    try:
        with ExitStack() as exits:
            with console.status("starting Temporal, the sandbox BSS, the local model, a worker and the console …"):
                stack = exits.enter_context(Stack(settings.model_copy(update={"home": home}), isolated=True))
            up = f" stack up in {time.monotonic() - began:.1f} s   Temporal's web UI: {stack.addresses['temporal_ui']}"
            console.print(Text.assemble(("✓", "green"), up))
            console.print(Text(f"  console, while the demo runs: {stack.console_address}"))
            of_the_demo = f"PLACET_HOME={shlex.quote(str(home.absolute()))} PLACET_KEY_PASSPHRASE={_PASSPHRASE}"
            issue = f"placet token issue NAME --role operator --as {ADMINISTRATOR}"
            console.print(Text("  sign in there with a token:"))
            console.print(Text(f"{of_the_demo} {issue}"), soft_wrap=True)  # one line, to be copied as it is
            served = InBrowser(console, stack.console_address, SecretStr(own_token(home, API_TOKEN_FILE)), of_the_demo)
            return run_interruptible(lambda: Demo(stack.settings(), console, served).run(customer))
    except KeyboardInterrupt:
        console.print("interrupted; everything was stopped")
        return 130


def demo_key(path: Path) -> SigningKey:
    """Return the key in a file of the demo's own folder, made where there is none."""
    return load_key_file(path, _PASSPHRASE) if path.exists() else create_key_file(path, _PASSPHRASE)


class Demo:
    """The narration of one run."""

    def __init__(self, settings: Settings, console: Console, browser: InBrowser) -> None:
        self._settings = settings
        self._console = console
        self._browser = browser
        self._database = open_database(settings)
        self._narration = Narration(console, self._database)
        self._seen = 0

    async def run(self, customer: str | None) -> int:
        """Narrate one run from request to proof; return the exit code."""
        engine = await connect(self._settings)
        key, key_file = self._approver_key()
        record = await self._propose(engine, customer or self._at_risk())
        for _ in range(_OTHER_CUSTOMERS if customer is None else 0):
            if record.state == "no_action":
                self._console.print(f"nothing to do for {record.customer_id}; another customer at risk:")
                record = await self._propose(engine, self._at_risk())
        if record.state != "awaiting_decision":
            ended = Text.assemble("the run ended ", (record.state, "bold"), ": ", quoted(record.detail))
            self._console.print(ended)
            return 0 if record.state == "no_action" else 1
        record, digest, proposal = decision_operations.pending_proposal(
            self._database, record.run_id, record.tenant, "approve"
        )
        before = as_bss_shows(self._settings.bss_url, proposal.mutation)
        patience = await self._decide(engine, record, digest, key, key_file)
        record = await self._follow(record.run_id, until=set(), seconds=patience)
        self._proof(record, before, as_bss_shows(self._settings.bss_url, proposal.mutation))
        self._browser.show_walkthrough(self._database, record, "demo-operator")
        if self._is_watched():
            self._console.print("press Enter to stop everything, the link's page as well: ", end="")
            await line_of(sys.stdin)
        return 0 if record.state in ("executed", "rejected") else 1

    async def _propose(self, engine: Engine, customer: str) -> RunRecord:
        """Start a run for `customer` and follow it to the gate, or to its end."""
        request = run_operations.build_request(
            tenant=self._settings.tenant,
            customer_id=customer,
            agent="retention",
            requested_by="demo-operator",
            key=None,
            agents=("retention",),
        )
        self._seen = 0
        heading = Text.assemble(
            "\n", (f"run {request.run_id}", "bold"), f" for customer {request.customer_id}, agent retention"
        )
        self._console.print(heading)
        await run_operations.start_run(self._database, engine, request)
        return await self._follow(request.run_id, until={"awaiting_decision"})

    async def _follow(self, run_id: str, until: set[str], seconds: float = _STEP_SECONDS) -> RunRecord:
        """Print each entry of the record as it appears, until the run waits or ends."""
        deadline = time.monotonic() + seconds
        with self._console.status("analysing …") as status:
            while True:
                record = run_operations.find_run(self._database, run_id, self._settings.tenant)
                with self._database.reading() as tx:
                    events = tx.audit.read(run_id)
                for event in events[self._seen :]:
                    self._narration.tell(event)
                self._seen = len(events)
                if record.state in until | END_STATES | {"unknown_outcome"}:
                    return record
                if time.monotonic() > deadline:
                    raise ConfigurationError(f"the run is still {record.state!r} after {seconds:g} s; see the logs")
                status.update(Text(f"{record.state} … {one_line(record.detail, _STATUS)}"))
                await asyncio.sleep(0.05)

    async def _decide(self, engine: Engine, record: RunRecord, digest: str, key: SigningKey, key_file: Path) -> float:
        """Decide here, or leave it to the console; return how long to wait for what comes of it, in seconds."""
        verdict: Verdict = "approve"
        if self._is_watched():
            question = (
                f"\nSign this exact proposal as {APPROVER}? "
                "y approves, c decides in the console in a browser, anything else rejects: "
            )
            self._console.print(question, end="")
            answer = (await line_of(sys.stdin)).strip().lower()
            if answer in ("c", "console"):
                self._browser.offer(self._database, record, APPROVER, key_file, self._administrator())
                return _CONSOLE_SECONDS
            verdict = "approve" if answer in ("y", "yes") else "reject"
        else:
            self._console.print(f"no terminal to ask at: signing as the simulated approver {APPROVER}")
        envelope = decision_operations.sign_verdict(record, digest, verdict, APPROVER, "demo", key)
        await decision_operations.deliver_decision(self._database, engine, record, envelope)
        return _STEP_SECONDS

    def _is_watched(self) -> bool:
        return sys.stdin.isatty() and sys.stdout.isatty()

    def _proof(self, record: RunRecord, before: str, after: str) -> None:
        say = self._console.print
        say(Text.assemble("\n", ("the BSS reports", "bold"), f"  before  {one_line(before)}"))
        say(Text(f"                 after   {one_line(after)}"))
        with self._database.reading() as tx:
            events = tx.audit.read(record.run_id)
            tx.audit.verify(record.run_id)
        say(
            Text.assemble(
                "\n",
                ("the record", "bold"),
                f": {counted(len(events), 'entry', 'entries')}, every hash and link verified",
            )
        )
        print_events(events)
        run, home = record.run_id, self._settings.home
        say(
            f"\nthe run ended {record.state}. To look further, keep the demo's installation running with\n"
            f"  PLACET_HOME={home} placet up\nand in another terminal, with the same PLACET_HOME:\n"
            f"  placet run show {run}\n  placet replay {run}\n  placet audit verify {run}\n"
            "(after `make demo` the program is .venv/bin/placet; `run show` names the page of Temporal's web UI)",
            soft_wrap=True,
        )

    def _approver_key(self) -> tuple[SigningKey, Path]:
        """Make a new key for each demo, enrolled for a day in the demo's own installation."""
        path = self._settings.home / "keys" / f"{APPROVER}-{secrets.token_hex(4)}.pem"
        key = create_key_file(path, _PASSPHRASE)
        key_operations.enroll_key(
            self._database,
            name=APPROVER,
            tenant=self._settings.tenant,
            roles=("retention_lead",),
            limit="200.00 USD",
            public_key=public_bytes(key.private.public_key()),
            by=self._administrator(),
            expires_at=datetime.now(UTC) + timedelta(days=1),
        )
        return key, path

    def _administrator(self) -> Signer:
        """Return who enrolls it: the demo's own administrator, trusted in the demo's own folder alone."""
        path = self._settings.home / "keys" / f"{ADMINISTRATOR}.pem"
        signer = Signer(ADMINISTRATOR, demo_key(path))
        key_operations.bootstrap_administrator(self._database, tenant=self._settings.tenant, by=signer)
        return signer

    def _at_risk(self) -> str:
        """Pick a customer of the sample who may leave any month, has something to lose, and has had no run here."""
        with self._database.reading() as tx:
            taken = {record.customer_id for record in tx.runs.list(self._settings.tenant, limit=1000)}
        sample = resources.files("placet.sandbox").joinpath("data/telco_customers.csv")
        with sample.open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                free_to_leave = row["contract"] == "Month-to-month" and row["internet_service"] == "Fiber optic"
                if free_to_leave and int(row["tenure"]) in _MONTHS_HELD and row["customer_id"] not in taken:
                    return str(row["customer_id"])
        raise PlacetError(
            "every at-risk customer of the sample has had a run here; remove the home folder to start anew"
        )

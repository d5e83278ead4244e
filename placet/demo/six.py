"""`placet demo --journeys`: the six journeys on the embedded stack, told as they end. All events are simulated."""

import secrets
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.text import Text

from agents.catalogue import declared_facts
from placet.contracts.text import one_line, visible
from placet.demo.journeys import CHANNEL, COMMIT, HEAD, Played, SixJourneys, told
from placet.demo.session import ADMINISTRATOR, demo_key
from placet.engine.client import Engine
from placet.entrypoints.connection import connect, open_database
from placet.entrypoints.environment import CHECKOUT
from placet.entrypoints.processes.interruption import run_interruptible, terminate_as_interrupt
from placet.entrypoints.processes.stack import Stack, own_token
from placet.entrypoints.settings import Settings
from placet.entrypoints.tenant_files.policies import PolicyFiles
from placet.files import API_TOKEN_FILE, private_folder, write_file
from placet.governance.signing.keys import Signer, public_bytes
from placet.interfaces.cli import output
from placet.network.client import plain_client
from placet.service.documents import keys as key_operations
from placet.simulation.journeys import JOURNEYS

_AGENT = "retention"
_SECONDS = 120.0
_CHANNELS = ("in_app", CHANNEL)
"""Two of the channels on which the customer of the inbound journey comes to us."""
_WIDEST = 110


def run_journeys(settings: Settings, *, as_json: bool) -> int:
    """Start the stack, play the six journeys, stop everything; also on Ctrl-C."""
    terminate_as_interrupt()
    console = output.console()
    home = settings.home / "journeys"
    if not as_json:
        console.print(Text.assemble(("Placet, six journeys", "bold"), ": customers, events, bills are simulated."))
    try:
        with ExitStack() as exits:
            began = time.monotonic()
            stack = exits.enter_context(
                Stack(settings.model_copy(update={"home": home}), isolated=True, policies=_policies(home))
            )
            if not as_json:
                console.print(Text(f"stack up in {time.monotonic() - began:.1f} s   {stack.console_address}"))
            asked = _Asked(stack.api_port, SecretStr(own_token(home, API_TOKEN_FILE)))
            return run_interruptible(lambda: _play(stack.settings(), console, asked, as_json=as_json))
    except KeyboardInterrupt:
        console.print("interrupted; everything was stopped")
        return 130


def _policies(home: Path) -> Path:
    """Write the policies of the demo: those of the application, and that signed strategies may act."""
    folder = home / "policies"
    private_folder(folder / "demo")
    shipped = CHECKOUT / "agents" / _AGENT
    write_file(folder / "demo" / "policy.cedar", (shipped / "policy.cedar").read_text(encoding="utf-8") + COMMIT)
    write_file(folder / "demo" / "contact.toml", (shipped / "contact.toml").read_text(encoding="utf-8"))
    return folder


class _Asked:
    """The installation's own API, for decisions as channels ask them."""

    def __init__(self, port: int, token: SecretStr) -> None:
        self._address, self._token = f"http://127.0.0.1:{port}", token

    def decision(self, customer_id: str, channel: str) -> dict[str, object]:
        """Ask for the next best action."""
        headers = {"Authorization": f"Bearer {self._token.get_secret_value()}"}
        with plain_client(base_url=self._address) as api:
            answer = api.get(f"/v1/decisions/{customer_id}", params={"channel": channel}, headers=headers)
            return dict(answer.raise_for_status().json()["decision"])


async def _play(settings: Settings, console: Console, asked: _Asked, *, as_json: bool) -> int:
    database = open_database(settings)
    engine: Engine = await connect(settings)
    files = PolicyFiles(settings.policy_dir)
    head = _head(settings)
    journeys = SixJourneys(
        database,
        engine,
        tenant=settings.tenant,
        policies=lambda agent: files(settings.tenant, agent),
        head=head,
        declared=declared_facts(_AGENT),
        seconds=_SECONDS,
    )
    found = []
    for journey in JOURNEYS:
        played = await journeys.play(journey)
        found.append(played)
        if not as_json:
            _tell(console, played)
        if journey.name == "unified_inbound_offer" and not as_json:
            _tell_channels(console, asked, played)
    if as_json:
        output.print_json([told(one) for one in found])
    database.close()
    return 0 if all(one.run.state == "executed" and len(one.effects) == 1 for one in found) else 1


def _head(settings: Settings) -> Signer:
    """Return who signs the strategies: a key of the demo's own, enrolled for a day in its own installation."""
    database = open_database(settings)
    administrator = Signer(ADMINISTRATOR, demo_key(settings.home / "keys" / f"{ADMINISTRATOR}.pem"))
    key_operations.bootstrap_administrator(database, tenant=settings.tenant, by=administrator)
    key = demo_key(settings.home / "keys" / f"{HEAD}-{secrets.token_hex(4)}.pem")
    key_operations.enroll_key(
        database,
        name=HEAD,
        tenant=settings.tenant,
        roles=("retention_head",),
        limit="100000.00 USD",
        public_key=public_bytes(key.private.public_key()),
        by=administrator,
        expires_at=datetime.now(UTC) + timedelta(days=1),
    )
    database.close()
    return Signer(HEAD, key)


def _tell(console: Console, played: Played) -> None:
    def say(heading: str, words: str) -> None:
        console.print(Text.assemble("  ", (f"{heading:<11}", "bold"), " ", visible(words)), soft_wrap=True)

    run, journey = played.run, played.journey
    console.print(Text.assemble("\n", (journey.title, "bold")))
    say("happened", f"{journey.signal} (customer {played.customer_id}, simulated)")
    run_after = (played.started_at - played.signal_at).total_seconds()
    done_after = (run.updated_at - played.signal_at).total_seconds()
    say("came into", f"strategy {played.strategy.name!r}; run {run.run_id} started {run_after:.1f} s later")
    chosen = next((one for one in played.candidates if one.eligible and one.mutation is not None), None)
    for one in played.candidates:
        reasons = one.reasons_for if one.eligible else one.reasons_against
        why = "; ".join(reason.detail for reason in reasons)
        mark = "chosen" if one is chosen else "weighed"
        say(mark, one_line(f"{one.name}: {why}", _WIDEST))
    say("cleared by", "the strategy's signed mandate" if played.cleared else "nobody")
    for receipt in played.effects:
        say("booked", f"{receipt['api']} {receipt['external_id']}, confirmed by {receipt['confirmed_by']}")
    say("ended", f"{run.state}, {done_after:.1f} s after it happened; `placet run show {run.run_id}` tells it all")


def _tell_channels(console: Console, asked: _Asked, played: Played) -> None:
    answers = {channel: asked.decision(played.customer_id, channel) for channel in _CHANNELS}
    same = len({str(answer["weighed"]) for answer in answers.values()}) == 1
    words = "the same decision" if same else "ANOTHER decision on each"
    console.print(Text(f"  channels    GET /v1/decisions on {' and '.join(_CHANNELS)}: {words}"))

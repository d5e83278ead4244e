"""The console beside the API over an installation under test, and people who have tokens for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
from pydantic import SecretStr

from placet.contracts.people.access import AccessRole
from placet.engine.client import Engine
from placet.entrypoints.api import beside, installed
from placet.entrypoints.connection import connect
from placet.entrypoints.processes.judging import USUAL, Bounds
from placet.entrypoints.propensity import InstalledModels
from placet.governance.policy.set import PolicySet
from placet.interfaces.console.app import create_console
from placet.interfaces.console.guards.cookies import cookie_name
from placet.interfaces.console.identity.provider import Provider
from placet.interfaces.console.parts import Diagnosed
from placet.interfaces.http.app import create_app
from placet.interfaces.http.engine_link import EngineLink
from placet.interfaces.http.served import Served
from placet.service.documents.access import issue_token
from placet.service.documents.first_administrator import SetupCode
from placet.service.policy_files import read_policy_files
from tests.integration.http.calling import TOKEN, serving
from tests.support.facts import FACTS
from tests.support.guard import GUARD
from tests.support.world import World

SAME = {"Sec-Fetch-Site": "same-origin"}
"""What a browser says of a form that one of our pages sent."""


@dataclass
class Clock:
    """A clock that can be put forward."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class ConsoleUnderTest:
    """A served console."""

    world: World
    url: str
    clock: Clock
    setup: SetupCode
    cookie: str
    tokens: dict[str, str] = field(default_factory=dict)

    def token(self, name: str, *roles: AccessRole, days: int = 7) -> str:
        """Issue a token to somebody."""
        issued = issue_token(self.world.database, tenant="demo", name=name, roles=roles, days=days, by=self.world.root)
        self.tokens[name] = issued.grant.token_id
        return issued.text

    @contextmanager
    def client(self) -> Iterator[httpx.Client]:
        """A browser without a page: it keeps cookies and follows nothing."""
        with httpx.Client(base_url=self.url, headers=SAME, timeout=GUARD) as http:
            yield http

    @contextmanager
    def signed_in(self, name: str, *roles: AccessRole) -> Iterator[httpx.Client]:
        """A client that has just signed in."""
        with self.client() as http:
            answer = http.post("/console/sign-in", data={"token": self.token(name, *roles), "next": ""})
            assert answer.status_code == 303, answer.text
            yield http


@contextmanager
def console_of(
    world: World,
    diagnose: Callable[[], tuple[Diagnosed, ...]] = lambda: (),
    public_url: str = "",
    provider: Provider | None = None,
    port: int = 0,
    replays: Bounds = USUAL,
) -> Iterator[ConsoleUnderTest]:
    """Serve the console and the API of a world at one address, as `placet api` does."""

    async def factory() -> Engine:
        engine = await connect(world.settings)
        engine.is_ours = True
        return engine

    def policies(_agent: str) -> PolicySet:
        return PolicySet(read_policy_files(world.policy_file))

    secret, clock, setup = SecretStr(TOKEN), Clock(), SetupCode(world.settings.setup_code, "demo")
    models = InstalledModels(world.settings, "demo")
    served = Served(
        world.database, EngineLink(factory), "demo", ("retention",), policies, lambda _: FACTS, models=models
    )
    api = create_app(
        world.database,
        factory,
        tenant="demo",
        agents=("retention",),
        token=secret,
        policies=policies,
        models=models,
    )
    console = create_console(
        served,
        secret=secret,
        diagnose=diagnose,
        public_url=public_url,
        setup=setup,
        provider=provider,
        installed=installed(world.settings, replays),
        clock=clock,
    )
    with serving(beside(api, console), port) as url:
        cookie = f"{cookie_name(world.database.name, 'demo')}-{url.rpartition(':')[2]}"
        yield ConsoleUnderTest(world, url, clock, setup, cookie)


def form_token(page: str) -> str:
    """Return the token that the forms of a page carry."""
    return page.partition('name="form_token" value="')[2].partition('"')[0]

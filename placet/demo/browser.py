"""What the demo offers in a browser: deciding in the console, and the walkthrough of its run."""

import shlex
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console
from rich.text import Text

from placet.contracts.people.access import AccessRole
from placet.governance.signing.keys import Signer
from placet.service.documents.access import issue_token
from placet.service.sharing.links import PATH
from placet.service.sharing.walkthroughs import Walkthroughs
from placet.storage.database import Database
from placet.storage.records import RunRecord


class InBrowser:
    """The console of the demo.

    Args:
        console: Where it is printed.
        address: The console's own address.
        secret: The token of the demo's own installation, which seals links.
        environment: What another terminal sets to reach that installation.
    """

    def __init__(self, console: Console, address: str, secret: SecretStr, environment: str) -> None:
        self._say = console.print
        self._address, self._secret, self._environment = address, secret, environment

    def offer(self, database: Database, record: RunRecord, name: str, key_file: Path, by: Signer) -> None:
        """Say how the run is decided in the console; the token opens the demo's own installation, for a day."""
        roles: tuple[AccessRole, ...] = ("operator", "approver")
        token = issue_token(database, tenant=record.tenant, name=name, roles=roles, days=1, by=by).text
        sign = f"placet approve {record.run_id} --as {name} --key-file {shlex.quote(str(key_file))} --print"
        for line in (
            f"  open       {self._address}/runs/{record.run_id}",
            f"  sign in    {token}",
            f"  sign       {self._environment} {sign} > decision.json",
            "             and hand the file in on the page; the demo goes on by itself",
        ):
            self._say(Text(line), soft_wrap=True)

    def show_walkthrough(self, database: Database, record: RunRecord, by: str) -> None:
        """Make a link to the run's walkthrough, and print it."""
        links = Walkthroughs(database, record.tenant, self._secret)
        shared, _ = links.share(record.run_id, by=by, days=7)
        origin = self._address.removesuffix("/console")
        self._say(Text.assemble("\n", ("the walkthrough", "bold"), ", for somebody who has never seen the system:"))
        self._say(Text(f"  {origin}{PATH}{links.text_of(shared)}"), soft_wrap=True)
        self._say(Text("  it opens while the demo runs, and for seven days under `placet up` of its installation"))

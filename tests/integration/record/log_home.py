"""An installation whose log is asked about on the command line."""

import io
import os
import sqlite3
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from placet.entrypoints.main import Tools
from placet.governance.log.key import load_or_create_log_identity
from placet.governance.log.notes import VerifierKey
from placet.interfaces.cli.app import run
from tests.support.databases import migrated
from tests.support.logs import TENANT, record

ORIGIN = "placet.internal/acme"


class Installation:
    """An installation's home, and the `placet` program there."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.database = migrated(f"sqlite:///{home / 'placet.db'}")

    def placet(self, *arguments: str | Path, code: int = 0) -> str:
        """Run `placet audit ...`; its stdout, or its one line on stderr when it is to fail."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PLACET_")}
        stdout, stderr = io.StringIO(), io.StringIO()
        toolbox = Tools()
        with (
            patch.dict(os.environ, {**clean, "PLACET_HOME": str(self.home), "PLACET_TENANT": TENANT}, clear=True),
            redirect_stdout(stdout),
            redirect_stderr(stderr),
        ):
            returned = run(["audit", *map(str, arguments)], toolbox)
        if "_database" in vars(toolbox):
            toolbox.database().close()
        assert returned == code, stdout.getvalue() + stderr.getvalue()
        if code == 0:
            return stdout.getvalue()
        assert len(stderr.getvalue().strip().splitlines()) == 1, stderr.getvalue()
        return stderr.getvalue().strip()

    def forget_heads(self) -> None:
        """Remove the heads that were signed last, which are kept outside the database."""
        heads = list((self.home / "log").rglob("*.head"))
        assert heads
        for head in heads:
            head.unlink()

    def rewrite_history(self) -> None:
        """Another record under the same key: what the installation's own administrator can do."""
        self.database.close()
        (self.home / "placet.db").unlink()
        self.database.migrate()
        record(self.database, 30, first=500)

    def tamper(self, statement: str) -> None:
        with closing(sqlite3.connect(self.home / "placet.db", isolation_level=None)) as file:
            for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                file.execute(f"DROP TRIGGER {name}")
            file.execute(statement)

    @property
    def keys(self) -> list[VerifierKey]:
        """The installation's log key."""
        return load_or_create_log_identity("placet.internal", self.home / "keys" / "log.pem").verifiers(TENANT)

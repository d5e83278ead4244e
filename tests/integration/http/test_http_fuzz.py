"""What the API says of itself holds: schemathesis asks the running server for all that it describes, and for more.

No answer is a fault of the server, none contradicts the description, nothing is answered without the token.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from agents.catalogue import declared_facts
from placet.interfaces.http.app import create_app
from placet.service.keeping.log import signed_head
from placet.storage.database import Database
from tests.integration.http.calling import TOKEN, client_of, engine_at, serving, start
from tests.integration.http.tenants import POLICIES, Tenant
from tests.support.enrolment import trusted
from tests.support.guard import GUARD
from tests.support.logs import identity
from tests.support.servers import asking

EXAMPLES = 10
NOT_CHECKED = (
    # What fits the description may be refused all the same: a document nobody signed, an agent that is not there.
    "positive_data_acceptance",
)


@pytest.fixture
def api(database_url: str, temporal_address: str, tmp_path: Path) -> Iterator[str]:
    """The whole API over real things: a database with some of everything, Temporal, shipped policies, a signed log."""
    with Database(database_url, pool_size=20) as database:
        Tenant(database, "demo", trusted(database, tmp_path))
        app = create_app(
            database,
            engine_at(temporal_address),
            tenant="demo",
            agents=("retention",),
            token=SecretStr(TOKEN),
            policies=lambda _: POLICIES,
            facts=declared_facts,
        )
        with serving(app) as url, client_of(url) as http:
            for number in range(3):
                start(http, key=f"{database_url.partition(':')[0]}-{number}")
            signed_head(database, identity(tmp_path), "demo")
            yield url


def test_no_answer_is_a_fault_or_contradicts_the_description(api: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            *("run", f"{api}/openapi.json", "--header", f"Authorization: Bearer {TOKEN}"),
            *("--checks", "all", "--exclude-checks", ",".join(NOT_CHECKED)),
            *("--max-examples", str(EXAMPLES), "--continue-on-failure", "--no-color"),
            *("--workers", "1", "--seed", "1", "--generation-deterministic"),
            *("--suppress-health-check", "all", "--warnings", "off"),
        ],
        cwd=tmp_path,
        env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert asking.get(f"{api}/livez").json() == {"api": "ok"}  # it is alive after all that

"""What pages show while Temporal or the database does not answer: they say so, and keep what they can show."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from placet.entrypoints.processes.process import free_port
from placet.governance.signing.keys import Signer
from placet.interfaces.console.app import create_console
from placet.interfaces.http.app import no_facts, no_policies
from placet.interfaces.http.engine_link import EngineLink
from placet.interfaces.http.served import Served
from placet.service.documents.access import issue_token
from placet.service.runs import build_request, record_request
from placet.storage.database import Database
from tests.integration.http.calling import TOKEN, engine_at, serving
from tests.support.enrolment import trusted
from tests.support.guard import GUARD
from tests.support.servers.console import SAME, form_token


@pytest.fixture
def own(database_url: str) -> Iterator[Database]:
    with Database(database_url, pool_size=10) as database:
        yield database


@pytest.fixture
def root(own: Database, tmp_path: Path) -> Signer:
    return trusted(own, tmp_path)


@contextmanager
def signed_in(own: Database, root: Signer) -> Iterator[httpx.Client]:
    """A browser at a console whose Temporal is not there."""
    served = Served(
        own, EngineLink(engine_at(f"127.0.0.1:{free_port()}")), "demo", ("retention",), no_policies, no_facts
    )
    token = issue_token(own, tenant="demo", name="olga", roles=("operator", "approver"), days=1, by=root).text
    with (
        serving(create_console(served, secret=SecretStr(TOKEN))) as url,
        httpx.Client(base_url=url, headers=SAME, timeout=GUARD) as http,
    ):
        assert http.post("/console/sign-in", data={"token": token, "next": ""}).status_code == 303
        yield http


def test_while_temporal_is_down_everything_on_the_record_is_shown(own: Database, root: Signer) -> None:
    request = build_request(
        tenant="demo", customer_id="C00009", agent="retention", requested_by="olga", key=None, agents=("retention",)
    )
    record_request(own, request)
    with signed_in(own, root) as http:
        for path in ("inbox", "runs", f"runs/{request.run_id}", "customers/C00009", "halts"):
            assert http.get(f"/console/{path}").status_code == 200, path
        health = http.get("/console/health").text
        page = http.get("/console/runs/confirm?customer_id=C00011&agent=retention").text
        form = {"form_token": form_token(page), "customer_id": "C00011", "agent": "retention", "key": "one"}
        started = http.post("/console/runs", data=form)
        known = http.get("/console/runs?customer_id=C00011").text
    assert "Does not answer" in health
    assert "runs do not get on" in health
    assert started.status_code == 503
    assert "Something that the console needs does not answer" in started.text
    assert "127.0.0.1" not in started.text
    assert "No run is within this filter" in known


def test_while_the_database_is_broken_a_page_says_so_and_names_no_file(own: Database, root: Signer) -> None:
    with signed_in(own, root) as http:
        engine = create_engine(own._url)
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE run RENAME TO run_elsewhere"))
        engine.dispose()
        answers = [http.get(f"/console/{path}") for path in ("inbox", "runs", "customers")]
        health = http.get("/console/health")
    for answer in answers:
        assert answer.status_code == 503
        assert "The database did not take the request" in answer.text
        assert "run_elsewhere" not in answer.text
        assert str(own.name) not in answer.text
    assert health.status_code == 200
    assert "its figures cannot be shown" in health.text

"""`placet walkthrough share|list|withdraw`, as a person types it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from placet.contracts.run import RunRequest
from placet.service.runs import build_request, record_request
from placet.service.sharing.walkthroughs import Walkthroughs
from tests.e2e.test_halt_cli import Installation

TOKEN = "a-token-of-more-than-sixteen"
SET: dict[str, Any] = {"PLACET_API_TOKEN": TOKEN, "PLACET_CONSOLE_URL": "https://placet.operator.example"}


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def run(installation: Installation) -> RunRequest:
    request = build_request(
        tenant="demo", customer_id="C00009", agent="retention", requested_by="olga", key="w", agents=("retention",)
    )
    record_request(installation.database, request)
    return request


def test_a_link_is_shared_listed_and_withdrawn(installation: Installation, run: RunRequest) -> None:
    share = ("walkthrough", "share", run.run_id, "--days", "3", "--by", "olga")
    said = installation.placet(*share, **SET).splitlines()
    assert said[0].startswith("https://placet.operator.example/console/walkthrough/")
    assert run.run_id.removeprefix("run-") not in said[0]
    assert "demo" not in said[0]
    links = Walkthroughs(installation.database, "demo", SecretStr(TOKEN))
    (shared,) = links.list(run.run_id)
    assert (shared.shared_by, shared.names) == ("olga", False)
    opened = links.opened(said[0].rpartition("/")[2], shared.shared_at)
    assert opened is not None
    assert opened.run_id == run.run_id
    (listed,) = json.loads(installation.placet("walkthrough", "list", run.run_id, "--json", **SET))
    assert listed["url"] == said[0]
    assert "withdrawn" in installation.placet(
        "walkthrough", "withdraw", run.run_id, shared.link_id, "--by", "otto", **SET
    )
    assert links.opened(said[0].rpartition("/")[2], shared.shared_at) is None
    log = installation.placet("audit", "log", run.run_id)
    assert "shared a redacted walkthrough, naming nobody, by link" in log
    assert "WITHDREW the link" in log
    assert log.count(", by their own word") == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("share", "--days", "0"), "a link counts for 1 to 30 days, not for 0"),
        (("share", "--days", "31"), "a link counts for 1 to 30 days, not for 31"),
        (("share", "--by", "Not A Name"), "malformed name"),
        (("withdraw", "0" * 32), "has no link"),
    ],
)
def test_what_is_wrong_is_one_clear_line(
    installation: Installation, run: RunRequest, arguments: tuple[str, ...], said: str
) -> None:
    word, *rest = arguments
    assert said in installation.placet("walkthrough", word, run.run_id, *rest, code=1, **SET)


def test_without_the_installations_token_there_is_nothing_to_seal_with(
    installation: Installation, run: RunRequest
) -> None:
    assert "set PLACET_API_TOKEN" in installation.placet("walkthrough", "share", run.run_id, code=1)

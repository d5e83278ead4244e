"""Which links of a run are listed: what nobody can see, nobody can withdraw."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from placet.errors import GovernanceError, UsageError
from placet.service.runs import build_request, record_request
from placet.service.sharing import walkthroughs
from placet.service.sharing.walkthroughs import Walkthroughs
from placet.storage.database import Database
from tests.support.databases import disarm, outsider


def _linked(database: Database) -> tuple[Walkthroughs, str]:
    request = build_request(
        tenant="demo", customer_id="C00009", agent="retention", requested_by="olga", key="w", agents=("retention",)
    )
    record_request(database, request)
    return Walkthroughs(database, "demo", SecretStr("a-token-of-more-than-sixteen")), request.run_id


def test_every_link_that_counts_is_listed_whatever_was_made_and_withdrawn_since(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walkthroughs, "MOST_ENDED", 2)
    monkeypatch.setattr(walkthroughs, "MOST_STANDING", 3)
    links, run_id = _linked(database)

    def share() -> str:
        return links.share(run_id, by="olga", days=1)[0].link_id

    hidden = share()
    withdrawn = [share() for _ in range(2)]
    for _ in range(4):
        links.withdraw(run_id, withdrawn[-1], by="otto")
        withdrawn.append(share())
    listed = links.list(run_id)
    assert [one.link_id for one in listed] == [hidden, withdrawn[0], *withdrawn[3:]]
    assert [one.withdrawn_by for one in listed] == [None, None, "otto", "otto", None]
    with pytest.raises(UsageError, match="has 3 links that count already; withdraw one"):
        share()
    assert len(links.list(run_id)) == 5
    assert len(links.list(run_id, now=datetime.now(UTC) + timedelta(days=2))) == 2


def test_a_run_has_so_many_links_that_each_look_can_go_through_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walkthroughs, "MOST_MADE", 3)
    links, run_id = _linked(database)
    now = datetime.now(UTC)
    for _ in range(3):
        links.withdraw(run_id, links.share(run_id, by="olga", days=1)[0].link_id, by="otto")
    with pytest.raises(UsageError, match=r"3 links of run 'run-[0-9a-f]+' were made in the last 30 days; make no more"):
        links.share(run_id, by="olga", days=1)
    assert len(links.list(run_id)) == 3
    assert links.share(run_id, by="olga", days=1, now=now + timedelta(days=31))


def test_an_entry_that_says_no_link_opens_none_and_is_named(database: Database, database_url: str) -> None:
    links, run_id = _linked(database)
    shared, _ = links.share(run_id, by="olga", days=1)
    text = links.text_of(shared)
    assert links.opened(text, datetime.now(UTC))
    disarm(database_url, "audit_event")
    with outsider(database_url) as run:
        run("UPDATE audit_event SET body = '{}' WHERE kind = 'walkthrough.shared'")
    assert links.opened(text, datetime.now(UTC)) is None
    for look in (lambda: links.list(run_id), lambda: links.share(run_id, by="olga", days=1)):
        with pytest.raises(GovernanceError, match="says no link"):
            look()

"""Which links of a run are listed: what nobody can see, nobody can withdraw."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from placet.errors import UsageError
from placet.service.runs import build_request, record_request
from placet.service.sharing import walkthroughs
from placet.service.sharing.walkthroughs import Walkthroughs
from placet.storage.database import Database


def test_every_link_that_counts_is_listed_whatever_was_made_and_withdrawn_since(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walkthroughs, "MOST_ENDED", 2)
    monkeypatch.setattr(walkthroughs, "MOST_STANDING", 3)
    request = build_request(
        tenant="demo", customer_id="C00009", agent="retention", requested_by="olga", key="w", agents=("retention",)
    )
    record_request(database, request)
    links = Walkthroughs(database, "demo", SecretStr("a-token-of-more-than-sixteen"))

    def share() -> str:
        return links.share(request.run_id, by="olga", days=1)[0].link_id

    hidden = share()
    withdrawn = [share() for _ in range(2)]
    for _ in range(4):
        links.withdraw(request.run_id, withdrawn[-1], by="otto")
        withdrawn.append(share())
    listed = links.list(request.run_id)
    assert [one.link_id for one in listed] == [hidden, withdrawn[0], *withdrawn[3:]]
    assert [one.withdrawn_by for one in listed] == [None, None, "otto", "otto", None]
    with pytest.raises(UsageError, match="has 3 links that count already; withdraw one"):
        share()
    assert len(links.list(request.run_id)) == 5
    assert len(links.list(request.run_id, now=datetime.now(UTC) + timedelta(days=2))) == 2

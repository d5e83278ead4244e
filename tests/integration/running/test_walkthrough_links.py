"""Which links of a run are listed: what nobody can see, nobody can withdraw."""

import pytest
from pydantic import SecretStr

from placet.service.runs import build_request, record_request
from placet.service.sharing import walkthroughs
from placet.service.sharing.walkthroughs import Walkthroughs
from placet.storage.database import Database


def test_of_many_links_the_newest_are_listed_with_their_withdrawal(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walkthroughs, "MOST_LISTED", 3)
    request = build_request(
        tenant="demo", customer_id="C00009", agent="retention", requested_by="olga", key="w", agents=("retention",)
    )
    record_request(database, request)
    links = Walkthroughs(database, "demo", SecretStr("a-token-of-more-than-sixteen"))
    made = [links.share(request.run_id, by="olga", days=1)[0].link_id for _ in range(7)]
    for link_id in (*made[:4], made[5]):
        links.withdraw(request.run_id, link_id, by="otto")
    listed = links.list(request.run_id)
    assert [one.link_id for one in listed] == made[4:]
    assert [one.withdrawn_by for one in listed] == [None, "otto", None]

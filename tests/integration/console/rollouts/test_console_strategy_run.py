"""The page of a run names the strategy that it carries out, and the page of a mandate what it publishes."""

import re
from html import unescape

from placet.governance.signing.canonical import digest
from placet.service.documents.mandates import sign_mandate, take_mandate
from placet.service.strategies.publishing import draft_of, keep_text
from tests.security.gate.mandates.mandating import head, policies
from tests.security.gate.strategies.test_running import started
from tests.support.facts import FACTS
from tests.support.servers.console import ConsoleUnderTest
from tests.support.strategies.published import IN_BOTH, let_be_at_risk, strategy


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_strategy_is_named(console: ConsoleUnderTest) -> None:
    world, one = console.world, strategy()
    let_be_at_risk(world.database, IN_BOTH)
    keep_text(world.database, "demo", one)
    draft = draft_of(one, tenant="demo", drafted_by="olga")
    envelope = sign_mandate(draft, FACTS, signer="hanna", reason="", key=head(world).key)
    record = take_mandate(world.database, envelope, tenant="demo", policies=policies(world), declared=FACTS)
    run_id = started(world, one.name, "console")
    world.wait(run_id, "awaiting_decision", "executed")
    with console.signed_in("strategy-reader", "auditor") as http:
        page = http.get(f"/console/runs/{run_id}")
        assert page.status_code == 200
        assert f"It carries out strategy keep_at_risk, version {digest(one)[:8]}" in text_of(page.text)
        assert "told by agent." in text_of(page.text)
        mandate = http.get(f"/console/governance/mandates/{record.mandate.document_id}")
        assert mandate.status_code == 200
        assert f"customers of strategy keep_at_risk, version {digest(one)[:16]}" in text_of(mandate.text)

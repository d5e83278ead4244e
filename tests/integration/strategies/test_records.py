"""What the record, a run and a mandate say of a strategy, in words for people."""

import json

from placet.contracts.audit import tenant_stream
from placet.governance.signing.canonical import digest
from placet.interfaces.console.views.governance.mandates import bounds_of
from placet.interfaces.record_words import in_words
from tests.integration.record.retaining import findings
from tests.support.databases import disarm, outsider
from tests.support.programs.placet_process import placet
from tests.support.strategies.published import IN_BOTH, Shop, events, execute, shop, strategy

__all__ = ["shop"]


def told(shop: Shop, kind: str) -> list[str]:
    with shop.database.reading() as tx:
        return [in_words(one) for one in tx.audit.read(tenant_stream("demo")) if one.kind == kind]


def test_publishing_replacing_and_withdrawing_are_told_as_such(shop: Shop) -> None:
    one, newer = strategy(), strategy(("about: A credit", "about: A little credit"))
    first, second = shop.publish(one), shop.publish(newer)
    shop.revoke(second, reason="enough")
    plain = shop.plain_mandate(one)
    ids = [record.mandate.document_id[:16] for record in (first, second)]
    versions = [digest(version)[:16] for version in (one, newer)]
    assert told(shop, "mandate.signed") == [
        f"PUBLISHED strategy keep_at_risk, version {versions[0]}, by mandate {ids[0]}",
        f"PUBLISHED strategy keep_at_risk, version {versions[1]}, by mandate {ids[1]}",
        f"signed mandate {plain.mandate.name}",
    ]
    replaced, withdrawn = told(shop, "mandate.revoked")
    assert replaced.startswith(
        f"WITHDREW strategy keep_at_risk, version {versions[0]}, by mandate {ids[0]}; hanna wrote: "
    )
    assert f"replaced by version {versions[1]}" in replaced
    assert withdrawn == (
        f"WITHDREW strategy keep_at_risk, version {versions[1]}, by mandate {ids[1]}; olga wrote: “enough”"
    )


def test_a_run_says_which_strategy_it_was_asked_for_and_what_that_chose(shop: Shop) -> None:
    one = strategy()
    shop.publish(one)
    steps = shop.run(one)
    proposed, _ = steps.to_the_gate()
    assert execute(steps, proposed).outcome == "executed"
    (asked,), (chosen,) = events(steps, "run.requested"), events(steps, "propose.completed")
    assert in_words(asked) == (
        f"asked for a run of retention for customer {IN_BOTH}, "
        f"to carry out strategy version {digest(one)[:16]}, told by agent"
    )
    assert in_words(chosen) == (
        "weighed 3 treatments and proposed one: "
        "“Loyalty credit (loyalty_credit) by strategy 'keep_at_risk', costs 8.00 USD”"
    )
    assert findings(shop.database) == []


def test_commands_name_the_strategy_of_a_run_and_of_a_mandate(shop: Shop, database_url: str) -> None:
    one = strategy()
    record = shop.publish(one)
    run_id = shop.run(one).run.run_id
    where = {"PLACET_DATABASE_URL": database_url, "PLACET_POLICY_DIR": str(shop.home / "policies")}
    named = f"keep_at_risk, version {digest(one)[:16]}"
    shown = placet(shop.home, "run", "show", run_id, **where)
    assert f"strategy  {named}, told by agent" in shown.stdout, shown.stderr
    assert json.loads(placet(shop.home, "run", "show", run_id, "--json", **where).stdout)["strategy_name"] == one.name
    listed = placet(shop.home, "mandate", "list", **where)
    assert f"publishes strategy {named}, signed by hanna" in " ".join(listed.stdout.split()), listed.stderr
    one_mandate = " ".join(placet(shop.home, "mandate", "show", record.mandate.document_id, **where).stdout.split())
    assert f"publishes strategy {named}; it clears proposals of its runs alone" in one_mandate
    assert "cohort whom the strategy has" in one_mandate
    assert bounds_of(record.mandate).cohort == f"customers of strategy {named}"


def test_a_run_of_a_version_that_nobody_signed_says_so(shop: Shop, database_url: str) -> None:
    one = strategy()
    record = shop.publish(one)
    run_id = shop.run(one).run.run_id
    with shop.database.reading() as tx:
        assert tx.mandates.get("demo", record.mandate.document_id) is not None
    disarm(database_url, "mandate")
    with outsider(database_url) as shell:
        shell("DELETE FROM mandate")
    shown = placet(shop.home, "run", "show", run_id, PLACET_DATABASE_URL=database_url)
    assert f"strategy  (nobody has signed it), version {digest(one)[:16]}, told by agent" in shown.stdout

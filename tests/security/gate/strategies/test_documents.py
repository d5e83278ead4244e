"""Documents and rows of published strategies: what nobody signed, was bent, replaced or withdrawn decides nothing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from placet.contracts.money import parse_money
from placet.contracts.people.mandate import MandateRecord
from placet.contracts.strategies.strategy import Strategy
from placet.errors import DecisionRefused, UsageError
from placet.governance.signing.canonical import digest
from placet.governance.signing.keys import Signer
from placet.service.documents.keys import revoke_key
from placet.service.runs import Carries
from placet.service.strategies.publishing import PublishedStrategy, find_in_force, keep_text, publications
from tests.support.databases import disarm, outsider
from tests.support.enrolment import new_signer
from tests.support.steps import Steps
from tests.support.strategies.published import COST, IN_BOTH, Shop, events, passed_over, strategy

OTHER = ("about: A credit", "about: A little credit")
"""An edit that makes another version."""


def outcome(steps: Steps) -> str:
    """Return what a run that reaches the gate, or proposes nothing, came to."""
    analysed = steps.analyse()
    proposed = steps.propose(analysed, steps.query(analysed))
    if proposed.proposal is None:
        return f"nothing: {events(steps, 'propose.completed')[0].body['reason'] or proposed.summary}"
    return steps.open(proposed).verdict


def unpublished(shop: Shop, one: Strategy, key: str = "asked") -> Steps:
    """Ask for a run of a version, whatever is in force, as who writes to the database can."""
    return shop.carrying(Carries(one.name, digest(one), "agent", "retention"), IN_BOTH, key)


def states(shop: Shop) -> list[str]:
    """Return where every published version stands, the newest first, altered rows last."""
    with shop.database.reading() as tx:
        found = publications(tx, "demo", lambda _: shop.policies, datetime.now(UTC))
    return [one.state if isinstance(one, PublishedStrategy) else one.fault for one in found]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE mandate SET strategy = '{other}'",
        "UPDATE mandate SET strategy = '{other}', mandate = replace(mandate, '{ours}', '{other}')",
        "UPDATE mandate SET budget_minor = 90000, mandate = replace(mandate, ':10000,', ':90000,')",
        "UPDATE mandate SET mandate = replace(mandate, '\"loyalty_credit\"', '\"goodwill_credit\"')",
        'UPDATE mandate SET mandate = replace(mandate, \'"signer":"hanna"\', \'"signer":"ines"\')',
        "UPDATE mandate SET mandate = '{{'",
        "UPDATE mandate SET strategy = NULL",
        "UPDATE mandate SET strategy = NULL, mandate = replace(mandate, ',\"strategy\":\"{ours}\"', '')",
    ],
)
def test_a_row_that_was_altered_publishes_and_clears_nothing(shop: Shop, database_url: str, statement: str) -> None:
    one, other = strategy(), strategy(OTHER)
    keep_text(shop.database, "demo", other)
    shop.publish(one)
    altered(database_url, "mandate", statement.format(ours=digest(one), other=digest(other)))
    for number, version in enumerate((one, other)):
        said = outcome(unpublished(shop, version, f"asked {number}"))
        assert said.startswith("nothing: strategy version "), said
        assert "is not in force: " in said


def altered(url: str, table: str, statement: str) -> None:
    """Change a row as who has full rights on the database can."""
    disarm(url, table)
    with outsider(url) as shell:
        shell(statement)


def replaced_text(url: str, one: Strategy, other: Strategy) -> None:
    text = other.model_dump_json()
    altered(url, "artifact", f"UPDATE artifact SET data = {hexed(url, text)} WHERE digest = '{digest(one)}'")  # noqa: S608


def deleted_text(url: str, one: Strategy, other: Strategy) -> None:
    altered(url, "artifact", f"DELETE FROM artifact WHERE digest = '{digest(one)}'")  # noqa: S608


def deleted_document(url: str, one: Strategy, other: Strategy) -> None:
    altered(url, "artifact", "DELETE FROM artifact WHERE media_type = 'application/vnd.dsse+json'")


def hexed(url: str, text: str) -> str:
    written = text.encode().hex()
    return f"x'{written}'" if url.startswith("sqlite") else f"decode('{written}', 'hex')"


@pytest.mark.parametrize("attack", [replaced_text, deleted_text, deleted_document])
@pytest.mark.parametrize("at_the_gate", [False, True])
def test_a_text_or_document_that_is_gone_or_another_one_decides_nothing(
    shop: Shop, database_url: str, attack: Callable[[str, Strategy, Strategy], None], at_the_gate: bool
) -> None:
    one = strategy()
    richer = strategy(("of_monthly: 20 %", "of_monthly: 40 %"))
    record = shop.publish(one)
    steps = shop.run(one)
    analysed = steps.analyse()
    queried = steps.query(analysed)
    proposed = steps.propose(analysed, queried) if at_the_gate else None
    attack(database_url, one, richer)
    if proposed is None:
        assert steps.propose(analysed, queried).proposal is None
        assert states(shop) == ["does_not_count"]
    else:
        gate = steps.open(proposed)
        assert gate.verdict == "human"
        ((code, _),) = passed_over(steps)
        assert code == ("mandate_unsigned" if attack is deleted_document else "strategy_altered")
    assert shop.spent(record) == 0


@pytest.mark.parametrize(
    ("bent", "field"),
    [
        ({"budget": parse_money("200.00 USD")}, "budget"),
        ({"cap_per_customer": parse_money("40.00 USD")}, "cap_per_customer"),
        ({"period_days": 30}, "period_days"),
        ({"treatments": ("loyalty_credit", "small_credit", "goodwill_credit")}, "treatments"),
        ({"kinds": ("adjust_balance", "order_product")}, "kinds"),
        ({"valid_until": datetime.now(UTC) + timedelta(days=90)}, "valid_until"),
        ({"valid_from": datetime.now(UTC) - timedelta(days=30)}, "valid_from"),
        ({"name": "keep_others"}, "name"),
    ],
)
def test_a_mandate_with_other_bounds_than_its_text_is_refused_though_it_is_really_signed(
    shop: Shop, bent: dict[str, Any], field: str
) -> None:
    one = strategy()
    keep_text(shop.database, "demo", one)
    with pytest.raises(DecisionRefused, match=f"has another {field} than its text") as refused:
        shop.take(shop.signed(one, **bent))
    assert refused.value.code == "strategy_altered"
    assert outcome(unpublished(shop, one)).startswith("nothing: ")


def test_a_text_that_is_not_kept_here_is_not_published(shop: Shop) -> None:
    with pytest.raises(DecisionRefused, match="the text of strategy 'keep_at_risk' is gone") as refused:
        shop.take(shop.signed(strategy()))
    assert refused.value.code == "strategy_altered"


def unsigned(shop: Shop, one: Strategy) -> None:
    keep_text(shop.database, "demo", one)


def by_who_may_not(shop: Shop, one: Strategy) -> None:
    with pytest.raises(DecisionRefused, match="'lena' may not sign mandate") as refused:
        shop.publish(one, by=shop.steps.approver("lena", "retention_lead"))
    assert refused.value.code == "unentitled"


def by_nobody_known(shop: Shop, one: Strategy) -> None:
    with pytest.raises(DecisionRefused):
        shop.publish(one, by=new_signer("hanna"))


def by_who_wrote_it(shop: Shop, one: Strategy) -> None:
    with pytest.raises(DecisionRefused, match="four-eyes-on-mandates") as refused:
        shop.publish(one, drafted_by="hanna")
    assert refused.value.code == "unentitled"


def by_a_revoked_key(shop: Shop, one: Strategy) -> None:
    revoked(shop)
    with pytest.raises(DecisionRefused) as refused:
        shop.publish(one)
    assert refused.value.code == "revoked_key"


def in_anothers_name(shop: Shop, one: Strategy) -> None:
    ines = shop.steps.approver("ines", "retention_lead")
    with pytest.raises(DecisionRefused):
        shop.publish(one, by=ines, signed_as="hanna")


def beyond_their_limit(shop: Shop, one: Strategy) -> None:
    with pytest.raises(DecisionRefused, match=r"over 2000\.00 USD") as refused:
        shop.publish(strategy(("total: 100.00 USD", "total: 2000.00 USD")))
    assert refused.value.code == "unentitled"


def revoked(shop: Shop, who: Signer | None = None) -> None:
    key_id = (who or shop.hanna).key.key_id
    revoke_key(shop.database, tenant="demo", key_id=key_id, by=shop.steps.root, reason="left")


@pytest.mark.parametrize(
    "attempt",
    [
        unsigned,
        by_who_may_not,
        by_nobody_known,
        by_who_wrote_it,
        by_a_revoked_key,
        in_anothers_name,
        beyond_their_limit,
    ],
)
def test_without_the_signature_of_who_may_nothing_is_published(
    shop: Shop, attempt: Callable[[Shop, Strategy], None]
) -> None:
    one = strategy()
    attempt(shop, one)
    assert states(shop) == []
    said = outcome(unpublished(shop, one))
    assert said.startswith(f"nothing: strategy version {digest(one)[:16]} is not in force: nobody has signed it"), said


def test_a_key_that_is_revoked_later_ends_the_publication(shop: Shop) -> None:
    one = strategy()
    record = shop.publish(one)
    revoked(shop)
    assert states(shop) == ["does_not_count"]
    with shop.database.reading() as tx, pytest.raises(UsageError, match="is not in force: revoked_key"):
        find_in_force(tx, "demo", one.name, lambda _: shop.policies, datetime.now(UTC))
    assert outcome(unpublished(shop, one)).startswith("nothing: strategy version ")
    assert shop.spent(record) == 0


def test_a_version_is_signed_once_and_a_newer_one_replaces_it(shop: Shop) -> None:
    one, newer = strategy(), strategy(OTHER)
    first = shop.publish(one)
    with pytest.raises(DecisionRefused, match="is in force, signed by hanna") as again:
        shop.take(shop.signed(one, drafted_by="ines"))
    assert again.value.code == "strategy_in_force"
    waiting = shop.run(one, key="waiting")
    shop.publish(newer)
    assert states(shop) == ["valid", "revoked"]
    assert "replaced by version" in withdrawn_because(shop, first)
    assert "it was withdrawn by hanna" in outcome(waiting)
    assert outcome(shop.run(newer, key="newer")) == "cleared"


def test_an_older_envelope_never_comes_back(shop: Shop) -> None:
    """Not after a newer version, not after that one was withdrawn, and not the one that was replaced."""
    one, between, newest = strategy(), strategy(OTHER), strategy(("about: A credit", "about: No credit"))
    first = shop.signed(one)
    keep_text(shop.database, "demo", one)
    shop.take(first)
    keep_text(shop.database, "demo", between)
    old = shop.signed(between)
    record = shop.publish(newest)
    for envelope, code in ((old, "strategy_superseded"), (first, "duplicate")):
        with pytest.raises(DecisionRefused) as refused:
            shop.take(envelope)
        assert refused.value.code == code
    shop.revoke(record)
    for envelope, code in ((old, "strategy_superseded"), (first, "duplicate")):
        with pytest.raises(DecisionRefused) as refused:
            shop.take(envelope)
        assert refused.value.code == code
    assert outcome(unpublished(shop, between)).startswith("nothing: ")
    shop.publish(between)
    assert outcome(shop.run(between)) == "cleared"


def test_a_withdrawn_version_may_be_signed_anew_with_a_budget_of_its_own(shop: Shop) -> None:
    one = strategy()
    first = shop.publish(one)
    assert outcome(shop.run(one)) == "cleared"
    shop.revoke(first)
    second = shop.publish(one)
    assert (shop.spent(first), shop.spent(second)) == (COST, 0)


def withdrawn_because(shop: Shop, record: MandateRecord) -> str:
    with shop.database.reading() as tx:
        found = tx.mandates.get("demo", record.mandate.document_id)
    assert found is not None
    return str(found.revoked_reason)


def test_one_text_that_was_altered_hides_no_other_strategy(shop: Shop, database_url: str) -> None:
    one, other = strategy(), strategy(("name: keep_at_risk", "name: keep_others"), ("holdout: 20 %", "holdout: 1 %"))
    shop.publish(one)
    shop.publish(other)
    replaced_text(database_url, one, other)
    assert states(shop) == ["does_not_count", "valid"]
    assert "by strategy 'keep_others': every treatment: it has reached 60 % so far" in outcome(shop.run(other))

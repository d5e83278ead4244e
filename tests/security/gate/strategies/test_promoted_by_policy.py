"""Policy begins a stage of a rollout only where it permits it, a person signed that very set, and a look passed.

Whoever owns the database may append what they like: nothing of it begins a stage.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from placet.contracts.strategies.promotion import PolicyPromotion
from placet.errors import DecisionRefused, GovernanceError, PolicyError, UsageError
from placet.governance.authority.promotions import read_promotion, sign_promotion
from placet.governance.log.body import write_body
from placet.governance.log.chain import entry_hash
from placet.governance.log.key import LogIdentity, load_or_create_log_identity
from placet.governance.policy.set import PolicySet
from placet.governance.signing.keys import public_bytes
from placet.service.documents.halts import place_halt
from placet.service.documents.keys import enroll_key, revoke_key
from placet.service.documents.policy_signatures import list_signatures, withdraw_signature
from placet.service.rollouts.stepping import RolloutSteps
from placet.service.rollouts.vouching import verify_promotions
from tests.support.enrolment import new_signer
from tests.support.strategies.promoting import (
    FORBID,
    LOG,
    PASSING,
    PERMIT,
    forge,
    identity_of,
    moves,
    permit,
    promoted,
    rolling,
    signature,
    take,
    watch,
)
from tests.support.strategies.published import Shop
from tests.support.strategies.rolling import Rolling, crowd, everybody, started


def audited(of: Rolling) -> list[str]:
    """Return what an auditor finds of stages that policy began."""
    with of.shop.database.reading() as tx:
        log = of.shop.database.trust.log
        assert log is not None
        found = verify_promotions(tx, "demo", log.trusted())
    return [f"{one.strategy} to {one.to} by {one.policies} of {one.signer}" for one in found]


def test_a_stage_that_passed_begins_by_policy_where_it_was_signed(shop: Shop) -> None:
    it = rolling(shop)
    shown = promoted(it)
    assert (shown.reached, shown.asks) == (10_000, None)
    (move,) = shown.moves
    assert (move.by, move.who, move.policies, move.look, move.counts) == (
        "policy",
        "hanna",
        ("retention-promotes-calm-stages",),
        1,
        True,
    )
    (entry,) = moves(it)
    assert (entry.actor, entry.body["by"], entry.body["signed_by"]) == ("policy", "policy", "hanna")
    assert entry.body["policy_set"] == shop.policies.digest
    assert it.reach() != [], "the gate lets it reach them"
    assert audited(it) == ["keep_at_risk to 10000 by ('retention-promotes-calm-stages',) of hanna"]


def test_a_look_that_does_not_pass_or_comes_too_early_begins_nothing(shop: Shop) -> None:
    it = rolling(shop, ("by_more_than: 60 points", "by_more_than: 0.01 points"))
    assert promoted(it).reached == 6_000
    assert moves(it) == []


def test_before_its_hold_time_is_over_nothing_begins(shop: Shop) -> None:
    it = rolling(shop)
    assert it.look(days=1).reached == 6_000
    assert moves(it) == []


def test_without_a_permit_or_without_a_signature_a_person_is_asked(shop: Shop) -> None:
    it = rolling(shop, signed=False)
    shown = promoted(it)
    assert (shown.reached, shown.asks is not None) == (6_000, True)
    take(shop, signature(shop))
    assert it.look(days=1).reached == 10_000, "signed meanwhile, its next look that passes begins it"


def test_as_shipped_nothing_promotes_and_there_is_nothing_to_sign(shop: Shop) -> None:
    crowd(shop)
    with pytest.raises(DecisionRefused, match="nothing to sign"):
        signature(shop)
    it = started(shop, everybody(PASSING))
    identity = identity_of(shop)
    it.identity = lambda: identity
    it.reach()
    assert promoted(it).reached == 6_000


def test_a_forbid_outranks_the_permit(shop: Shop) -> None:
    it = rolling(shop, text=PERMIT + FORBID)
    shown = promoted(it)
    assert (shown.reached, shown.asks is not None) == (6_000, True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("resource.to_percent <= 100", "resource.to_percent <= 99"),
        ("resource.customers_added <= 400", "resource.customers_added <= 10"),
        ('resource.passed.contains("complaints")', 'resource.passed.contains("churn")'),
        ("resource.budget_left_minor >= 100", "resource.budget_left_minor > 10000"),
        ('resource.market == "us"', 'resource.market == "in"'),
        ("resource.from_percent >= 60", "resource.from_percent >= 61"),
        ("resource.holds == 0", "resource.looks >= 2"),
        ("resource.holds == 0", 'resource.started_by == "somebody"'),
        ("resource.holds == 0", "resource.days_watched > 15"),
    ],
)
def test_what_policy_is_told_is_what_is_so(shop: Shop, old: str, new: str) -> None:
    assert old in PERMIT
    it = rolling(shop, text=PERMIT.replace(old, new))
    assert promoted(it).reached == 6_000


def test_a_policy_that_fails_to_evaluate_begins_nothing(shop: Shop) -> None:
    overflows = "resource.looks * 9223372036854775807 + resource.looks > 0"
    it = rolling(shop, text=PERMIT.replace("resource.holds == 0", overflows))
    assert promoted(it).reached == 6_000


def test_with_no_policies_an_engine_that_is_down_or_a_kept_set_nothing_begins(shop: Shop) -> None:
    it = rolling(shop)
    it.later += timedelta(days=15)

    def down(_tenant: str, _agent: str) -> PolicySet:
        raise PolicyError("no policy set")

    steps = RolloutSteps(shop.database, down, lambda: it.now, identity=it.identity)
    with pytest.raises(PolicyError):
        steps.look(it.asked)
    kept = shop.policies.kept("the files in place are faulty")
    steps = RolloutSteps(shop.database, lambda _tenant, _agent: kept, lambda: it.now, identity=it.identity)
    steps.look(it.asked)
    assert (moves(it), it.shown().asks is not None) == ([], True)


def test_without_the_key_of_the_log_nobody_vouches_and_nothing_begins(shop: Shop) -> None:
    it = rolling(shop)

    def gone() -> Any:
        raise UsageError("no key")

    it.identity = gone
    assert promoted(it).reached == 6_000
    it.identity = None
    assert it.look(days=1).reached == 6_000


def test_while_a_halt_is_in_force_a_person_is_asked(shop: Shop) -> None:
    it = rolling(shop)
    asked: dict[str, Any] = {"tenant": "demo", "scope": "agent", "subject": "retention", "by": "olga"}
    place_halt(shop.database, **asked, reason="prices", agents=("retention",))
    shown = promoted(it)
    assert (shown.reached, shown.asks is not None) == (6_000, True)


def test_the_record_must_say_that_the_policies_are_in_force(shop: Shop) -> None:
    it = rolling(shop, signed=False)
    shop.policy_file.write_text(shop.policy_file.read_text() + "\n// another set, which no watch has seen\n")
    take(shop, signature(shop))
    assert promoted(it).reached == 6_000
    watch(shop)
    assert it.look(days=1).reached == 10_000


def test_a_signature_on_other_policies_begins_nothing(shop: Shop) -> None:
    it = rolling(shop)
    permit(shop, "\n// one letter more is another set\n")
    shown = promoted(it)
    assert (shown.reached, shown.asks is not None) == (6_000, True)


# Who may sign.


def test_who_may_publish_no_strategy_signs_no_policies(shop: Shop) -> None:
    it = rolling(shop, signed=False)
    anna = shop.steps.approver("anna", "retention_lead")
    with pytest.raises(DecisionRefused, match="may publish no strategy"):
        take(shop, signature(shop, anna))
    with pytest.raises(DecisionRefused):  # signed with anna's key in the name of hanna
        take(shop, signature(shop, anna, signer="hanna"))
    with shop.database.reading() as tx:
        assert [one.kind for one in tx.audit.read("tenant/demo")].count("policy.signature_refused") == 2
    assert promoted(it).reached == 6_000


def test_who_may_not_publish_this_strategy_lets_policy_begin_no_stage_of_it(shop: Shop) -> None:
    it = rolling(shop, signed=False)
    small = new_signer("small")
    enroll_key(
        shop.database,
        name="small",
        tenant="demo",
        roles=("retention_head",),
        limit="1.00 USD",
        public_key=public_bytes(small.key.private.public_key()),
        by=shop.steps.root,
        expires_at=None,
    )
    take(shop, signature(shop, small))
    assert promoted(it).reached == 6_000


@pytest.mark.parametrize(
    "bent",
    [
        {"policy_set": "0" * 64},
        {"policies": ("another",)},
        {"agent": "another"},
        {"tenant": "other"},
        {"valid_until": datetime(2020, 1, 1, tzinfo=UTC)},
        {"valid_until": timedelta(days=400)},
        {"signed_at": timedelta(days=1)},
    ],
    ids=str,
)
def test_a_signature_on_something_else_is_refused(shop: Shop, bent: dict[str, Any]) -> None:
    identity_of(shop)
    permit(shop)
    now = datetime.now(UTC)
    said = {name: now + value if isinstance(value, timedelta) else value for name, value in bent.items()}
    with pytest.raises((DecisionRefused, PolicyError, UsageError)):
        take(shop, signature(shop, None, **said))


def test_policy_leads_no_further_than_was_signed_and_no_longer(shop: Shop) -> None:
    it = rolling(shop, signed=False)
    take(shop, signature(shop, most=9_999))
    take(shop, signature(shop, valid_until=datetime.now(UTC) + timedelta(days=14)))
    assert promoted(it).reached == 6_000


def test_a_withdrawn_signature_begins_nothing_more_and_what_it_began_stays(shop: Shop) -> None:
    it = rolling(shop, STAGES)
    assert promoted(it).reached == 8_000
    it.reach()
    (one,) = list_signatures(shop.database, "demo", lambda _agent: shop.policies)
    assert one.state == "in_force"
    withdrawn = withdraw_signature(
        shop.database,
        tenant="demo",
        signature_id=one.signature_id[:8],
        by="olga",
        reason="enough",
        policies=lambda _agent: shop.policies,
    )
    assert (withdrawn.state, withdrawn.withdrawn_by) == ("withdrawn", "olga")
    shown = promoted(it)
    assert (shown.reached, shown.asks is not None, shown.moves[0].counts) == (8_000, True, True)


def test_once_the_signers_key_is_revoked_the_stage_counts_no_longer_and_another_may_sign_it(shop: Shop) -> None:
    paul = shop.steps.approver("paul", "retention_head")
    it = rolling(shop, signed=False)
    take(shop, signature(shop, paul))
    assert promoted(it).reached == 10_000
    revoke_key(shop.database, tenant="demo", key_id=paul.key.key_id, by=paul, reason="left")
    shown = it.shown()
    assert shown.reached == 6_000
    assert "counts no longer" in shown.stands
    assert (shown.moves[0].counts, "revoked" in shown.moves[0].why_not) == (False, True)
    assert len(audited(it)) == 1, "it was begun as it might be: the record is sound"
    it.take(it.signed(it.order("promote")))
    assert it.shown().reached == 10_000


# What the owner of the database may append.

STAGES = ("stages: [60 %, 100 %]", "stages: [60 %, 80 %, 100 %]")
Change = Callable[[PolicyPromotion], PolicyPromotion]


def test_an_entry_alone_begins_nothing(shop: Shop) -> None:
    it = rolling(shop)
    version = it.asked.version
    body = {
        "strategy": it.of.name,
        "version": version,
        "stage": 1,
        "to": 10_000,
        "number": 1,
        "by": "policy",
        "policies": ["retention-promotes-calm-stages"],
        "policy_set": shop.policies.digest,
        "signed_by": "hanna",
        "look": 1,
        "document": "1" * 64,
    }
    with shop.database.transaction() as tx:
        tx.record_act("demo", "rollout.moved", "policy", it.now, f"{version}.1", body)
    assert it.shown().reached == 6_000
    with pytest.raises(GovernanceError, match="was not begun by policy"):
        audited(it)


def test_a_persons_order_that_is_said_to_be_policys_counts_as_neither(shop: Shop) -> None:
    it = rolling(shop)
    order = it.signed(it.order("promote"))
    with shop.database.transaction() as tx:
        digest = tx.artifacts.put("demo", "application/vnd.dsse+json", order.encode())
        body = {"strategy": it.of.name, "version": it.asked.version, "stage": 1, "by": "policy", "document": digest}
        tx.record_act("demo", "rollout.moved", "policy", it.now, f"{it.asked.version}.1", body)
    assert it.shown().reached == 6_000


def test_another_key_than_the_logs_vouches_for_nothing(shop: Shop) -> None:
    it = rolling(shop, STAGES)
    assert promoted(it).reached == 8_000
    it.reach()
    assert promoted(it).reached == 10_000
    other = load_or_create_log_identity(LOG, shop.home / "other" / "log.pem")
    retold(it, lambda honest: honest, by=other)
    assert it.shown().reached == 6_000, "the first stage on which the second rests counts no more"
    with pytest.raises(GovernanceError, match="no log key of this installation vouches"):
        audited(it)


def test_a_worker_with_another_key_than_the_logs_begins_nothing(shop: Shop) -> None:
    it = rolling(shop)
    other = load_or_create_log_identity(LOG, shop.home / "other" / "log.pem")
    it.identity = lambda: other
    shown = promoted(it)
    assert (shown.reached, shown.asks is not None, moves(it)) == (6_000, True, [])


def test_a_key_that_was_replaced_counts_for_what_it_vouched_for(shop: Shop) -> None:
    it = rolling(shop)
    assert promoted(it).reached == 10_000
    keys = shop.home / "keys"
    (keys / "log.pem").unlink()
    (keys / "log.pem.pub").rename(keys / "log-retired-2026.pub")
    load_or_create_log_identity(LOG, keys / "log.pem")
    assert it.shown().reached == 10_000
    (keys / "log-retired-2026.pub").unlink()
    assert it.shown().reached == 6_000


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        (lambda it: it, "the same again"),
        (lambda it: it.model_copy(update={"number": 2, "to": 10_000}), "the stage after that"),
        (lambda it: it.model_copy(update={"number": 2, "to": 10_000, "look_number": 2}), "a look that is not there"),
        (lambda it: it.model_copy(update={"number": 2, "to": 10_000, "look": "0" * 64}), "another look"),
        (lambda it: it.model_copy(update={"number": 2, "to": 10_000, "version": "0" * 64}), "another version"),
        (lambda it: it.model_copy(update={"number": 2, "to": 10_000, "strategy": "another"}), "another strategy"),
        (lambda it: it.model_copy(update={"number": 2, "to": 10_000, "tenant": "other"}), "another tenant"),
        (lambda it: it.model_copy(update={"number": 2, "to": 10_000, "log": "other/demo"}), "another log"),
    ],
)
def test_even_with_the_log_key_a_stage_stands_on_its_own_look(shop: Shop, claims: Change, code: str) -> None:
    """Whoever reads the key of the log still needs a look of that very stage, after its hold time, on the record."""
    it = rolling(shop, STAGES)
    assert promoted(it).reached == 8_000, code
    forge(it, claims)
    assert it.shown().reached == 8_000
    with pytest.raises(GovernanceError):
        audited(it)


@pytest.mark.parametrize(
    "claims",
    [
        {"policy_set": "0" * 64},
        {"policies": ("another",)},
        {"in_force": 99},
        {"signature": "0" * 64},
        {"signer": "olga"},
        {"to": 9_000},
        {"look_number": 2},
        {"at": datetime(2020, 1, 1, tzinfo=UTC)},
        {"agent": "another"},
    ],
    ids=str,
)
def test_what_a_promotion_names_is_found_again_or_it_does_not_count(shop: Shop, claims: dict[str, Any]) -> None:
    it = rolling(shop)
    assert promoted(it).reached == 10_000
    retold(it, lambda honest: honest.model_copy(update=claims))
    assert it.shown().reached == 6_000
    with pytest.raises(GovernanceError):
        audited(it)


@pytest.mark.parametrize(
    "asked",
    [
        {"to_percent": 70},
        {"passed": ()},
        {"market": "in"},
        {"rails": 0},
        {"looks": 9},
        {"budget_minor": 1},
        {"holds": 1},
    ],
    ids=str,
)
def test_policy_is_asked_again_with_what_it_was_told_and_that_is_what_the_record_says(
    shop: Shop, asked: dict[str, Any]
) -> None:
    it = rolling(shop)
    assert promoted(it).reached == 10_000
    retold(it, lambda honest: honest.model_copy(update={"asked": {**honest.asked, **asked}}))
    assert it.shown().reached == 6_000


def retold(it: Rolling, change: Change, *, by: LogIdentity | None = None) -> None:
    """Put another promotion in the place of the first on the record, vouched for by the log's own key or `by`."""
    key, database = identity_of(it.shop), it.shop.database
    entry = moves(it)[0]
    with database.transaction() as tx:
        text_ = tx.artifacts.get(str(entry.body["document"]), tenant="demo").decode()
        forged = sign_promotion(change(read_promotion(text_, key.trusted, key.origin("demo"))), (by or key).key)
        digest = tx.artifacts.put("demo", "application/vnd.dsse+json", forged.encode())
    body = {**entry.body, "document": digest}
    changed = entry.model_copy(update={"body": body})
    values = {"body": write_body(body)[0], "hash": entry_hash(changed), "stream": entry.stream, "seq": entry.seq}
    unguarded(it, "audit_event")
    with database.transaction() as tx:
        tx.connection.execute(
            text("UPDATE audit_event SET body = :body, hash = :hash WHERE stream = :stream AND seq = :seq"), values
        )


def unguarded(it: Rolling, table: str) -> None:
    """Switch the guards of a table off, as its owner can."""
    with it.shop.database.transaction() as tx:
        if tx.connection.dialect.name == "postgresql":
            tx.connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            return
        named = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
        for name in list(tx.connection.scalars(named, {"table": table})):
            tx.connection.execute(text(f"DROP TRIGGER {name}"))


def test_the_artifacts_that_it_rests_on_must_be_there(shop: Shop) -> None:
    it = rolling(shop)
    assert promoted(it).reached == 10_000
    (entry,) = moves(it)
    with shop.database.reading() as tx:
        look = str(entry.body["evidence"])
        assert tx.artifacts.get(look, tenant="demo")
    unguarded(it, "artifact")
    with shop.database.transaction() as tx:
        tx.connection.execute(text("DELETE FROM artifact WHERE digest = :digest"), {"digest": look})
    assert it.stand().reached == 6_000

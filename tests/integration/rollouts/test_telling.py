"""Whoever may publish a strategy is told what its rollout needs of them: once for each occurrence, with its entry."""

from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import text

from placet.contracts.audit import AuditEvent
from placet.contracts.notification import Notification
from placet.governance.retention import Periods
from placet.notify.address_book import AddressBook
from placet.service.keeping.retention import apply_retention
from placet.storage.notifications import Outbox
from placet.toml_files import parse_toml
from tests.support.strategies.published import Shop
from tests.support.strategies.rolling import CROWD, Rolling, complain, crowd, everybody, started

BOOK: Final = parse_toml(
    """
version = 1
console_url = "https://placet.operator.example/console"

[[email]]
address = "heads@operator.example"
tenants = ["demo"]
roles = ["retention_head"]

[[email]]
address = "leads@operator.example"
tenants = ["demo"]
roles = ["retention_lead"]

[[webhook]]
name = "desk"
url = "https://desk.operator.example/placet"
secret_file = "desk.secret"
tenants = ["demo"]
roles = ["retention_head"]
occasions = ["rollout_held"]
""",
    AddressBook,
    "address book",
)
PASSING: Final = ("by_more_than: 0.5 points", "by_more_than: 60 points")
UNSURE: Final = ("by_more_than: 0.5 points", "by_more_than: 0.01 points")


def rolling(shop: Shop, *edits: tuple[str, str]) -> Rolling:
    crowd(shop)
    made = started(shop, everybody(*edits))
    made.book = BOOK
    made.reach()
    return made


def notices(of: Rolling) -> list[Notification]:
    """What people were told, oldest first, without the console."""
    with of.shop.database.reading() as tx:
        found = tx.outbox.list("demo", strategy=of.of.name, limit=200)
    return [one for one in reversed(found) if one.channel != "console"]


def told(of: Rolling) -> list[tuple[str, str, str]]:
    return [(one.occasion, str(one.occurrence), one.recipient) for one in notices(of)]


def entries(of: Rolling, kind: str) -> list[AuditEvent]:
    with of.shop.database.reading() as tx:
        return [one for one in tx.audit.read("tenant/demo") if one.kind == kind]


HEADS: Final = "heads@operator.example"
ONE_GONE: Final = "DELETE FROM rollout_member WHERE customer_id = (SELECT min(customer_id) FROM rollout_member)"


def test_a_stage_that_is_asked_for_is_told_once_to_whoever_may_sign_it(shop: Shop) -> None:
    it = rolling(shop, PASSING)
    it.look(days=1)
    assert told(it) == [], "its hold time is not over"
    it.look(days=14)
    assert told(it) == [("stage_asked", "move.1", HEADS)]
    (one,) = notices(it)
    assert (one.run_id, one.strategy, one.version) == (None, "keep_at_risk", it.asked.version)
    assert one.role == "retention_head"
    assert f"https://placet.operator.example/console/rollouts/{it.asked.version}" in one.text
    assert "60 % of its cohort" in one.text
    assert "100 % of its cohort" in one.text
    with shop.database.reading() as tx:
        console = [two.recipient for two in tx.outbox.list("demo", channel="console", strategy="keep_at_risk")]
    assert console == ["retention_head"]


def test_the_looks_that_say_the_same_tell_nobody_again_and_reminders_grow_rare(shop: Shop) -> None:
    it = rolling(shop, PASSING)
    it.look(days=15)
    for _ in range(9):
        it.look(days=1)
    assert told(it) == [
        ("stage_asked", "move.1", HEADS),
        ("rollout_reminded", "move.1.1", HEADS),
        ("rollout_reminded", "move.1.2", HEADS),
        ("rollout_reminded", "move.1.3", HEADS),
    ]
    assert [one.body["number"] for one in entries(it, "rollout.reminded")] == [1, 2, 3]
    assert "is still open" in notices(it)[-1].text
    it.take(it.signed(it.order("promote")))
    it.stand()
    it.later += timedelta(days=20)
    it.stand()
    assert len(told(it)) == 4, "it was signed: nothing is open"


def test_the_entry_and_the_message_are_committed_together_or_not_at_all(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = rolling(shop, PASSING)
    it.later += timedelta(days=15)
    with monkeypatch.context() as patch:
        patch.setattr(Outbox, "add", lambda *_args, **_named: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            it.steps.look(it.asked)
    assert (entries(it, "rollout.asked"), entries(it, "rollout.looked"), told(it)) == ([], [], [])
    it.steps.look(it.asked)
    assert len(entries(it, "rollout.asked")) == len(told(it)) == 1


def test_a_guard_rail_that_fails_is_told_with_what_it_was(shop: Shop) -> None:
    it = rolling(shop)
    complain(shop, [one.customer_id for one in it.members() if not one.control])
    it.look()
    assert told(it) == [("rollout_held", "hold.1", HEADS), ("rollout_held", "hold.1", "desk")]
    assert "guard rail complaints failed at look 1." in " ".join(notices(it)[0].text.split())
    it.stand()
    it.stand()
    assert len(told(it)) == 2
    it.later += timedelta(days=1, minutes=1)
    it.stand()
    assert told(it)[2:] == [("rollout_reminded", "hold.1.1", HEADS)]
    it.take(it.signed(it.order("resume")))
    it.stand()
    it.later += timedelta(days=3)
    it.stand()
    assert len(told(it)) == 3


def test_who_paused_it_is_told_at_its_next_step(shop: Shop) -> None:
    it = rolling(shop)
    it.stop("pause")
    assert told(it) == []
    it.stand()
    assert [one[:2] for one in told(it)] == [("rollout_held", "hold.1")] * 2
    assert "olga paused it" in " ".join(notices(it)[0].text.split())


def test_a_look_that_cannot_say_is_told_once_when_the_stage_is_due_and_again_when_it_says_something_else(
    shop: Shop,
) -> None:
    it = rolling(shop, ("sample: 20", "sample: 5000"))
    it.look(days=1)
    assert told(it) == [], "time may mend it"
    it.look(days=14)
    it.look(days=1)
    assert [one[:2] for one in told(it)] == [("rollout_waits", "wait.1"), ("rollout_reminded", "wait.1.1")]
    assert "too few customers were counted to judge complaints" in " ".join(notices(it)[0].text.split())
    (wait,) = entries(it, "rollout.waits")
    assert (wait.body["codes"], wait.body["moves"]) == (["complaints.too_few"], 0)
    with shop.database.transaction() as tx:
        tx.connection.execute(text(ONE_GONE))
    it.look(days=1)
    assert [one[:2] for one in told(it)][2:] == [("rollout_waits", "wait.2")]


def test_members_who_are_not_those_on_the_record_are_told_at_once(shop: Shop) -> None:
    it = rolling(shop, PASSING)
    with shop.database.transaction() as tx:
        tx.connection.execute(text(ONE_GONE))
    it.look(days=1)
    assert [one[:2] for one in told(it)] == [("rollout_waits", "wait.1")]
    assert "the customers who take part are not those who were taken down" in " ".join(notices(it)[0].text.split())


def test_a_spent_budget_is_told_once(shop: Shop) -> None:
    crowd(shop)
    it = started(shop, everybody())
    it.book = BOOK
    with shop.database.transaction() as tx:
        tx.connection.execute(text("UPDATE mandate SET spent_minor = budget_minor"))
    assert it.stand().phase == "closed"
    it.stand()
    assert [one[:2] for one in told(it)] == [("rollout_waits", "wait.1")]
    assert "its budget is spent" in " ".join(notices(it)[0].text.split())


def test_a_record_that_was_cut_is_told(shop: Shop) -> None:
    it = rolling(shop)
    with shop.database.transaction() as tx:
        tx.connection.execute(text("UPDATE rollout SET holds = 1"))
    it.stand()
    it.stand()
    assert [one[:2] for one in told(it)] == [("rollout_waits", "wait.1")]
    assert "placet audit verify" in notices(it)[0].text


def test_what_retention_erased_is_not_told_again(shop: Shop) -> None:
    it = rolling(shop, PASSING)
    it.look(days=15)
    it.look(days=2)
    before = len(told(it))
    with shop.database.transaction() as tx:
        tx.connection.execute(text("UPDATE notification SET status = 'delivered'"))
    it.later += timedelta(days=3)
    apply_retention(shop.database, "demo", Periods(notices=1), by="olga", now=it.now)
    left = len(told(it))
    assert left < before
    it.look(days=0)
    it.stand()
    assert {one[0] for one in told(it)[left:]} <= {"rollout_reminded"}


def test_no_message_names_a_customer(shop: Shop) -> None:
    it = rolling(shop)
    complain(shop, [one.customer_id for one in it.members() if not one.control])
    it.look()
    everything = " ".join(one.model_dump_json() for one in notices(it))
    assert not any(customer in everything for customer in CROWD)

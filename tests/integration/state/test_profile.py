"""One view of a customer: what billing answered, events, decisions and keys, each field with its source and age."""

from datetime import UTC, datetime, timedelta

import pytest

from placet.contracts.identity.profile import Origin, Profile, ProfileField
from placet.errors import UsageError
from placet.interfaces.profile_words import origin_in_words, profile_of
from placet.service.state.erasing import erase_customer
from placet.service.state.profile import known_of
from placet.service.state.taking import take_events
from placet.storage.database import Database
from tests.integration.state.sending import NOW, recharge, take
from tests.integration.state.test_identifying import NUMBER, link
from tests.support.steps import Steps


def profile(database: Database, customer: str = "C1", now: datetime = NOW, *, reveal: bool = True) -> Profile:
    return profile_of(known_of(database, "demo", customer, now), reveal=reveal)


def fields(shown: Profile, name: str) -> list[ProfileField]:
    return [field for section in shown.sections for field in section.fields if field.name == name]


def told(shown: Profile, name: str) -> list[tuple[str, str]]:
    return [(field.value, origin_in_words(field.origin, shown.as_of)) for field in fields(shown, name)]


def of(number: int, kind: str, data: object, **changes: object) -> bytes:
    changes = {"subject": "customer:C1", "type": kind, "data": data, **changes}
    return recharge(number, id=f"{kind}-{number}", **changes)


def test_each_field_from_events_says_how_many_whose_and_how_old(database: Database) -> None:
    take(
        database,
        *(recharge(hours, subject="customer:C1") for hours in (50, 60, 70)),
        of(3, "placet.consent.changed.v1", {"purpose": "marketing", "given": True}, source="crm"),
        of(30, "placet.household.changed.v1", {"household_id": "H1"}),
        of(2, "placet.balance.checked.v1", {"remaining": {"amount_minor": 120, "currency": "USD"}}, source="simulated"),
        of(5, "placet.support.ticket.v1", {"ticket_id": "T1", "status": "opened", "topic": "bill"}),
        of(6, "placet.usage.recorded.v1", {"service": "data", "quantity": 70}),
        of(7, "placet.plan.changed.v1", {"product_id": "P1", "line": "mobile", "offering_id": "m"}),
        link("C1"),
    )
    shown = profile(database)
    assert told(shown, "recharges") == [("3 recharges", "from 3 events, last 2 days ago, not real")]
    assert told(shown, "recharged_minor") == [("15.00 USD recharged", "from 3 events, last 2 days ago, not real")]
    assert told(shown, "data_mb") == [("70 MB of data", "from events, last today, not real")]
    assert told(shown, "consent") == [("marketing by any channel: given", "from an event of “crm”, 3 h ago")]
    assert told(shown, "household") == [("H1", "from an event of “bss”, 1 day ago")]
    assert told(shown, "balance") == [("1.20 USD", "from an event of “simulated”, 2 h ago, not real")]
    assert told(shown, "ticket") == [("“T1”, about bill", "from an event of “bss”, 5 h ago")]
    assert told(shown, "product") == [("“m” (mobile)", "from an event of “bss”, 7 h ago")]
    assert told(shown, "key") == [("+4915112345678 (declared)", "from an event of “bss”, 1 day ago")]
    assert told(shown, "signal") == [("1 support ticket is open", "from 10 events, last 2 h ago, not real")]
    assert [section.name for section in shown.sections if not section.fields] == ["billing", "decisions"]


def test_keys_are_masked_for_whoever_may_not_see_them_and_nowhere_else_in_the_view(database: Database) -> None:
    seen = {"device_id": "IMEI490151", "kind": "phone", "network": "mobile", "has_line": True}
    take(database, link("C1"), link("C1", f"email:{'ab' * 32}", held=False), of(1, "placet.device.seen.v1", seen))
    shown = profile(database, reveal=False)
    assert [value for value, _ in told(shown, "key")] == [
        "…0151 (seen on their mobile line)",
        "…abab, given up (declared)",
        "+49…78 (declared)",
    ]
    assert shown.keys_masked
    assert all(field.masked for field in fields(shown, "key"))
    text = shown.model_dump_json()
    for whole in ("4915112345678", "IMEI490151", "ab" * 32):
        assert whole not in text
        assert whole in profile(database).model_dump_json()


def test_of_an_erased_customer_nothing_is_known(database: Database) -> None:
    take(database, link("C1"))
    assert profile(database).model_dump_json().count(NUMBER.partition(":")[2]) == 1
    erase_customer(database, "demo", "C1", by="dana", reason="asked", now=NOW)
    with pytest.raises(UsageError, match="nothing is known of customer 'C1' of tenant 'demo': no run, no event"):
        profile(database)


def test_another_tenant_knows_nothing(database: Database) -> None:
    take(database, link("C1"))
    with pytest.raises(UsageError, match="nothing is known"):
        known_of(database, "other", "C1", NOW)


def test_billing_and_decisions_stand_beside_events_each_as_old_as_it_is(steps: Steps) -> None:
    now = datetime.now(UTC)
    seen = recharge(1, subject="customer:C00005", time=(now - timedelta(hours=3)).isoformat())
    take_events(steps.parts.database, "demo", [seen], now=now, oldest=now - timedelta(days=400))
    steps.executed()
    later = datetime.now(UTC) + timedelta(seconds=30)
    shown = profile(steps.parts.database, "C00005", later)
    (status,) = fields(shown, "status")
    assert (status.origin.of, status.origin.run_id) == ("billing", steps.run.run_id)
    words = origin_in_words(status.origin, later)
    assert words.startswith("from billing, read ")
    assert words.endswith((" s ago", "1 min ago"))
    plans = fields(shown, "plan")
    assert plans
    assert all(field.origin.simulated for field in (*plans, *fields(shown, "bill")))
    ((value, age),) = told(shown, "run")
    assert "executing; approved by anna" in value or "executed; approved by anna" in value
    assert age.startswith("from the record, ")
    ((value, age),) = told(shown, "recharges")
    assert (value, age.rpartition(",")[0]) == ("1 recharge", "from an event")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (2, "2 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (86_399, "23 h"), (200_000, "2 days")],
)
def test_an_age_is_said_in_one_unit(seconds: int, said: str) -> None:
    origin = Origin(of="billing", at=NOW - timedelta(seconds=seconds))
    assert origin_in_words(origin, NOW) == f"from billing, read {said} ago"


def test_what_is_from_a_clock_ahead_of_ours_is_no_age_below_zero() -> None:
    assert origin_in_words(Origin(of="record", at=NOW + timedelta(minutes=3)), NOW) == "from the record, 0 s ago"

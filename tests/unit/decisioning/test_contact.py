"""The contact policy: which limits hold, at which moment, and in which words it says so."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from placet.contracts.contact import Contact, ContactHistory, Standing
from placet.contracts.money import Money, parse_money
from placet.decisioning.contact import ContactPolicy, breaches

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
POLICY = ContactPolicy.model_validate(
    {
        "cool_down_days": 92,
        "period_days": 365,
        "max_per_period": 3,
        "max_cost_per_period": "60.00 USD",
        "treatments": {"bonus": {"max_per_period": 1}, "credit": {"cool_down_days": 200}},
    }
)


def contact(
    days_ago: float, cost: str = "26.00 USD", treatment: str = "credit", standing: Standing = "given"
) -> Contact:
    return Contact(
        run_id=f"run-{round(days_ago * 10):020x}",
        treatment=treatment,
        cost=parse_money(cost),
        at=NOW - timedelta(days=days_ago),
        standing=standing,
    )


def found(*contacts: Contact, treatment: str = "plan", cost: str = "10.00 USD") -> dict[str, str]:
    history = ContactHistory(days=365, contacts=contacts)
    return {one.code: one.detail for one in breaches(POLICY, history, treatment, parse_money(cost), NOW)}


def test_a_customer_who_was_given_nothing_may_be_treated() -> None:
    assert found() == {}


def test_after_a_treatment_the_customer_is_left_alone_and_the_sentence_says_until_when() -> None:
    assert found(contact(17)) == {
        "contact_cool_down": "26.00 USD (credit) given on 3 Nov 2026; next possible on 3 Feb 2027"
    }
    assert found(contact(91.99)).keys() == {"contact_cool_down"}
    assert found(contact(92)) == {}


def test_what_is_unknown_counts_as_given_and_what_waits_as_given_now() -> None:
    unknown = found(contact(17, standing="unknown"))["contact_cool_down"]
    assert unknown.startswith("26.00 USD (credit) sent on 3 Nov 2026, outcome unknown, counted as given; next")
    waiting = contact(400, standing="pending")
    assert found(waiting) == {
        "contact_cool_down": f"26.00 USD (credit) waits for a decision or its execution in {waiting.run_id}"
    }


def test_caps_count_treatments_money_and_treatments_of_one_kind_in_the_period() -> None:
    cheap = [contact(days, "1.00 USD", "plan") for days in (100, 200, 300)]
    assert found(*cheap) == {"contact_cap": "3 in the last 365 days, at most 3 are permitted"}
    assert found(*cheap[:2], contact(365, "1.00 USD")) == {}
    assert found(contact(100, "50.01 USD")) == {
        "contact_money_cap": "50.01 USD in the last 365 days; 10.00 USD more is above the cap of 60.00 USD"
    }
    assert found(contact(100, "50.00 USD")) == {}
    assert found(contact(300, treatment="bonus"), treatment="bonus").keys() == {"contact_treatment_cap"}
    assert found(contact(199), treatment="credit").keys() == {"contact_treatment_cool_down"}
    assert found(contact(200), treatment="credit") == {}


def test_amounts_that_cannot_be_compared_and_contacts_that_cannot_be_read_count_against() -> None:
    assert found(contact(100, "1.00 EUR")).keys() == {"contact_currency"}
    assert found(cost="1.00 EUR").keys() == {"contact_currency"}
    gone = Contact(run_id="run-" + "0" * 20, treatment=None, cost=None, at=NOW - timedelta(days=360), standing="given")
    assert found(gone).keys() == {"contact_unreadable"}


def test_a_cool_down_of_nothing_leaves_only_the_caps() -> None:
    policy = POLICY.model_copy(update={"cool_down_days": 0})
    history = ContactHistory(days=365, contacts=(contact(0), contact(0, "1.00 USD", standing="pending")))
    assert breaches(policy, history, "plan", Money(amount_minor=3300, currency="USD"), NOW) == ()
    assert len(breaches(policy, history, "plan", Money(amount_minor=3301, currency="USD"), NOW)) == 1


@pytest.mark.parametrize("wrong", [{"cool_down_days": -1}, {"max_cost_per_period": "60"}, {"typo": 1}])
def test_a_policy_that_says_something_impossible_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ContactPolicy.model_validate({**POLICY.model_dump(), **wrong})

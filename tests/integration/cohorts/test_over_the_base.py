"""A cohort over the stored base: the answer of each customer alone, however the base is read."""

from datetime import UTC, datetime, timedelta

import pytest

from placet.decisioning.cohorts.cohort import cohort_of
from placet.errors import UsageError
from placet.service.cohorts import (
    base_rows,
    check_size,
    cohort_given,
    count_base,
    count_segments,
    membership,
    preview,
)
from placet.service.kpis.once import kpi_report
from placet.storage.database import Database
from tests.integration.cohorts.conftest import CUSTOMERS, NOW
from tests.integration.state.sending import recharge, take

EXPRESSION = "(recharges_30d > 0 OR household_members >= 2) AND recharge_late_percent IS NOT NULL"


def test_the_base_has_whom_the_customers_alone_say(base: Database) -> None:
    with base.reading() as tx:
        known = [one.customer_id for one in tx.states.page("demo", "", 1000)]
    for text in (EXPRESSION, "household_members = 1", "recharge_late_percent > -50", "bills_paid_30d = 1"):
        cohort = cohort_of(text)
        each = {one: membership(base, "demo", one, cohort, NOW) for one in known}
        answers = list(each.values())
        found = preview(base, "demo", cohort, NOW)
        assert (found.base, found.members, found.unknown) == (CUSTOMERS, answers.count("yes"), answers.count("unknown"))
        assert all(each[one.customer_id] == "yes" for one in found.examples)
    assert preview(base, "demo", cohort_of("simulated"), NOW).simulated == CUSTOMERS


@pytest.mark.parametrize("page", [1, 7, CUSTOMERS, 10_000])
def test_pages_do_not_matter_and_hold_no_more_than_they_say(
    base: Database, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    cohort = cohort_of("bills_issued_90d > 0 AND NOT (app_visits_30d = 4)")
    whole = preview(base, "demo", cohort, NOW)
    monkeypatch.setattr("placet.service.cohorts.PAGE", page)
    assert preview(base, "demo", cohort, NOW) == whole
    assert max(map(len, base_rows(base, "demo", NOW))) == min(page, CUSTOMERS)


def test_a_preview_says_by_what_the_cohort_differs_and_what_it_overlaps(base: Database) -> None:
    found = preview(base, "demo", cohort_of("bills_issued_90d > 0 AND app_visits_90d >= 0 + 1"), NOW)
    overlaps = {one.segment: one for one in found.overlaps}
    assert overlaps["postpaid"].both == found.members
    assert overlaps["postpaid"].percent_of_cohort == 100.0
    assert found.members > found.base / 4
    named = preview(base, "demo", cohort_given(None, "postpaid"), NOW)
    assert "postpaid" not in {one.segment for one in named.overlaps}
    size, counts = count_segments(base, "demo", NOW)
    assert size == count_base(base, "demo") == CUSTOMERS
    assert {one.name: one.members for one in counts}["postpaid"] == named.members


def test_a_member_of_a_household_counts_the_others(base: Database) -> None:
    with base.reading() as tx:
        sizes = [one.members for one in tx.states.page("demo", "", 100)]
    assert sizes.count(3) == 3
    found = preview(base, "demo", cohort_of("household_members >= 2"), NOW)
    assert found.members == sum(size >= 2 for size in sizes)


def test_an_earlier_time_gives_the_earlier_answer(base: Database) -> None:
    cohort = cohort_of("last_event_on >= CURRENT_DATE - 3 AND data_mb_7d > 0")
    week = NOW - timedelta(days=7)
    then = preview(base, "demo", cohort, week)
    with base.reading() as tx:
        known = [one.customer_id for one in tx.states.page("demo", "", 1000)]
    assert then.members == sum(membership(base, "demo", one, cohort, week) == "yes" for one in known) > 0
    later = preview(base, "demo", cohort, NOW + timedelta(days=60))
    assert later.members == 0
    assert preview(base, "demo", cohort, NOW).members > 0


def test_who_had_no_event_by_then_does_not_count(base: Database) -> None:
    for then in (datetime(1, 1, 1, tzinfo=UTC), NOW - timedelta(days=300)):
        found = preview(base, "demo", cohort_of("recharges_30d = 0"), then)
        assert (found.base, found.members, found.percent) == (0, 0, 0.0)
        assert kpi_report(base, "demo", None, then).customers == 0
        assert count_segments(base, "demo", then)[0] == 0


def test_one_customer_is_asked_with_what_waits_and_another_tenant_is_empty(database: Database) -> None:
    take(database, recharge(1), recharge(2))
    cohort = cohort_of("recharges_7d = 2")
    assert preview(database, "demo", cohort, NOW).base == 0
    assert membership(database, "demo", "C00001", cohort, NOW) == "yes"
    assert preview(database, "demo", cohort, NOW).members == 1
    assert preview(database, "other", cohort, NOW).base == 0
    assert membership(database, "other", "C00001", cohort, NOW) == "unknown", "no event of theirs is known there"
    assert membership(database, "demo", "C9", cohort_of("recharges_7d = 0"), NOW) == "unknown"
    assert membership(database, "demo", "C9", cohort_of("nps > 3"), NOW) == "unknown"


def test_what_is_asked_is_one_thing_and_a_large_base_is_refused(base: Database) -> None:
    for expression, segment in ((None, None), ("nps > 3", "dormant")):
        with pytest.raises(UsageError, match="give an expression, or the name of a segment"):
            cohort_given(expression, segment)
    check_size(base, "demo", CUSTOMERS)
    with pytest.raises(UsageError, match=r"events of 40 customers are known, more than 39; .* `placet cohort preview`"):
        check_size(base, "demo", CUSTOMERS - 1)

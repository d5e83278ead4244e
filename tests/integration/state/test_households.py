"""Who is of a household: the newest word of each customer, whatever else was said."""

from datetime import timedelta

import pytest

from placet.errors import StorageError
from placet.service.state.households import household_of
from placet.storage.database import Database
from tests.integration.state.sending import NOW, correct, recharge, take
from tests.support.databases import outsider


def joins(customer: str, household: str | None, hours: int, **changes: object) -> bytes:
    said = {
        "type": "placet.household.changed.v1",
        "data": {"household_id": household},
        "id": f"{customer}-{hours}",
        "subject": f"customer:{customer}",
    }
    return recharge(hours, **{**said, **changes})


def members(database: Database, household: str) -> list[str]:
    return [one.customer_id for one in household_of(database, "demo", household, NOW).members]


def test_who_is_said_to_be_in_two_households_is_in_the_one_of_the_newest_word(database: Database) -> None:
    take(database, joins("C1", "H2", 1), joins("C1", "H1", 5), joins("C2", "H1", 5))
    assert (members(database, "H1"), members(database, "H2")) == (["C2"], ["C1"])
    take(database, joins("C1", "H3", 3))
    assert (members(database, "H3"), members(database, "H2")) == ([], ["C1"]), "an older word that comes late"
    take(database, joins("C1", None, 0))
    assert members(database, "H2") == []


def test_before_it_existed_a_household_has_no_members_and_no_more(database: Database) -> None:
    take(database, *(joins(f"C{number}", "H1", 1) for number in range(25)))
    now = household_of(database, "demo", "H1", NOW)
    assert (len(now.members), now.more_members) == (20, True)
    then = household_of(database, "demo", "H1", NOW - timedelta(days=9))
    assert (then.members, then.more_members) == ((), False)
    take(database, joins("C22", "H1", 24 * 12), joins("C24", "H1", 24 * 12))
    then = household_of(database, "demo", "H1", NOW - timedelta(days=9))
    assert ([one.customer_id for one in then.members], then.more_members) == (["C22", "C24"], False)


def test_a_household_with_the_id_of_a_member_has_that_member_once(database: Database) -> None:
    take(database, joins("C1", "C1", 1), joins("C2", "C1", 1), recharge(1, subject="customer:C1"))
    state = household_of(database, "demo", "C1", NOW)
    assert [one.customer_id for one in state.members] == ["C1", "C2"]
    assert (state.version, state.window(7).figure("recharges")) == (3, 1)


def test_households_that_name_each_other_end(database: Database) -> None:
    take(database, joins("A", "B", 1), joins("B", "A", 1))
    assert (members(database, "A"), members(database, "B")) == (["B"], ["A"])


def test_an_event_about_a_household_itself_is_no_member(database: Database) -> None:
    taken = take(database, joins("C1", "H1", 1), joins("C1", "H2", 2, subject="household:H1", id="self"))
    assert [one.code for one in taken.refused] == ["unknown_subject"]
    assert members(database, "H1") == ["C1"]


def test_a_corrected_word_is_no_word(database: Database) -> None:
    take(database, joins("C00001", "H1", 5, id="r5"), joins("C00001", "H2", 1, id="r1"))
    assert members(database, "H2") == ["C00001"]
    take(database, correct(1))
    assert (members(database, "H1"), members(database, "H2")) == (["C00001"], [])


def test_another_tenant_has_none_of_them(database: Database) -> None:
    take(database, joins("C1", "H1", 1))
    assert household_of(database, "other", "H1", NOW).members == ()


def test_a_past_state_has_the_members_of_then(database: Database) -> None:
    take(database, joins("C1", "H1", 5), joins("C2", "H1", 1))
    then = household_of(database, "demo", "H1", NOW - timedelta(hours=3))
    assert [one.customer_id for one in then.members] == ["C1"]


def test_a_row_of_somebody_else_that_cannot_be_read_hides_no_household(database: Database, database_url: str) -> None:
    take(database, joins("C1", "H1", 5), joins("C2", "H2", 5))
    assert members(database, "H2") == ["C2"]
    with outsider(database_url) as run:
        run("UPDATE customer_state SET aggregate = '{}' WHERE customer_id = 'C2'")
    take(database, joins("C2", "H3", 1))
    assert members(database, "H1") == ["C1"]
    with pytest.raises(StorageError, match="cannot be read"):
        members(database, "H2")

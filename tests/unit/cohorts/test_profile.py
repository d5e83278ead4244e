"""A profile says by what a cohort differs, whatever pages the base comes in."""

import polars as pl
import pytest

from placet.decisioning.cohorts.cohort import cohort_of, frame_of
from placet.decisioning.cohorts.columns import BY_NAME
from placet.decisioning.cohorts.flattening import Row, row_of
from placet.decisioning.cohorts.profile import Tally
from placet.decisioning.cohorts.wording import in_words, percent
from tests.unit.cohorts.drawing import empty_state


def rows(number: int = 100) -> list[Row]:
    """Make a base in which every tenth does not recharge, has a TV product and visits the app a lot."""
    empty = row_of(empty_state(), None)
    made = []
    for one in range(number):
        odd = one % 10 == 0
        made.append(
            {
                **empty,
                "customer_id": f"C{one}",
                "recharges_30d": 0 if odd else 2,
                "has_tv": odd,
                "app_visits_30d": 40 if odd else one % 3,
                "recharged_minor_90d": 0 if odd else 2000,
                "currency": "USD",
                "nps": None if one % 2 else 8,
                "simulated": one < 5,
            }
        )
    return made


def tally(page: int, base: list[Row]) -> Tally:
    cohort = cohort_of("recharges_30d = 0")
    done = Tally(cohort.columns)
    for first in range(0, len(base), page):
        frame = frame_of(base[first : first + page])
        done.add(frame, cohort.members(frame))
    return done


def test_differences_are_told_the_strongest_first_and_none_of_what_was_asked() -> None:
    done = tally(100, rows())
    assert (done.base, done.members, done.unknown, done.simulated) == (100, 10, 0, 5)
    told = {one.column: one.words for one in done.profile()}
    assert told["has_tv"] == "100 % (they hold a product of the line tv), 10 % of all customers"
    assert (
        told["app_visits_30d"]
        == "40 visits to the app in the last 30 days on average, 716 % more than all customers (4.9)"
    )
    assert (
        told["recharged_minor_90d"]
        == "0.00 USD put on the balance in the last 90 days on average, 18.00 USD of all customers"
    )
    assert "recharges_30d" not in told
    (bins,) = done.distributions()
    assert [(one.first, one.last, one.base, one.cohort) for one in bins.bins] == [
        (0, 0, 10, 10),
        (1, 1, 0, 0),
        (2, 3, 90, 0),
    ]


@pytest.mark.parametrize("page", [1, 7, 1000])
def test_pages_do_not_matter(page: int) -> None:
    one, other = tally(page, rows()), tally(100, rows())
    assert one.profile() == other.profile()
    assert one.distributions() == other.distributions()


def test_amounts_of_several_currencies_have_no_mean() -> None:
    base = rows()
    base[0]["currency"] = "EUR"
    assert "recharged_minor_90d" not in {one.column for one in tally(100, base).profile()}


def test_of_few_or_of_all_nothing_is_told() -> None:
    assert tally(100, rows(30)).profile() == ()
    assert tally(100, [row for row in rows() if row["recharges_30d"] == 0]).profile() == ()
    assert Tally(("nps",)).profile() == ()


def test_what_is_unknown_counts_in_no_mean() -> None:
    done = Tally(("place",))
    frame = frame_of(rows())
    done.add(frame, pl.Series([one % 4 == 0 for one in range(100)]))
    assert done.of_base.known["nps"] == 50
    assert done.of_base.mean("nps") == 8


def test_words() -> None:
    assert in_words(BY_NAME["consent_marketing"], 0.5, 0.25, "") == (
        "50 % (the newest word on marketing on any channel is yes), 25 % of all customers"
    )
    assert in_words(BY_NAME["recharges_7d"], 1.0, 0.0, "").endswith("on average, 0.0 of all customers")
    assert in_words(BY_NAME["data_mb_7d"], 5000, 100, "").endswith("50 times that of all customers (100)")
    assert (percent(1, 3), percent(1, 0)) == (33.3, 0.0)

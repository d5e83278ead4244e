"""What is wrong with an expression is one line, with its position and what to write instead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.decisioning.cohorts.cohort import cohort_of
from placet.decisioning.cohorts.parsing import MOST_CHARACTERS, MOST_DEPTH
from placet.errors import UsageError

DEEP = MOST_DEPTH + 1


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "column 1: the expression is empty; write a condition, such as recharges_30d = 0"),
        ("recharge_30d > 1", "column 1: no column is called 'recharge_30d'; did you mean recharges_30d?"),
        ("nps > 3 AND\n  shoe_size > 40", "line 2, column 3: no column is called 'shoe_size'; `placet cohort columns`"),
        ("as_of_on > '2026-01-01'", "column 1: no column is called 'as_of_on'; write CURRENT_DATE"),
        ("t.nps > 1", "column 1: write the column alone: nps"),
        ("nps > 3 AND place = 'airprot'", "column 21: place is never 'airprot'; it is one of: home, work, airport"),
        ("place IN ('home', 'moon')", "column 19: place is never 'moon'"),
        ("nps > 'x'", "column 7: nps is a whole number, 'x' is a text: they cannot be compared"),
        ("has_tv > FALSE", "column 1: has_tv is true or false, which is compared by = and <>"),
        ("currency < 'X'", "column 1: currency is a text, which is compared by =, <>, IN and LIKE"),
        ("nps + has_tv > 1", "column 7: has_tv is true or false; a number belongs here"),
        ("nps AND has_tv", "column 1: nps is a whole number; true or false belongs here"),
        ("nps + 1", "column 1: this is a whole number; write a condition, which is true or false"),
        ("nps LIKE '1%'", "column 1: nps is a whole number; a text belongs here"),
        ("currency LIKE place", "column 1: LIKE takes a pattern that is written here"),
        ("nps = NULL", "column 1: nothing is equal to NULL, nor unequal; write IS NULL"),
        ("nps <> NULL", "column 1: nothing is equal to NULL, nor unequal; write IS NOT NULL"),
        ("nps IN (1, NULL)", "column 1: a list with NULL is never certain"),
        ("nps IN (1, csat)", "column 12: csat is no value; IN takes values that are written here"),
        ("nps IN (1, 2.5)", "column 12: nps is a whole number, which is never 2.5"),
        ("'2026-03-01' IN ('a', DATE '2026-03-01')", "column 1: '2026-03-01' is a value; a column belongs on the left"),
        ("1 IN (1, 2) OR nps > 1", "column 1: 1 is a value; a column belongs on the left of IN"),
        ("nps IN (SELECT 1)", "column 1: write the values of IN"),
        ("AVG(nps) > 1", "column 1: AVG is an aggregate: an expression speaks of one customer"),
        ("nps > (SELECT 1)", "a subquery is not possible here"),
        ("EXISTS (SELECT 1)", "a subquery is not possible here"),
        ("LOWER(place) = 'home'", "column 1: there is no function LOWER; there are: ABS, COALESCE"),
        ("read_csv('/etc/passwd') > 1", "there is no function READ_CSV"),
        ("NOW() > '2026-01-01'", "times are not possible here; CURRENT_DATE is the day in UTC"),
        ("CASE WHEN has_tv THEN TRUE END", "CASE is not possible here"),
        ("nps::text = '1'", "column 1: a cast is not possible here"),
        ("last_contact_on > '2026-02-30'", "column 19: '2026-02-30' is no date; write it as '2026-03-01'"),
        ("last_contact_on > CURRENT_DATE - nps", "column 34: a date is moved by a number of days that is written here"),
        ("last_contact_on > CURRENT_DATE - INTERVAL '1' MONTH", "write an interval of days or weeks"),
        ("last_contact_on > CURRENT_DATE - INTERVAL '0000000007' DAY", "an interval has at most 9 digits"),
        ("last_contact_on > CURRENT_DATE - 999999", "a date is moved by at most 100,000 days"),
        ("nps / 0 > 1", "column 7: division by zero is never known"),
        ("nps / 0.5 > 1", "column 7: the divisor must be a whole number"),
        ("nps > 1e400", "column 7: a number is at most 1,000,000,000,000,000"),
        ("nps > 99999999999999999999", "column 7: a number is at most"),
        ("recharged_minor_30d * billed_minor_30d > 1", "column 1: the result could be too large for 64 bits"),
        ("recharges_30d >= 0", "column 1: recharges_30d >= 0 is always true: it leaves nobody out"),
        ("has_tv OR recharges_30d >= 0", "column 11: recharges_30d >= 0 is always true"),
        ("nps > 10", "column 1: nps > 10 is never true: it leaves everybody out"),
        ("nps > 5 AND nps < 3", "column 1: (nps > 5) AND (nps < 3) is never true"),
        ("nps > 5 AND nps + 1 < 0", "column 13: (nps + 1) < 0 is never true"),
        ("nps IS NULL OR nps > 5 OR nps <= 5", "is always true"),
        ("currency = 'EUR' AND currency = 'USD'", "is never true"),
        ("last_event_on < '2026-01-01' AND last_event_on > '2026-02-01'", "is never true"),
        ("has_tv AND NOT has_tv", "is never true"),
        ("recharges_30d IS NULL", "is never true"),
        ("nps = nps + 0 AND nps <> nps", "nps <> nps is never true"),
        ("1 = 1", "this names no column: it has everybody or nobody"),
        ("nps > 3 nps", "column 9: 'nps' does not fit here"),
        ("a = = 3", "column 5: '=' does not fit here"),
        ("nps > 3)", "column 8: this bracket closes none"),
        ("(nps > 3", "column 1: this bracket is not closed"),
        ("nps > 3 AND", "column 9: the expression is not complete at 'AND'"),
        ("nps > 3; DROP TABLE x", "column 8: write one expression, without ;"),
        ("place = 'home", 'column 9: the text that begins here with "\'" does not end'),
        ("DROP TABLE customer_state", "column 1: 'DROP' does not fit here"),
        ("nps > 3\u202e", "column 8: '\\u202e' is a character that cannot be seen"),
        ("(" * DEEP + "nps > 3" + ")" * DEEP, f"column {DEEP}: more than {MOST_DEPTH} brackets are open here"),
        ("NOT " * 60 + "has_tv", "too many operators within operators"),
        ("NOT " * 900 + "has_tv", "column 1: the expression nests too deep"),
        ("x." * 400 + "x>1", "column 1: the expression nests too deep"),
        ("a" + "[1]" * 900 + " = 1", "column 1: the expression nests too deep"),
        (" OR ".join(["nps=1"] * 400), "more than 600 parts"),
        ("x" * (MOST_CHARACTERS + 1), "it has 4,001 characters; at most 4,000 are read"),
    ],
    ids=lambda one: one[:30],
)
def test_each_fault_has_its_place_and_a_hint(expression: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        cohort_of(expression)
    assert said in str(refused.value)
    assert refused.value.code == "cohort_expression"
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "expression",
    [
        "nps > 5 OR nps <= 5",  # NULL is neither
        "nps > 5 AND csat < 3",
        "recharged_minor_30d / recharges_30d > 500",
        "currency LIKE 'U%' AND currency <> 'USD'",
        "NOT (place = 'airport' OR nps BETWEEN 1 AND 3)",
        "last_contact_on > last_event_on - 7",
        "nps > csat AND csat > 3",
        "has_tv = consent_marketing",
    ],
)
def test_what_can_be_true_and_can_be_not_is_taken(expression: str) -> None:
    assert cohort_of(expression).columns


def test_the_same_condition_is_one_cohort_however_it_is_written() -> None:
    digests = {
        cohort_of(text).digest
        for text in (
            "nps>5 and place='home'",
            " (NPS > 5)\nAND ((place = 'home')) -- ours",
            "\"nps\" > 5 AND place = 'home'",
        )
    }
    assert len(digests) == 1
    assert cohort_of("nps > 5") is cohort_of(" nps > 5 ")
    assert cohort_of("nps > 5").digest != cohort_of("nps >= 5").digest


@given(st.text(max_size=60) | st.text("nps()<>=' ,.*/-+ANDORTLIKEIN0123456789%_\"\\;:[]{}?!&|", max_size=40))
def test_any_text_is_a_cohort_or_one_clear_line(text: str) -> None:
    fault = fault_of(text)
    assert fault is None or ("column " in str(fault) and "\n" not in str(fault))
    assert fault is None or fault.code == "cohort_expression"


def fault_of(text: str) -> UsageError | None:
    try:
        cohort_of(text)
    except UsageError as refused:
        return refused
    return None

"""Rows that say too little or too much: each is a fault, and none is scored as something else."""

from datetime import date

import pytest

from agents.propensity import encoding
from agents.propensity.encoding import Layout, encode
from agents.propensity.features import KNOWN, plain, said
from agents.propensity.model import ChurnModel, train_model
from agents.propensity.wording import contribution
from placet.errors import UsageError
from tests.agents.propensity.support import MAPPING, SAMPLE, mapping, rows, sample_mapping, table

DAY = date(2026, 11, 28)
MONTHS = 'column = "months"'
MAY_BE_MISSING = MAPPING.replace(MONTHS, f"{MONTHS}, may_be_missing = true")


def trained(content: list[list[str]], text: str = MAPPING) -> ChurnModel:
    digest, made = train_model(table(content), mapping(text), DAY)
    return ChurnModel(made, digest, "the model")


@pytest.fixture(scope="module")
def model() -> ChurnModel:
    return trained(rows(), MAY_BE_MISSING)


def test_what_was_never_missing_in_training_is_not_scored_as_nought(model: ChurnModel) -> None:
    asked = rows()[:4]
    asked[1][2] = ""
    why = "tenure_months is empty; in training it never was"
    with pytest.raises(UsageError, match=f"customer 'P00001': {why}"):
        model.score(table(asked), "P00001")
    scored, unread = model.score_all(table(asked))
    assert [one.customer_id for one in scored] == ["P00000", "P00002", "P00003"]
    assert [(one.row, one.why) for one in unread] == [(3, why)]
    found = model.drift(table(asked))
    assert (found.customers, found.unread, found.first_unread) == (3, 1, unread[0])


def test_what_was_missing_in_training_is_scored() -> None:
    content = rows()
    for cells in content[:40]:
        cells[2] = ""
    model = trained(content, MAY_BE_MISSING)
    score = model.score(table(content), "P00001")
    assert any(one.words.startswith("not knowing tenure months") for one in score.contributions)


def test_of_a_customer_who_is_there_twice_neither_row_is_read(model: ChurnModel) -> None:
    asked = rows()[:3]
    asked.append([*asked[0][:2], "59", *asked[0][3:]])
    with pytest.raises(UsageError, match="customer 'P00000' is there twice"):
        model.score(table(asked), "P00000")
    scored, unread = model.score_all(table(asked))
    assert [one.customer_id for one in scored] == ["P00001", "P00002"]
    assert [one.row for one in unread] == [2, 5]


def test_a_table_that_memory_would_not_hold_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "MOST_FIGURES", 1_000)
    layout = Layout(mapping())
    assert encode(table(rows(200)), layout).figures.size == 1_000
    with pytest.raises(UsageError, match=r"has 201 rows of 5 figures, more than 1,000 in all; take at most 200 rows"):
        encode(table(rows(201)), layout)


@pytest.mark.parametrize(
    ("value", "shown"), [(1234567.0, "1234567"), (1234567.25, "1234567.25"), (-3.0, "-3"), (0.1, "0.1")]
)
def test_numbers_are_said_with_all_their_digits(value: float, shown: str) -> None:
    income = mapping(
        MAPPING.replace(
            '{ name = "tenure_months"', '{ name = "income", kind = "number", words = "an income of {value}"'
        )
    ).features[0]
    assert plain(value) == shown
    assert contribution(income, value, 0.1).value == shown
    assert said(income, value) == f"an income of {shown}"
    assert shown in KNOWN["contract_months"].say(value)


@pytest.mark.parametrize(
    ("cell", "bound"), [("-1", "least = 0"), ("61", "most = 60"), ("-0.01", "most = 60, least = 0")]
)
def test_a_number_beyond_what_it_can_be_is_a_fault_of_its_row(cell: str, bound: str) -> None:
    bounded = MAPPING.replace(MONTHS, f"{MONTHS}, {bound}, may_be_missing = true")
    content = rows()
    content[6][2] = cell
    with pytest.raises(UsageError, match=rf"line 8: months is '{cell}', which is no number from "):
        train_model(table(content), mapping(bounded), DAY)
    content[6][2] = bound.rsplit(maxsplit=1)[-1]
    assert not encode(table(content), Layout(mapping(bounded))).faults


def test_a_word_that_stands_for_a_number_beyond_the_bounds_is_one_too() -> None:
    text = MAPPING.replace(
        'column = "disputes"', 'column = "disputes", most = 1, numbers = { 0 = 0, 1 = 1, 2 = 2, 3 = 3 }'
    )
    faults = encode(table(rows()), Layout(mapping(text))).faults
    assert set(faults.values()) == {
        f"disputes is '{cell}', which is no number from -1000000000000 to 1" for cell in (2, 3)
    }


def test_the_sample_takes_no_negative_tenure_or_charge() -> None:
    from agents.propensity.table import read_table

    names, first, *_ = SAMPLE.read_text().splitlines()
    for column in ("tenure", "monthly_charges"):
        cells = first.split(",")
        cells[names.split(",").index(column)] = "-1"
        one = read_table(f"{names}\n{','.join(cells)}\n".encode(), "the table", ",")
        assert encode(one, Layout(sample_mapping())).faults == {
            0: f"{column} is '-1', which is no number from 0 to 1000000000000"
        }


def test_features_that_are_the_same_for_all_are_said_to_be() -> None:
    same = [[*cells[:2], "5", "1", "a", "0", cells[6]] for cells in rows()]
    with pytest.raises(UsageError, match="no feature distinguishes who left from who stayed"):
        train_model(table(same), mapping(), DAY)

"""A mapping file: what it may say, and the one line that it is answered with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.propensity.encoding import Layout
from agents.propensity.features import check_new
from agents.propensity.wording import in_ten, per_cent
from placet.errors import ConfigurationError
from tests.agents.propensity.support import MAPPING, mapping, sample_mapping

TENURE = '{ name = "tenure_months", column = "months" }'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (TENURE, TENURE[:-2] + ', kind = "flag" }', "'tenure_months' is a number, not a flag"),
        (TENURE, TENURE[:-2] + ', direction = "more_leave", why = "x" }', "cannot work the other way round"),
        (TENURE, TENURE[:-2] + ', direction = "fewer_leave" }', "needs both a direction and why"),
        (TENURE, '{ name = "mood", column = "months" }', "'mood' needs a kind"),
        (TENURE, TENURE[:-2] + ", least = 3, most = 2 }", "tenure_months can be nothing"),
        ('yes = ["1"]', 'least = 0, yes = ["1"]', "'app' is a flag, which has no least and most"),
        (TENURE, '{ name = "mood", column = "months", kind = "number" }', "needs words"),
        (TENURE, '{ name = "mood", column = "months", kind = "number", words = "mood" }', "must hold {value} once"),
        (TENURE, '{ name = "tenure_months", column = "region" }', "column 'region' is what the card compares by"),
        (TENURE, '{ name = "tenure_months", column = "gone" }', "column 'gone' says who left"),
        (TENURE, '{ name = "tenure_months", column = "disputes" }', "column 'disputes' is read by two features"),
        (TENURE, '{ name = "line", column = "months", kind = "number", words = "{value}" }', "line is named twice"),
        (', "b" = "line B"', "", "list at least two values"),
        ('no = ["0"], may', "may", "is a flag: say"),
        ('no = ["n"]', 'no = ["y"]', "'y' stands for those who left and for those who stayed"),
        ("source =", 'separator = ";;"\nsource =', r"separator ';;': write ',', ';', '|' or '\t'"),
        ('column = "gone"', 'colunm = "gone"', "left.column: it is missing"),
        (
            TENURE,
            '{ name = "mood", column = "months", kind = "flag", yes = ["1"], no = ["0"] }',
            "is held, as in words",
        ),
    ],
)
def test_a_wrong_mapping_is_answered_with_one_line(old: str, new: str, said: str) -> None:
    assert old in MAPPING
    with pytest.raises(ConfigurationError) as refused:
        Layout(mapping(MAPPING.replace(old, new, 1)))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_cell_that_the_table_cannot_have_is_refused_before_a_model_is_trained() -> None:
    """No run could be read by it, and each would propose nothing."""
    run = 'name = "line", run = { read = "customer.fact.line", cells = { "one" = "a", "two" = "B" } }, column'
    mapped = mapping(MAPPING.replace('name = "line", column', run))
    with pytest.raises(ConfigurationError) as refused:
        check_new(mapped)
    said = "the mapping is wrong: feature 'line': run writes 'B' for 'two', and the table has 'a', 'b'"
    assert str(refused.value) == said
    check_new(mapping(MAPPING.replace('name = "line", column', run.replace('"B"', '"b"'))))


def test_all_that_is_wrong_is_told_at_once_each_with_its_name() -> None:
    wrong = (
        MAPPING.replace('column = "months"', 'colum = "months", run = { read = "state.31.app_visits" }')
        .replace('name = "line", column', 'name = "line", run = { raed = "products.held" }, column')
        .replace('column = "gone"', 'column = ""')
        .replace(', words = { "n" = "the north", "s" = "the south" }', "")
    )
    with pytest.raises(ConfigurationError) as refused:
        mapping(wrong)
    assert str(refused.value) == (
        "the mapping is wrong: "
        "feature 'tenure_months': colum: there is no field of this name; did you mean 'column'?; "
        "feature 'line': run.raed: there is no field of this name; did you mean 'read'?; "
        "left.column '': write at least 1 characters; "
        "feature 'tenure_months': column: it is missing, and must be there; "
        "feature 'tenure_months': run.read 'state.31.app_visits': a run reads customer.tenure_months, "
        "customer.fact.NAME, products.monthly_price, products.held, or state.DAYS.FIGURE with 7, 30 or 90 for DAYS; "
        "feature 'line': run.read: it is missing, and must be there; "
        "group 'region': words: it is missing, and must be there"
    )


def test_of_features_all_that_their_kinds_need_is_told_up_to_a_bound() -> None:
    many = ", ".join(f'{{ name = "f{one}", column = "c{one}", kind = "number" }}' for one in range(10))
    unnamed = MAPPING.replace(TENURE, f'{many}, {{ name = "mood", column = "months" }}')
    with pytest.raises(ConfigurationError) as refused:
        Layout(mapping(unnamed))
    said = str(refused.value)
    assert said.startswith("the mapping is wrong: feature 'f0' needs words, which must hold {value} once, as in words")
    assert said.endswith("; and 3 more")
    assert said.count("must hold {value} once") == 8
    with pytest.raises(ConfigurationError, match=r"^the mapping is wrong: feature number 1: name: it is missing"):
        mapping(MAPPING.replace('name = "tenure_months", ', ""))
    with pytest.raises(ConfigurationError, match=r"^the mapping is wrong: features 3: it must be a list$"):
        mapping(MAPPING[: MAPPING.index("features =")] + "features = 3\n")


def test_the_shipped_mapping_reads_no_column_about_the_person() -> None:
    read = {feature.column for feature in sample_mapping().features}
    assert read & {"female", "senior_citizen", "partner", "dependents", "churn", "customer_id"} == set()


def test_the_trade_gives_directions() -> None:
    layout = Layout(mapping())
    signs = dict(zip(layout.names, layout.signs, strict=True))
    assert signs == {"tenure_months": -1, "disputed_bills": 1, "line_0": 0, "line_1": 0, "app": 0}


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "fewer than 1 in 100"), (0.02, "1 in 50"), (0.09, "1 in 11"), (0.41, "4 in 10"), (0.97, "nearly all")],
)
def test_shares_are_said_as_people_count(share: float, words: str) -> None:
    assert in_ten(share) == words


@given(st.floats(0, 1))
def test_every_share_can_be_said(share: float) -> None:
    assert in_ten(share)
    assert per_cent(share).endswith("%")

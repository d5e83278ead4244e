"""Words of a model are checked: figures against the evidence, loops, identifiers before they leave."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.degenerate import text_marks
from agents.grounding import figures, grounding_marks, ungrounded
from agents.model_calls.redaction import redact_identifiers

EVIDENCE = "- tenure: 3 months\n- monthly charge: 1,105.50 USD\n- churn probability: 72.80 %"


@pytest.mark.parametrize(
    ("text", "strange"),
    [
        ("Three months at 1105.50 USD, 72.8 % likely to leave.", ()),
        ("Saves 40 USD over twelve months.", (Decimal(12), Decimal(40))),
        ("Will pay ٤٠ more.", (Decimal(40),)),  # Arabic-Indic digits are figures too
        ("1. A new customer; 2. A high bill.", ()),
        ("No figures here, for once.", ()),
    ],
)
def test_a_figure_that_is_not_in_the_evidence_is_found(text: str, strange: tuple[Decimal, ...]) -> None:
    assert ungrounded(text, (EVIDENCE,)) == strange
    assert grounding_marks(text, (EVIDENCE,)) == (("ungrounded_figure",) if strange else ())


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_only_equal_figures_ground_each_other(said: int, known: int) -> None:
    assert (ungrounded(f"it is {said} now", (f"value {known}",)) == ()) == (said == known)


@given(st.decimals(0, 10**6, places=2))
def test_thousands_separators_do_not_change_a_figure(amount: Decimal) -> None:
    assert figures(f"of {amount:,} USD") == figures(f"of {amount} USD") == {amount}


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("The customer is new, pays a high bill and is free to leave at any time.", ()),
        ("low, low, low, low, low, low", ("repetition",)),
        (
            "finescene_finescene_finescene_finescene_finescene_finescene_finescene_finescene_",
            ("too_short", "repetition"),
        ),
        ("I will not refund. I will not refund. I will not refund.", ("repetition",)),
        ("plan change policy, change plan policy, policy plan change, plan policy change now", ("repetition",)),
        ("", ("too_short",)),
    ],
)
def test_degenerate_text_is_marked(text: str, marks: tuple[str, ...]) -> None:
    assert text_marks(text) == marks


@given(st.text(max_size=400))
def test_any_text_can_be_checked(text: str) -> None:
    assert set(text_marks(text)) <= {"too_short", "repetition"}
    assert set(grounding_marks(text, (text,))) == set()


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Customer C00042 has account BA-C00042.", "Customer [id] has account [id]."),
        ("Write to jo.doe@example.com or call +1 555-010-0123.", "Write to [email] or call [phone]."),
        ("tenure 12 months, charge 105.50 USD, 72.8 %", "tenure 12 months, charge 105.50 USD, 72.8 %"),
    ],
)
def test_identifiers_are_masked_and_figures_are_kept(text: str, redacted: str) -> None:
    assert redact_identifiers(text) == redacted

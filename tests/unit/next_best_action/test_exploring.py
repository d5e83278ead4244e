"""Exploring: chance chooses for the share that the text says, each treatment alike, and the probability is told."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.written import WHOLE
from placet.decisioning.next_best_action.exploring import choose, probabilities, ranked
from placet.governance.signing.canonical import digest
from placet.service.strategies.checking import check_text, strategy_of
from tests.unit.next_best_action.drawing import live
from tests.unit.strategies.texts import SOUND

ONE: Strategy = live().strategy
CODES = [one.code for one in ONE.treatments]
CUSTOMERS = [f"C{number:05}" for number in range(20_000)]


def exploring(share: int) -> Strategy:
    return ONE.model_copy(update={"explore": share})


def test_without_a_share_the_version_and_every_choice_are_those_of_before() -> None:
    assert "explore" not in ONE.model_dump()
    assert digest(exploring(0)) == digest(ONE)
    assert digest(exploring(200)) != digest(ONE)
    worth = {code: 10 + place for place, code in enumerate(CODES)}
    for customer in CUSTOMERS[:200]:
        assert choose(ONE, customer, worth) == (CODES[-1], WHOLE)


@given(
    share=st.integers(0, 5_000),
    worth=st.dictionaries(st.sampled_from(CODES), st.integers(1, 10**6), min_size=1),
    customer=st.sampled_from(CUSTOMERS),
)
def test_what_is_chosen_is_one_of_them_with_its_own_probability(
    share: int, worth: dict[str, int], customer: str
) -> None:
    strategy = exploring(share)
    found = choose(strategy, customer, worth)
    assert found is not None
    chances = dict(zip(ranked(strategy, worth), probabilities(strategy, len(worth)), strict=True))
    assert chances[found.treatment] == found.probability >= 1
    assert sum(chances.values()) == WHOLE
    assert choose(strategy, customer, dict(reversed(worth.items()))) == found


def test_as_many_get_each_as_the_probabilities_say() -> None:
    strategy, worth = exploring(4_000), dict.fromkeys(CODES[:2], 5)
    counts = Counter(choose(strategy, one, worth) for one in CUSTOMERS)
    assert len(counts) == 2
    for found, many in counts.items():
        assert found is not None
        expected = found.probability / WHOLE
        error = (expected * (1 - expected) / len(CUSTOMERS)) ** 0.5
        assert abs(many / len(CUSTOMERS) - expected) < 4 * error


def test_nothing_is_chosen_of_nothing() -> None:
    assert choose(exploring(5_000), "C00001", {}) is None


@pytest.mark.parametrize(
    ("written", "said"), [("60 %", "chance would choose for 60 %"), ("2", "explore"), ("-1 %", "explore")]
)
def test_a_share_that_is_none_or_too_large_is_refused_with_its_place(written: str, said: str) -> None:
    text = SOUND.replace("holdout: 10 %", f"holdout: 10 %\nexplore: {written}")
    checked = check_text(text)
    assert not checked.sound
    assert any(said in one.model_dump_json() for one in checked.findings)


def test_it_is_told_in_words() -> None:
    text = SOUND.replace("holdout: 10 %", "holdout: 10 %\nexplore: 2 %")
    assert strategy_of(text, "strategy.yaml").explore == 200
    assert any("of 2 % of the treated chance chooses" in one.words for one in check_text(text).told)

"""Each customer of a journey comes to one choice at most, or it is known which two of its steps follow each other."""

import pytest

from placet.decisioning.next_best_action.choices import choice_steps, one_after_another
from tests.support.strategies.published import strategy

ALL_AT_TWO = """\
steps:
  - step: which
    branch:
      - {when: balance_checks_30d >= 2, go_to: reward}
    otherwise: welcome
  - {step: welcome, treat: all, then: done}
  - {step: reward, treat: all, then: thank}
  - {step: thank, treat: [small_credit]}
  - {step: done, exit: they have started}
"""


@pytest.mark.parametrize(
    ("steps", "choices", "both"),
    [
        ("", (), None),
        (ALL_AT_TWO, ("welcome", "reward"), None),
        (ALL_AT_TWO.replace("treat: all, then: done", "treat: all"), ("welcome", "reward"), ("welcome", "reward")),
        (ALL_AT_TWO.replace("treat: all", "treat: [small_credit]"), (), None),
        (
            ALL_AT_TWO.replace("treat: [small_credit]", "treat: [small_credit, loyalty_credit]"),
            ("welcome", "reward", "thank"),
            ("reward", "thank"),
        ),
    ],
)
def test_which_steps_give_a_choice(steps: str, choices: tuple[str, ...], both: tuple[str, str] | None) -> None:
    one = strategy(("rollout:\n", f"{steps}rollout:\n"))
    assert choice_steps(one) == choices
    assert one_after_another(one) == both

"""What is wrong in the form of a strategy stands beside its field, all of it at once."""

import pytest

from placet.decisioning.strategies.reading import read_strategy
from placet.errors import UsageError
from placet.interfaces.console.views.strategy_form.opening import opened
from placet.interfaces.console.views.strategy_form.shown import form_of
from placet.interfaces.console.views.strategy_form.together import all_findings
from placet.interfaces.console.views.strategy_form.tree import put
from placet.interfaces.console.views.strategy_form.writing import text_of
from tests.unit.console.strategy_forms import ELSEWHERE, WRONG
from tests.unit.strategies.texts import SOUND, edited


@pytest.mark.parametrize(("path", "typed", "said"), WRONG)
def test_what_is_wrong_stands_beside_its_field(path: str, typed: str, said: str) -> None:
    tree = opened(SOUND)
    put(tree, path, typed)
    text = text_of(tree)
    form = form_of(tree, all_findings(tree, text, read_strategy(text).findings), text)
    place = ELSEWHERE.get(path, path)
    told = [one for one in form.said if one.where == place and one.tone == "bad"]
    if said == "of the condition":
        assert told
    else:
        assert any(said.lower() in one.said.lower() for one in told), form.said
    assert all(one.where for one in form.said), "each has a place"
    assert any(section.wrong for section in form.sections)


def test_all_faults_are_told_at_once_though_some_values_cannot_be_read() -> None:
    tree = opened(SOUND)
    typed = {
        "budget.total": "much",
        "treatments.0.title": "",
        "treatments.0.action.of_monthly": "0",
        "treatments.1.applicable.0.when": "npz > 3",
        "rollout.stages": "50, 20, 100",
        "market.time_zone": "Mars",
    }
    for path, value in typed.items():
        put(tree, path, value)
    put(tree, "contact.channels", [])
    text = text_of(tree)
    form = form_of(tree, all_findings(tree, text, read_strategy(text).findings), text)
    assert {one.where for one in form.said} == {*typed, "contact.channels"}


def test_what_hangs_on_a_value_that_cannot_be_read_is_not_told() -> None:
    tree = opened(edited(("per_customer: 40.00 USD", "per_customer: 4000.00 USD")))
    put(tree, "budget.total", "much")
    text = text_of(tree)
    [only] = all_findings(tree, text, read_strategy(text).findings)
    assert only.where == "budget.total"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- x",
        "k: [",
        edited(("holdout: 10 %", "holdout: 10")),
        edited(("holdout: 10 %", "holdout: 10 %\nmore: 1")),
        edited(("[sms, push, agent]", "[sms, push, sms]")),
        edited(("treatments: [loyalty_credit]}", "treatments: [other]}")),
    ],
)
def test_a_text_that_the_form_could_not_hand_back_is_not_opened(text: str) -> None:
    with pytest.raises(UsageError, match="The form cannot show"):
        opened(text)

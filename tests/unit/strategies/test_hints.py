"""What is sound and hardly meant is a warning, for whoever signs; and never more than that."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.decisioning.strategies.hints import Here, looks
from placet.decisioning.strategies.reading import read_strategy
from placet.decisioning.strategies.telling import told
from tests.unit.strategies.texts import SOUND, edited

AGENTS = ("retention",)
NOW = datetime(2026, 12, 10, 12, tzinfo=UTC)


def warnings_of(text: str, here: Here | None = None) -> list[tuple[int, str, str]]:
    read = read_strategy(text, here)
    assert read.strategy is not None, read.findings
    assert {one.severity for one in read.findings} <= {"warning"}
    return [(one.line, one.where, one.said) for one in read.findings]


@pytest.mark.parametrize(
    ("edit", "line", "where", "said"),
    [
        (
            ("purpose: marketing", "purpose: service"),
            31,
            "contact.purpose",
            "a message of service asks for no consent and must not sell, and this offers 'Saver plan'",
        ),
        (
            ("removes: 15 %", "removes: 100 %"),
            19,
            "treatments.0.value.removes",
            "it is assumed that nobody who gets it leaves; no treatment does that",
        ),
        (
            ("chance: 4.5 %", "chance: 100 %"),
            29,
            "treatments.1.value.chance",
            "it is assumed that everybody takes it up; no offer does that",
        ),
        (
            ("0.5 points", "100 points"),
            49,
            "rollout.guard_rails.0.by_more_than",
            "complaints cannot rise by more than 100 points: this stops nothing, ever",
        ),
        (
            ("by_more_than: 5 %", "by_more_than: 100 %"),
            50,
            "rollout.guard_rails.1.by_more_than",
            "spend cannot fall by more than 100 %: this stops nothing, ever",
        ),
        (
            ("title: Saver plan", "title: loyaIty-Credit"),
            21,
            "treatments.1.title",
            "'loyaIty-Credit' looks like 'Loyalty credit'; whoever signs may mix them up",
        ),
        (
            ("title: Saver plan", "title: Loyalty credit"),
            21,
            "treatments.1.title",
            "'Loyalty credit' looks like 'Loyalty credit'; whoever signs may mix them up",
        ),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_what_is_hardly_meant_is_a_warning(edit: tuple[str, str], line: int, where: str, said: str) -> None:
    assert warnings_of(edited(edit)) == [(line, where, said)]


def test_what_is_meant_is_none() -> None:
    assert warnings_of(SOUND, Here(NOW, AGENTS)) == []
    # Money for who would leave sells nothing. What they spend may rise by more than all of it.
    credit = edited(
        ("purpose: marketing", "purpose: service"),
        (SOUND[SOUND.index("  - code: saver_plan") : SOUND.index("contact:")], ""),
        ("treatments: [loyalty_credit, saver_plan]", "treatments: [loyalty_credit]"),
        (
            "spend, must_not: fall, by_more_than: 5 %",
            "spend, must_not: rise, by_more_than: 100 %",
        ),
    )
    assert warnings_of(credit) == []


def test_codes_that_look_alike_are_told() -> None:
    text = SOUND.replace("saver_plan", "loyaltycredit")
    assert [(line, where) for line, where, _ in warnings_of(text)] == [(20, "treatments.1.code")]


@pytest.mark.parametrize(
    ("at", "over"),
    [
        (datetime(2027, 2, 28, 12, tzinfo=UTC), False),
        (datetime(2027, 3, 1, 5, 59, tzinfo=UTC), False),  # 23:59 in Chicago
        (datetime(2027, 3, 1, 6, tzinfo=UTC), True),
        (datetime(1, 1, 1, tzinfo=UTC), False),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), True),
    ],
)
def test_a_term_is_over_by_the_calendar_of_the_market(at: datetime, over: bool) -> None:
    found = [where for _, where, _ in warnings_of(SOUND, Here(at, AGENTS))]
    assert found == (["term.last"] if over else [])
    assert warnings_of(SOUND) == []  # it stays readable, whenever


def test_an_application_that_is_not_here_is_told() -> None:
    [found] = warnings_of(edited(("agent: retention", "agent: retntion")), Here(NOW, ("retention", "advance")))
    assert found == (5, "agent", "there is no application 'retntion' here; known: advance, retention")


def test_the_words_say_what_does_not_bind_a_message_of_service() -> None:
    strategy = read_strategy(edited(("purpose: marketing", "purpose: service"))).strategy
    assert strategy is not None
    words = {one.key: one.words for one in told(strategy)}
    assert words["often"] == (
        "as often as needed: messages of service are not bound by “at most 2 in 90 days, sent 30 days apart, none for "
        "90 days after a refusal”"
    )
    assert words["hours"] == "at any hour: messages of service are not bound by the quiet hours from 21:00 to 09:00"


@given(st.text(alphabet="Saver Plan\u0421\u0430v\u0435r_-0o1lI", min_size=1, max_size=20))
def test_case_spaces_and_lookalikes_change_no_look(name: str) -> None:
    assert looks(name) == looks(name.upper()) == looks(f" {name}_") == looks(name.replace("o", "0"))
    assert looks(name.replace("a", "\u0430").replace("e", "\u0435")) == looks(name)

"""A strategy is read whole or not at all; what is wrong is told with its line and column, and nothing raises."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.contracts.strategies.findings import Finding
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.treatment import MOST_CHARACTERS
from placet.decisioning.cohorts import constancy
from placet.decisioning.cohorts.tree import Node
from placet.decisioning.strategies.reading import check_strategy, in_one_form, read_strategy
from placet.governance.signing.canonical import canonical_bytes, digest
from tests.unit.strategies.texts import SOUND, edited


def _errors(text: str) -> list[tuple[int, int, str, str]]:
    read = read_strategy(text)
    found = [(one.line, one.column, one.where, one.said) for one in read.findings if one.severity == "error"]
    assert (read.strategy is None) == bool(found)
    return found


def _warnings(text: str) -> list[Finding]:
    read = read_strategy(text)
    assert read.strategy is not None, read.findings
    return list(read.findings)


def test_what_people_write_is_kept_in_whole_numbers() -> None:
    read = read_strategy(SOUND)
    assert read.findings == ()
    strategy = read.strategy
    assert strategy is not None
    assert (strategy.holdout, strategy.rollout.stages) == (1000, (1000, 2500, 5000, 10000))
    assert strategy.budget.total.amount_minor == 500_000
    assert strategy.contact.quiet_hours is not None
    assert strategy.contact.quiet_hours.model_dump() == {"from_minute": 1260, "to_minute": 540}
    assert strategy.rollout.guard_rails[0].by_more_than.model_dump() == {"hundredths": 50, "unit": "points"}
    assert strategy.rollout.guard_rails[1].by_more_than.model_dump() == {"hundredths": 500, "unit": "percent"}
    assert strategy.cohort == "(churn_percent >= 30) AND (tenure_days >= 90)"
    # What is signed and kept says the same when it is read again.
    assert Strategy.model_validate_json(canonical_bytes(strategy)) == strategy
    assert in_one_form(strategy) == strategy


@pytest.mark.parametrize(
    "same",
    [
        "# a comment\n" + SOUND,
        edited(("churn_percent >= 30 AND tenure_days >= 90", "((churn_percent>=30)) and tenure_days >= 90")),
        edited(("holdout: 10 %", "holdout: '10.00%'")),
        edited(
            (
                "cohort: churn_percent >= 30 AND tenure_days >= 90",
                "cohort: |\n  churn_percent >= 30\n  AND tenure_days >= 90",
            )
        ),
        edited(("name: keep_at_risk\ntitle: Keep", "title: Keep"), ("\nabout: A", "\nname: keep_at_risk\nabout: A")),
    ],
)
def test_what_means_the_same_is_the_same_version(same: str) -> None:
    one, other = read_strategy(SOUND).strategy, read_strategy(same).strategy
    assert one is not None
    assert other is not None
    assert digest(one) == digest(other)


def test_any_change_of_meaning_is_another_version() -> None:
    seen = {digest(_sound(SOUND))}
    for edit in (
        ("10 %\narms", "10.01 %\narms"),
        ("20.00 USD", "20.01 USD"),
        ("We would like to keep you.", "Please stay."),
    ):
        changed = digest(_sound(edited(edit)))
        assert changed not in seen
        seen.add(changed)


def _sound(text: str) -> Strategy:
    strategy = read_strategy(text).strategy
    assert strategy is not None
    return strategy


@pytest.mark.parametrize(
    ("edit", "line", "column", "said"),
    [
        (("holdout: 10 %", "holdout: 10"), 40, 1, "10: write it with its unit, like '10 %'"),
        (("holdout: 10 %", "holdout: 10.125 %"), 40, 1, "write it like '10 %', with at most two decimals"),
        (("holdout: 10 %", "holdout: 110 %"), 40, 1, "it is more than 100 %"),
        (("holdout: 10 %", "holdout: 100 %"), 40, 1, "with everybody in the control group nobody is treated"),
        (("holdout: 10 %", "holdout: 0 %"), 40, 1, "guard rails compare with a control group"),
        (("name: keep_at_risk", "name: Keep"), 2, 1, "'Keep'"),
        (("measure: churn,", "measure: churnn,"), 7, 13, "write 'churn', 'conversion'"),
        (("in_steps_of: 0.50 USD", "in_step_of: 0.50 USD"), 12, 74, "there is no field of this name"),
        (("total: 5000.00 USD", "total: 5000 dollars"), 39, 10, "amount '5000 dollars' is malformed"),
        (("term: {first: 2026-12-01, ", "term: {"), 51, 1, "it is missing, and must be there"),
        (("first: 2026-12-01", "first: 2026-13-01"), 51, 15, "month must be in 1..12"),
        (("21:00 to 09:00", "9pm to 9am"), 37, 3, "write them like '21:00 to 09:00'"),
        (("21:00 to 09:00", "09:00 to 09:00"), 37, 3, "they end when they begin"),
        (("churn_percent >= 30 AND", "churn_percant >= 30 AND"), 8, 9, "no column is called 'churn_percant'"),
        (("tenure_days >= 90", "tenure_days >= 'x'"), 8, 48, "they cannot be compared"),
        (("open_tickets = 0", "open_tickets >= 0"), 14, 16, "always true"),
        (("open_tickets = 0", "churn_percent < 20"), 14, 10, "nobody in the cohort can meet it"),
        (("at_most: 20.00 USD", "at_most: 20.00 EUR"), 12, 54, "not in the market's currency, USD"),
        (("at_most: 20.00 USD", "at_most: 0.00 USD"), 12, 54, "0.00 USD is nothing"),
        (("at_most: 20.00 USD", "at_most: 50.00 USD"), 12, 54, "one customer may get 40.00 USD at most"),
        (("in_steps_of: 0.50 USD", "in_steps_of: 25.00 USD"), 12, 74, "steps of 25.00 USD never reach 20.00 USD"),
        (("per_customer: 40.00 USD", "per_customer: 5000.01 USD"), 39, 30, "more than the whole budget"),
        (("of_monthly: 20 %", "of_monthly: 0 %"), 12, 36, "is no credit"),
        (("removes: 15 %", "removes: 0 %"), 19, 26, "never worth anything"),
        (("code: saver_plan", "code: loyalty_credit"), 20, 5, "treatment 'loyalty_credit' is listed twice"),
        (("code: saver_plan", "code: nothing"), 20, 5, "'nothing' is always there"),
        (("costs: 12.00 USD", "costs: 31.00 USD"), 26, 90, "more than the 30.00 USD"),
        (("replaces: PO-internet-dsl,", "replaces: PO-internet-dsl-saver,"), 26, 63, "cannot take its own place"),
        (("channels: [sms,", "channels: [any,"), 32, 14, "'any' is no channel"),
        (("channels: [sms,", "channels: [push,"), 32, 20, "channel 'push' is listed twice"),
        (("name: either", "name: money"), 43, 6, "arm 'money' is listed twice"),
        (("name: either, share: 50 %", "name: either, share: 40 %"), 41, 1, "together they must have 100 %"),
        (("treatments: [loyalty_credit]", "treatments: [credit]"), 42, 45, "there is no treatment 'credit'"),
        (("[10 %, 25 %,", "[30 %, 25 %,"), 45, 18, "25 % is not more than 30 %"),
        (("50 %, 100 %]", "50 %]"), 45, 3, "the last stage is 50 %; it must be 100 %"),
        (("0.5 points", "0.5 %"), 49, 45, "its margin is in points, such as '0.5 points'"),
        (("by_more_than: 5 %", "by_more_than: 5 points"), 50, 40, "its margin is in per cent"),
        (("confidence: 95 %, then: stop}", "confidence: 50 %, then: stop}"), 50, 72, "outside 80 % to 99.9 %"),
        (("measure: spend, must_not: fall", "measure: churn, must_not: fall"), 50, 24, "wants churn to fall"),
        (("hold_days: 14", "hold_days: 30"), 46, 3, "watched 90 days before the last one"),
        (("last: 2027-02-28", "last: 2026-11-30"), 51, 27, "it ends on 2026-11-30, before it begins"),
        (("last: 2027-02-28", "last: 2027-12-31"), 51, 27, "nobody may sign for more than 366"),
        (("America/Chicago", "Mars/Base"), 6, 35, "there is no time zone 'Mars/Base'"),
        (("America/Chicago", "../../etc/passwd"), 6, 35, "there is no time zone"),
        (("holdout: 10 %", "holdout: 10 %\nholdout: 20 %"), 41, 1, "'holdout' is said twice"),
        (("holdout: 10 %", "holdout: [10 %"), 41, 5, "not YAML"),
        (("title: Loyalty credit", 'title: "Loyalty\\u202e"'), 11, 5, "characters that cannot be seen"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(edit: tuple[str, str], line: int, column: int, said: str) -> None:
    found = [(one[0], one[1]) for one in _errors(edited(edit)) if said in one[3]]
    assert found == [(line, column)]


@pytest.mark.parametrize(
    ("edits", "line", "said"),
    [
        ([("holdout: 10 %", "holdout: 60 %")], 40, "60 % of the cohort would never be treated"),
        ([("open_tickets = 0", "churn_percent >= 20")], 14, "everybody in the cohort meets it; it keeps nobody out"),
        ([("when: churn_percent >= 60", "when: churn_percent < 10")], 18, "the reason is never told"),
        ([("most_per_period: 2", "most_per_period: 9")], 35, "leaves room for 4"),
        ([("[10 %, 25 %, 50 %, 100 %]", "[100 %]")], 45, "all customers are reached at once"),
        ([("[loyalty_credit, saver_plan]", "[loyalty_credit]")], 20, "no arm has treatment 'saver_plan'"),
    ],
)  # fmt: skip
def test_what_a_signer_should_know_is_a_warning(edits: list[tuple[str, str]], line: int, said: str) -> None:
    (found,) = _warnings(edited(*edits))
    assert (found.severity, found.line) == ("warning", line)
    assert said in found.said


def test_rules_that_contradict_each_other_are_an_error_although_each_alone_is_possible() -> None:
    """Each holds for somebody of the cohort, both for nobody."""
    text = edited(("open_tickets = 0", "churn_percent < 50"), ("bills_disputed_90d = 0", "churn_percent > 50"))
    assert [one[3] for one in _errors(text)] == [
        "its 2 conditions contradict each other: nobody in the cohort can meet them all"
    ]


def test_all_faults_of_a_step_are_told_at_once_in_the_order_of_the_text() -> None:
    text = edited(("holdout: 10 %", "holdout: ten"), ("form: placet-strategy/1", "form: 2"), ("sms, push", "fax, push"))
    assert [(one[0], one[2]) for one in _errors(text)] == [(1, "form"), (32, "contact.channels.0"), (40, "holdout")]


def test_a_word_that_yaml_takes_for_false_is_told_so() -> None:
    ((line, _, where, said),) = _errors(edited(("otherwise: disputes a bill", "otherwise: no")))
    assert (line, where) == (16, "treatments.0.suitable.0.otherwise")
    assert said.startswith("False: write a text; YAML takes yes, no, on and off for true or false")


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("", 1, 1, "it is empty; `placet strategy new` writes one to begin with"),
        ("# later\n", 1, 1, "it is empty; `placet strategy new` writes one to begin with"),
        (edited(("first: 2026-12-01", "first: 2026-12-01 10:00:00")), 51, 8, "2026-12-01 10:00:00: write a day"),
        (edited(("first: 2026-12-01", "first: 2026-13-01")), 51, 15, "not YAML: '2026-13-01' is no value: month must"),
        (
            edited(("title: Saver plan", "title: 2026-12-01")),
            21,
            5,
            "2026-12-01: write a text; YAML takes it for a day or a number: put quotation marks around it",
        ),
        (edited(("title: Saver plan", "title:")), 21, 5, "nothing: write a text"),
        (edited(("title: Saver plan", "title: !!binary aGk=")), 21, 12, "not YAML: !!binary is not read; write a text"),
        (edited(("title: Saver plan", "title: Saver\x07")), 21, 17, "not YAML: the character U+0007 cannot be seen"),
        (f"{SOUND}\x00", 52, 1, "not YAML: the character U+0000 cannot be seen, and must not be in it; take it out"),
    ],
    ids=range(9),
)
def test_no_message_speaks_of_what_reads_the_text(text: str, line: int, column: int, said: str) -> None:
    [found] = _errors(text)
    assert (found[0], found[1]) == (line, column)
    assert found[3].startswith(said)


@pytest.mark.parametrize("written", ["017", "1_4", "0x0e", "1:30", "0b11", "00"])
def test_a_number_that_yaml_reads_as_another_is_refused(written: str) -> None:
    ((line, column, _, said),) = _errors(edited(("hold_days: 14", f"hold_days: {written}")))
    assert (line, column) == (46, 14)
    assert said == f"not YAML: '{written}' is no plain whole number to YAML; write it like 10, or in quotation marks"


def test_more_conditions_than_are_read_are_refused_before_any_is_looked_at() -> None:
    rules = "".join(f"      - {{when: nobody = {number}, code: c{number}, otherwise: none}}\n" for number in range(20))
    stages = "".join(f"    {stage}:\n{rules}" for stage in ("eligible", "applicable", "suitable"))
    treatment = SOUND[SOUND.index("  - code: saver_plan") : SOUND.index("    applicable:")] + stages
    treatment += "    value: {of: staying, removes: 15 %}\n"
    many = "".join(treatment.replace("saver_plan", f"plan_{number}") for number in range(4))
    ((line, _, where, said),) = _errors(edited(("contact:\n", f"{many}contact:\n")))
    assert (line, where) == (9, "treatments")
    assert said == "it has 245 conditions, and at most 200 are read; make two strategies of it"


def test_a_condition_that_is_too_long_in_its_one_form_is_an_error_and_raises_nothing() -> None:
    long = " OR ".join(f"tenure_days={90 + number}" for number in range(190))
    assert len(long) < MOST_CHARACTERS
    ((line, _, where, said),) = _errors(edited(("open_tickets = 0", long)))
    assert (line, where) == (14, "treatments.0.eligible.0.when")
    assert said.startswith("with brackets around each part it has 4,")


def _many_conditions(many: int, apart: str) -> str:
    """Return a strategy with conditions that the cohort, on the same columns, must be laid beside each time."""
    cohort = " AND ".join(f"(tenure_days > {number} OR churn_percent > {number})" for number in range(60))
    rules = "".join(
        f"      - {{when: nps < {number % 7 + 2} OR tenure_days > {number}, code: c{number}, otherwise: none}}\n"
        for number in range(many)
    )
    return edited(
        ("churn_percent >= 30 AND tenure_days >= 90", cohort),
        ("      - {when: open_tickets = 0, code: open_ticket, otherwise: has an open support ticket}\n", rules),
        ("bills_disputed_90d = 0", apart),
    )


def test_what_many_conditions_may_take_is_bounded_by_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is counted and not timed: parts of conditions times combinations, over all questions of a check."""
    work = list[int]()
    answer = constancy._answer_of

    def counted(node: Node) -> constancy.Possible:
        axes, _ = constancy._axes(node)
        work.append(constancy._parts_of(node) * math.prod(len(values) for _, values, _ in axes))
        return answer(node)

    monkeypatch.setattr(constancy, "_answer_of", counted)
    for many in (5, 19):
        work.clear()
        assert read_strategy(_many_conditions(many, "bills_disputed_90d = 0")).strategy is not None
        assert sum(work) < 120_000_000
    # What is small is noticed however many others there are.
    [found] = _errors(_many_conditions(19, "tenure_days < 0 OR open_tickets < 0 AND nps > 3"))
    assert found[2] == "treatments.0.suitable.0.when"


def test_a_fault_in_a_condition_over_several_lines_says_which_character() -> None:
    text = edited(("cohort: churn_percent >= 30 AND", "cohort: |\n  churn_percent >= 30\n  AND nobody = 1 AND"))
    ((line, column, where, said),) = _errors(text)
    assert (line, column, where) == (8, 1, "cohort")
    assert said.startswith("character 25 of the condition: no column is called 'nobody'")


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "1", "a: &a [*a]", "\t", "- " * 30, "a" * 1_000_001, "\ud800", "{" * 999]
)
def test_what_is_no_strategy_is_an_error(text: str) -> None:
    assert len(_errors(text)) == 1


@given(at=st.integers(0, len(SOUND) - 1), length=st.integers(0, 12), new=st.text(max_size=8))
def test_no_damage_raises_and_what_is_still_sound_passes_the_check_again(at: int, length: int, new: str) -> None:
    read = read_strategy(SOUND[:at] + new + SOUND[at + length :])
    if read.strategy is None:
        assert any(one.severity == "error" for one in read.findings)
    else:
        assert all(problem.severity == "warning" for problem in check_strategy(read.strategy))
        assert in_one_form(read.strategy) == read.strategy
    for one in read.findings:
        assert one.line >= 1
        assert one.column >= 1
        assert one.said


def test_faults_of_one_text_are_told_up_to_a_bound_and_counted() -> None:
    found = read_strategy(SOUND + "".join(f"k{number}: 1\n" for number in range(3000)))
    assert found.strategy is None
    assert len(found.findings) == 201
    [rest] = [one for one in found.findings if not one.where]
    assert rest.said == "2800 more errors like these"
    [named] = read_strategy(f'{SOUND}"\\u202e{"k" * 900}": 1\n').findings
    assert named.where.startswith("«U+202E»k")
    assert len(named.where) == 160

"""What policy asks of people: every deciding permit has its way, a contradiction means no, and a typo is refused."""

import itertools
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from placet.contracts.gate import GateTerms
from placet.errors import PolicyError
from placet.governance.policy.authoring.gate_words import duration_in_words, gates, terms_in_words
from placet.governance.policy.terms import PermitTerms, combined, completed, contradiction, parse_duration
from tests.unit.policy.policy_support import DEFAULT, a_set, files
from tests.unit.support import a_key, a_proposal

DEFAULTS = GateTerms(roles=("retention_lead",), expire_after=72 * 3600)
HOUR = 3600
TIMES = ("remind_after", "escalate_after", "expire_after")


def permit(name: str, annotations: str, condition: str = "true") -> str:
    return (
        f'@id("{name}") {annotations} permit (principal, action == Action::"propose", resource) when {{ {condition} }};'
    )


def asked(*texts: str, cost: int = 1000, defaults: GateTerms = DEFAULTS) -> GateTerms:
    policies = a_set(*texts)
    return policies.gate_terms(policies.may_propose(a_proposal(cost)), defaults)


def test_the_default_policy_asks_one_lead_up_to_its_first_step_and_two_above_it() -> None:
    expected = GateTerms(
        roles=("retention_lead",),
        quorum=1,
        remind_after=24 * HOUR,
        escalate_after=48 * HOUR,
        escalate_to="care_manager",
        expire_after=72 * HOUR,
    )
    assert asked(DEFAULT, cost=10_000) == expected
    assert asked(DEFAULT, cost=10_001) == expected.model_copy(update={"quorum": 2})


def test_what_permits_leave_open_is_the_applications() -> None:
    defaults = GateTerms(roles=("b", "a"), quorum=2, distinct_roles=True, remind_after=60, expire_after=120)
    assert asked(permit("p", ""), defaults=defaults) == defaults
    assert asked(permit("p", '@gate_quorum("1") @gate_distinct_roles("no")'), defaults=defaults) == (
        defaults.model_copy(update={"quorum": 1, "distinct_roles": False})
    )


def test_quorum_and_roles_depend_on_amount_by_two_permits() -> None:
    policies = (
        permit("small", '@gate_roles("lead")', "resource.cost_minor <= 500"),
        permit(
            "large",
            '@gate_roles("lead, finance") @gate_quorum("2") @gate_distinct_roles("yes")',
            "resource.cost_minor > 500",
        ),
    )
    assert asked(*policies, cost=500).roles == ("lead",)
    large = asked(*policies, cost=501)
    assert (large.roles, large.quorum, large.distinct_roles) == (("finance", "lead"), 2, True)


def test_of_several_permits_the_strictest_term_of_each_counts() -> None:
    terms = asked(
        permit("a", '@gate_roles("x, y") @gate_quorum("1") @gate_expire_after("3d") @gate_remind_after("90m")'),
        permit("b", '@gate_roles("y,x") @gate_quorum("2") @gate_expire_after("4h") @gate_distinct_roles("yes")'),
        permit("c", '@gate_escalate_after("2h") @gate_escalate_to("boss") @gate_distinct_roles("no")'),
        permit("d", '@gate_escalate_after("60m") @gate_escalate_to("boss") @gate_remind_after("2h")'),
        permit("e", '@gate_quorum("5")', "resource.cost_minor > 5000"),
    )
    assert terms == GateTerms(
        roles=("x", "y"),
        quorum=2,
        distinct_roles=True,
        remind_after=90 * 60,
        escalate_after=HOUR,
        escalate_to="boss",
        expire_after=4 * HOUR,
    )


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ('@gate_roles("x")', '@gate_roles("y")', "different @gate_roles, so that nobody can be asked: a: x; b: y"),
        ('@gate_roles("x, y")', '@gate_roles("y")', "different @gate_roles"),
        (
            '@gate_escalate_after("1h") @gate_escalate_to("x")',
            '@gate_escalate_after("1h") @gate_escalate_to("y")',
            "different @gate_escalate_to",
        ),
        ('@gate_expire_after("1h")', '@gate_remind_after("1h")', "remind_after 3600 s is not before the gate closes"),
        (
            '@gate_roles("x") @gate_quorum("2")',
            '@gate_distinct_roles("yes")',
            "quorum 2 cannot be met in distinct roles out of 1",
        ),
    ],
)
def test_permits_that_contradict_each_other_ask_nobody(first: str, second: str, told: str) -> None:
    with pytest.raises(PolicyError) as caught:
        asked(permit("a", first), permit("b", second))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_default_that_would_come_after_the_gate_has_closed_is_dropped() -> None:
    defaults = DEFAULTS.model_copy(
        update={"remind_after": 24 * HOUR, "escalate_after": 48 * HOUR, "escalate_to": "care_manager"}
    )
    terms = asked(permit("p", '@gate_expire_after("24h")'), defaults=defaults)
    assert terms == GateTerms(roles=("retention_lead",), expire_after=24 * HOUR)
    later = asked(permit("p", '@gate_expire_after("25h")'), defaults=defaults)
    assert (later.remind_after, later.escalate_after, later.escalate_to) == (24 * HOUR, None, None)


@pytest.mark.parametrize("annotations", ['@gate_remind_after("72h")', '@gate_quorum("2") @gate_distinct_roles("yes")'])
def test_what_a_permit_names_is_never_dropped_for_a_default(annotations: str) -> None:
    with pytest.raises(PolicyError, match="contradict the application's defaults"):
        asked(permit("p", annotations))


def test_an_answer_that_is_no_or_of_another_set_asks_nobody() -> None:
    policies, other = a_set(permit("p", "")), a_set(permit("q", ""))
    with pytest.raises(PolicyError, match="no permit of this set"):
        policies.gate_terms(other.may_propose(a_proposal()), DEFAULTS)
    with pytest.raises(PolicyError, match="no permit of this set"):
        policies.gate_terms(a_set("").may_propose(a_proposal()), DEFAULTS)
    decided = a_set(permit("p", ""), '@id("d") permit (principal, action == Action::"decide", resource);')
    with pytest.raises(PolicyError, match="no permit of this set"):
        decided.gate_terms(decided.may_decide(a_key()[1], a_proposal()), DEFAULTS)


@pytest.mark.parametrize(
    ("annotation", "told"),
    [
        ('@gate_quorm("2")', "`@gate_quorm` is unknown; known: @gate_roles, @gate_quorum, "),
        ('@Gate_Quorum("2")', "`@Gate_Quorum` is unknown"),
        ('@gatequorum("2")', "`@gatequorum` is unknown"),
        ("@gate_quorum", "`@gate_quorum` '' is malformed: write a number from 1 to 5"),
        ('@gate_quorum("0")', "`@gate_quorum` '0' is malformed"),
        ('@gate_quorum("6")', "`@gate_quorum` '6' is malformed"),
        ('@gate_quorum("²")', "`@gate_quorum` '²' is malformed"),
        ('@gate_roles("")', "`@gate_roles` '' is malformed: '' is no role name"),
        ('@gate_roles("lead,,boss")', "`@gate_roles` 'lead,,boss' is malformed"),
        ('@gate_roles("Lead")', "`@gate_roles` 'Lead' is malformed: 'Lead' is no role name; write it like"),
        ('@gate_roles("lead, lead")', "names a role twice"),
        ('@gate_distinct_roles("true")', "`@gate_distinct_roles` 'true' is malformed: write yes or no"),
        ('@gate_remind_after("24")', "`@gate_remind_after` '24' is malformed: write it like 30m, 24h or 3d"),
        ('@gate_remind_after("-1h")', "is malformed"),
        ('@gate_expire_after("0s")', "is malformed"),
        ('@gate_expire_after("91d")', "at most 90d"),
        ('@gate_escalate_after("1h")', "`@gate_escalate_after` needs @gate_escalate_to beside it"),
        ('@gate_escalate_to("boss")', "`@gate_escalate_to` needs @gate_escalate_after beside it"),
        (
            '@gate_remind_after("2h") @gate_expire_after("2h")',
            "contradict each other: remind_after 7200 s",
        ),
        ('@gate_roles("a") @gate_quorum("2") @gate_distinct_roles("yes")', "contradict each other: quorum 2"),
    ],
)
def test_terms_that_cannot_be_read_make_the_set_invalid_with_their_line(annotation: str, told: str) -> None:
    text = f'@id("p")\n{annotation}\npermit (principal, action == Action::"propose", resource);'
    with pytest.raises(PolicyError, match="the policy set is invalid: ") as caught:
        a_set(text)
    assert told in str(caught.value)
    line = 1 if "contradict" in told else 2
    assert f"a.cedar:{line}: " in str(caught.value)


@pytest.mark.parametrize(
    "head",
    [
        'forbid (principal, action == Action::"propose", resource);',
        'permit (principal, action == Action::"commit", resource);',
        'permit (principal, action in [Action::"decide", Action::"lift"], resource);',
        "permit (principal is Person, action, resource);",
        "permit (principal, action, resource is Mandate);",
    ],
)
def test_terms_where_nobody_would_read_them_make_the_set_invalid(head: str) -> None:
    with pytest.raises(PolicyError, match="`@gate_quorum` belongs on a permit of propose only"):
        a_set(f'@id("p") @gate_quorum("2") {head}')


def test_a_permit_of_more_than_proposing_may_have_terms() -> None:
    assert asked('@id("p") @gate_quorum("3") permit (principal, action, resource);').quorum == 3


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("90m", 5400), ("24h", 86_400), ("90d", 7_776_000), ("2160h", 7_776_000)]
)
def test_durations_are_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (90, "90 seconds"), (5400, "90 minutes"), (86_400, "1 day"), (0, "0 seconds")],
)
def test_durations_are_told_in_the_largest_unit_that_is_exact(seconds: int, words: str) -> None:
    assert duration_in_words(seconds) == words


def test_terms_are_told_in_plain_words() -> None:
    shown = {gate.policy: gate.words for gate in gates(files(DEFAULT))}
    assert list(shown) == [
        "retention-may-propose-within-cap",
        "retention-may-propose-large-with-two",
        "retention-may-propose-reversals",
    ]
    assert shown["retention-may-propose-large-with-two"] == (
        "2 people holding retention lead must approve; reminder after 1 day; "
        "after 2 days care manager may decide as well; closes after 3 days"
    )
    assert terms_in_words(PermitTerms()) == "whatever the application asks by itself"
    assert terms_in_words(PermitTerms(roles=("a", "b"), quorum=2, distinct_roles=True)) == (
        "2 people holding a or b must approve; each in another of these roles"
    )


SOON = st.none() | st.integers(1, 80)
ROLES = st.sampled_from(["lead", "finance", "boss"])


def _terms(roles: tuple[str, ...] | None, escalate_to: str) -> st.SearchStrategy[PermitTerms]:
    """Terms of one permit; all that are drawn with the same arguments name the same roles, where they name any."""
    escalation = st.one_of(st.just((None, None)), st.tuples(st.integers(1, 60), st.just(escalate_to)))
    return st.builds(
        lambda named, quorum, distinct, remind, escalate, expire: PermitTerms(
            roles=roles if named else None,
            quorum=quorum,
            distinct_roles=distinct,
            remind_after=remind,
            escalate_after=escalate[0],
            escalate_to=escalate[1],
            expire_after=expire,
        ),
        st.booleans(),
        st.none() | st.integers(1, 5),
        st.none() | st.booleans(),
        st.none() | st.integers(1, 60),
        escalation,
        st.none() | st.integers(30, 90),
    ).filter(lambda terms: contradiction(terms) is None)


@st.composite
def _deciding(draw: st.DrawFn) -> dict[str, PermitTerms]:
    roles = draw(st.none() | st.lists(ROLES, min_size=1, max_size=3, unique=True).map(lambda some: tuple(sorted(some))))
    every = draw(st.lists(_terms(roles, draw(ROLES)), min_size=1, max_size=4))
    return {f"p{number}": terms for number, terms in enumerate(every)}


def _outcome(terms: dict[str, PermitTerms]) -> PermitTerms | None:
    try:
        return combined(terms)
    except PolicyError:
        return None


@given(_deciding(), st.randoms(use_true_random=False))
def test_the_order_of_permits_changes_nothing(terms: dict[str, PermitTerms], random: Any) -> None:
    shuffled = list(terms.items())
    random.shuffle(shuffled)
    assert _outcome(dict(shuffled)) == _outcome(terms)
    # Nor does asking for the same thing twice, or in two steps where the first one can be taken.
    together = _outcome(terms)
    assume(together is not None)
    assert together is not None
    assert _outcome({**terms, "again": together}) == together
    for size in range(1, len(shuffled)):
        first, rest = _outcome(dict(shuffled[:size])), dict(shuffled[size:])
        assert first is None or _outcome({**rest, "first": first}) == together


@given(_deciding())
def test_the_terms_together_are_never_laxer_than_those_of_any_deciding_permit(terms: dict[str, PermitTerms]) -> None:
    together = _outcome(terms)
    assume(together is not None)
    assert together is not None
    for one in terms.values():
        for name in TIMES:
            if getattr(one, name) is not None:
                assert getattr(together, name) <= getattr(one, name)
        assert (together.quorum or 0) >= (one.quorum or 0)
        assert bool(together.distinct_roles) >= bool(one.distinct_roles)
        for name in ("roles", "escalate_to"):
            assert getattr(one, name) in (None, getattr(together, name))
    # Nothing is asked that no permit asks for.
    for name, value in together:
        assert value is None or any(getattr(one, name) == value for one in terms.values())


@given(
    _deciding(), st.none() | st.integers(1, 80), st.none() | st.integers(1, 80), st.integers(81, 120), st.integers(1, 3)
)
def test_defaults_fill_what_is_open_and_change_nothing_that_is_named(
    terms: dict[str, PermitTerms], remind: int | None, escalate: int | None, expire: int, quorum: int
) -> None:
    together = _outcome(terms)
    assume(together is not None)
    assert together is not None
    defaults = GateTerms(
        roles=("lead",),
        quorum=quorum,
        remind_after=remind,
        escalate_after=escalate,
        escalate_to="chief" if escalate else None,
        expire_after=expire,
    )
    try:
        whole = completed(together, defaults)
    except PolicyError:
        # Only because the permits ask for distinct roles, of which these defaults do not offer enough.
        assert together.distinct_roles
        return
    for name, value in whole:
        named, default = getattr(together, name), getattr(defaults, name)
        if named is not None:
            assert value == (named if name != "roles" else tuple(named))
        elif value != default:
            assert value is None
            due = defaults.escalate_after if name == "escalate_to" else default
            assert due is not None
            assert due >= whole.expire_after


def test_roles_that_differ_contradict_each_other_in_any_order() -> None:
    terms = {"a": PermitTerms(roles=("x",)), "b": PermitTerms(roles=("y",)), "c": PermitTerms()}
    for order in itertools.permutations(terms.items()):
        with pytest.raises(PolicyError, match="a: x; b: y"):
            combined(dict(order))

"""What the pages of governance and of the record show, made from messages alone."""

import dataclasses
import shlex
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from placet.contracts.audit import RECORD_KINDS
from placet.contracts.money import parse_money
from placet.contracts.notification import Told
from placet.contracts.people.batch import BatchBounds
from placet.contracts.people.delegation import Delegation, DelegationRecord
from placet.contracts.people.mandate import Mandate, MandateRecord, MandateUse
from placet.errors import GovernanceError
from placet.governance.oversight.report import ApproverFigures, Controls, Overall, OversightReport
from placet.governance.policy.authoring.why import explain
from placet.governance.policy.facts import AgentFacts, PersonFacts, ProposalFacts
from placet.governance.policy.question import AgentQuestion, DecideQuestion
from placet.governance.policy.set import PolicySet
from placet.governance.policy.source import PolicyFile
from placet.interfaces.console.installed import Judged
from placet.interfaces.console.views.governance.batches import commands_for, outcomes_of
from placet.interfaces.console.views.governance.delegations import delegation_of
from placet.interfaces.console.views.governance.mandates import altered_of, mandate_of, use_of
from placet.interfaces.console.views.governance.notifications import told_of
from placet.interfaces.console.views.governance.oversight import MOST_IN_CHART, MOST_IN_TABLE, report_of
from placet.interfaces.console.views.governance.policies import in_force_of, unreadable
from placet.interfaces.console.views.governance.what_if import answer_of
from placet.interfaces.console.views.record import KIND_GROUPS, checked_of, failed_check, verdict_of
from placet.service.deciding.batch_choice import PreparedBatch
from placet.service.deciding.batches import MemberOutcome
from placet.service.deciding.ends import Became
from placet.service.reading.checks import VerifiedPart
from placet.service.reading.what_if import MandateSaid, PersonSaid, Supposed, WhatIf

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
USD = parse_money("20.00 USD")
HOSTILE = "<b>\u202ex\n\x1b[31m"
RULES = PolicySet(
    [
        PolicyFile(
            name="p.cedar",
            text="""
@id("small-credits")
@description("Small credits go before one lead.")
@gate_roles("retention_lead")
@gate_quorum("1")
permit (principal == Agent::"retention", action == Action::"propose", resource)
when { resource.cost_minor <= 5000 };

@id("leads")
permit (principal in Role::"retention_lead", action == Action::"decide", resource)
when { resource.cost_minor <= principal.limit_minor };

@id("four-eyes")
@description("Who asked never decides.")
forbid (principal, action == Action::"decide", resource) when { principal.name == resource.triggered_by };
""",
        )
    ]
)


def a_mandate(**changes: Any) -> Mandate:
    values: dict[str, Any] = {
        "tenant": "demo", "signer": "hanna", "signed_at": NOW, "document_id": "a" * 32, "reason": HOSTILE,
        "name": "summer", "drafted_by": "olga", "agent": "retention", "kinds": ("adjust_balance",),
        "treatments": ("goodwill_credit",), "cohort": ({"field": "tenure_months", "op": "ge", "value": 12},),
        "cap_per_customer": USD, "period_days": 30, "budget": parse_money("100.00 USD"),
        "valid_from": NOW, "valid_until": NOW + timedelta(days=2),
    }  # fmt: skip
    return Mandate(**{**values, **changes})


def on_record(spent: int = 0, **changes: Any) -> MandateRecord:
    revoked = {name: changes.pop(name) for name in ("revoked_by", "revoked_at") if name in changes}
    return MandateRecord(mandate=a_mandate(**changes), document="d" * 64, key_id="e" * 64, spent_minor=spent, **revoked)


@pytest.mark.parametrize(
    ("spent", "at", "signature", "badge"),
    [
        (0, NOW, "good", "In force"),
        (0, NOW - timedelta(hours=1), "good", "Begins later"),
        (0, NOW + timedelta(days=3), "good", "Over"),
        (10_000, NOW, "good", "Spent"),
        (0, NOW, "bad_signature: the signature is not hanna's", "Does not count"),
        (0, NOW + timedelta(days=3), "key_expired: the key has expired", "Over"),
    ],
)
def test_a_mandate_says_where_it_stands(spent: int, at: datetime, signature: str, badge: str) -> None:
    shown = mandate_of(on_record(spent), at, signature)
    assert shown.badge.text == badge
    assert bool(shown.fault) is (badge == "Does not count")
    assert (shown.left_minor, shown.budget_minor) == (10_000 - spent, 10_000)


def test_a_mandate_is_told_in_words_and_a_bar_stays_within_its_bounds() -> None:
    shown = mandate_of(on_record(3000), NOW, "good")
    assert (shown.left, shown.budget, shown.spent) == ("70.00 USD", "100.00 USD", "30.00 USD")
    assert (shown.kinds, shown.clears, shown.cohort, shown.cap) == (
        "Credits and debits",
        "goodwill credit",
        "tenure months at least 12",
        "20.00 USD in 30 days",
    )
    assert mandate_of(on_record(99_999), NOW, "good").left_minor == 0
    assert mandate_of(on_record(-5), NOW, "good").left_minor == 10_000
    assert mandate_of(on_record(cohort=()), NOW, "good").cohort == "every customer"
    assert mandate_of(on_record(revoked_by="anna", revoked_at=NOW), NOW, "good").badge.text == "Revoked"
    assert "\u202e" not in altered_of("a\u202eb")
    used = MandateUse(
        tenant="demo", mandate_id="a" * 32, run_id="run-" + "0" * 20, proposal="b" * 64, customer_id="C1",
        amount_minor=700, used_at=NOW, released_at=NOW,
    )  # fmt: skip
    assert (use_of(used, "USD").amount, use_of(used, "USD").given_back) == ("7.00 USD", True)


@pytest.mark.parametrize(
    ("at", "fault", "revoked", "badge", "stands"),
    [
        (NOW, "", False, "In force", True),
        (NOW, "its key was revoked", False, "Does not count", True),
        (NOW - timedelta(hours=1), "", False, "Begins later", True),
        (NOW + timedelta(days=3), "", False, "Over", False),
        (NOW, "", True, "Revoked", False),
    ],
)
def test_a_delegation_says_where_it_stands(at: datetime, fault: str, revoked: bool, badge: str, stands: bool) -> None:
    delegation = Delegation(
        tenant="demo", signer="dora", signed_at=NOW, document_id="a" * 32, reason="", delegate="emil",
        roles=("retention_lead", "finance"), limit=USD, valid_from=NOW, valid_until=NOW + timedelta(days=2),
    )  # fmt: skip
    by = {"revoked_by": "dora", "revoked_at": NOW} if revoked else {}
    record = DelegationRecord(delegation=delegation, document="d" * 64, key_id="e" * 64, **by)
    shown = delegation_of(record, at, fault)
    assert shown.fault == (f"It confers nothing: {fault}." if fault else "")
    assert (shown.badge.text, shown.stands, shown.roles) == (badge, stands, "retention lead or finance")


def a_told(**changes: Any) -> Told:
    values: dict[str, Any] = {
        "tenant": "demo", "run_id": "run-" + "0" * 20, "proposal": None, "occasion": "asked", "channel": "email",
        "recipient": "anna@example.org", "role": "retention_lead", "subject": HOSTILE, "text": HOSTILE,
        "created_at": NOW, "status": "waiting", "attempts": 0, "next_attempt_at": NOW, "delivered_at": None,
        "detail": "",
    }  # fmt: skip
    return Told(**{**values, **changes})


def test_a_notification_says_how_its_delivery_goes() -> None:
    first = told_of(a_told(), NOW)
    assert (first.badge.text, first.progress, first.next_at) == ("Waits to be sent", "", None)
    later = NOW + timedelta(minutes=5)
    again = told_of(a_told(attempts=2, next_attempt_at=later, detail="451"), NOW)
    assert (again.badge.text, again.progress, again.next_at) == ("Is tried again", "2 attempts", later)
    assert told_of(a_told(status="failed", attempts=9), NOW).badge.tone == "bad"
    role = told_of(a_told(channel="console", recipient="retention_lead", status="delivered"), NOW)
    assert (role.recipient, role.role) == ("Whoever holds retention lead", "")


def test_a_set_is_told_question_by_question_forbids_first() -> None:
    told = in_force_of("retention", RULES)
    by_title = {one.title: one for one in told.questions}
    (small,) = by_title["What an agent may put before people"].lines
    assert small.asks == "1 person holding retention lead must approve"
    assert [line.permits for line in by_title["Who may decide"].lines] == [False, True]
    assert by_title["Who may lift a halt"].lines == ()
    assert (
        unreadable("retention", "").fault == "The policies of retention are not in order, so that everything is denied."
    )
    assert "\x1b" not in unreadable("retention", HOSTILE).fault


def supposed(cost: str = "20.00 USD") -> Supposed:
    return Supposed(
        agent="retention",
        kind="adjust_balance",
        treatment="goodwill_credit",
        cost=parse_money(cost),
        requested_by="olga",
    )


def asked(
    cost: str = "20.00 USD", mandates: tuple[MandateSaid, ...] = (), people: tuple[str, ...] = ("anna", "olga")
) -> WhatIf:
    facts = ProposalFacts(
        run_id="run-" + "0" * 20, tenant="demo", agent="retention", kind="adjust_balance",
        treatment="goodwill_credit", cost=parse_money(cost), triggered_by="olga",
    )  # fmt: skip
    agent = AgentFacts(name="retention", tenant="demo")
    said = []
    for name in people:
        roles = () if name == "carl" else ("retention_lead",)
        explained = explain(RULES, DecideQuestion(PersonFacts(name=name, tenant="demo", roles=roles, limit=USD), facts))
        said.append(PersonSaid(name, explained.allowed, "" if explained.allowed else explained.detail, explained))
    return WhatIf(
        proposing=explain(RULES, AgentQuestion("propose", agent, facts)),
        mandates=mandates,
        people=tuple(said),
        customer=None,
    )


def test_a_case_is_answered_with_who_must_sign_and_who_may_not_and_why() -> None:
    answer = answer_of(supposed(), asked(people=("olga", "carl", "anna")))
    assert answer.headline == "It would wait for people. 1 enrolled person could sign it."
    assert answer.signing == "1 person holding retention lead must approve"
    assert [(one.name, one.allowed) for one in answer.people] == [("anna", True), ("olga", False), ("carl", False)]
    assert answer.people[1].because == "forbidden: Who asked never decides."
    assert answer.people[2].because == "does not hold the role retention lead (holds none)"


def test_a_case_that_policy_denies_says_what_fell_short() -> None:
    answer = answer_of(supposed("90.00 USD"), asked("90.00 USD"))
    assert answer.tone == "bad"
    assert answer.signing == ""
    (because,) = answer.because
    assert because.failed == ("the cost (90.00 USD) is at most 50.00 USD",)
    assert because.policy == "small credits"


@pytest.mark.parametrize(
    ("clears", "tone", "said"),
    [
        (True, "good", "clears it without a decision"),
        (None, "waits", "may clear it, depending"),
        (False, "waits", "wait for people"),
    ],
)
def test_a_mandate_that_clears_it_comes_first(clears: bool | None, tone: str, said: str) -> None:
    answer = answer_of(supposed(), asked(mandates=(MandateSaid(on_record(), clears, "why"),)))
    assert answer.tone == tone
    assert said in answer.headline


def test_nobody_who_could_sign_is_said_at_once() -> None:
    answer = answer_of(supposed(), asked(people=("olga",)))
    assert answer.tone == "bad"
    assert answer.headline.endswith("and expire: 0 enrolled people could sign it, where 1 must.")


def figures(name: str, decided: int = 4, **changes: Any) -> ApproverFigures:
    values = dict.fromkeys(ApproverFigures.model_fields, 0)
    return ApproverFigures.model_validate(
        {**values, "approver": name, "decided": decided, "declined": 1, "median_seconds_open": 90, **changes}
    )


def a_report(approvers: tuple[ApproverFigures, ...], asked_: int = 9) -> OversightReport:
    return OversightReport(
        tenant="demo", since=NOW, until=NOW,
        overall=Overall.model_validate({**dict.fromkeys(Overall.model_fields, 0), "asked": asked_, "decided": 4}),
        controls=Controls(seeded=2, caught=1, missed=1, undecided=0, open=0, never_planted=3),
        approvers=approvers, notes=(HOSTILE,),
    )  # fmt: skip


def test_a_report_has_charts_that_say_what_their_tables_say_and_stay_small() -> None:
    people = tuple(figures(f"p{number}", decided=number) for number in range(MOST_IN_TABLE + 5))
    shown = report_of(a_report(people))
    assert len(shown.approvers) == MOST_IN_TABLE
    assert shown.left_out == 5
    for chart in shown.charts:
        assert len(chart.points) <= MOST_IN_CHART
        assert all(point.height.isdecimal() for point in chart.points)
    assert shown.approvers[0].name == f"p{MOST_IN_TABLE + 4}"
    assert "\u202e" not in shown.notes[0]
    assert report_of(a_report((), asked_=0)).charts == ()
    assert shown.controls[0] == ("Planted in the period", "2")
    assert shown.controls[-1] == ("Never planted: nobody was asked", "3")
    one = report_of(a_report((figures("anna", controls_shown=2, controls_caught=1, controls_missed=1),))).approvers[0]
    assert (one.said_no, one.looked, one.controls) == ("1 of 4", "90 seconds", "1 of 2 caught, 1 missed")


def prepared() -> PreparedBatch:
    bounds = BatchBounds(
        agent="retention", kinds=("adjust_balance",), treatments=("goodwill_credit", "loyalty_bonus"), max_cost=USD,
        total_cost=parse_money("55.00 USD"),
    )  # fmt: skip
    return PreparedBatch("reject", (), bounds, bounds.total_cost, ())


def test_the_command_of_a_batch_can_be_pasted_and_states_its_bounds() -> None:
    sign, printed = commands_for(prepared(), named=False)
    words = shlex.split(sign.text)
    assert words[:3] == ["placet", "reject", "--all"]
    assert words[-6:-2] == ["--total-cost", "55.00 USD", "--as", "NAME"]
    assert words.count("--treatment") == 2
    assert printed.text.endswith("--print > batch.jsonl")
    assert "--all" not in commands_for(prepared(), named=True)[0].text


def test_what_became_of_a_batch_shows_first_what_failed() -> None:
    shown = outcomes_of(
        [
            MemberOutcome("run-1", "accepted", "1 more must approve"),
            MemberOutcome("run-2", None),
            MemberOutcome("run-3", "four_eyes", HOSTILE),
            MemberOutcome("run-4", "engine_unavailable", "no answer", delivered=False),
        ]
    )
    assert [one.badge.text for one in shown] == ["Refused", "Not delivered", "Delivered", "Counted"]
    assert "\x1b" not in shown[0].words


def test_what_counted_and_then_came_to_nothing_is_shown_first() -> None:
    outcomes = [
        MemberOutcome("run-1", "accepted"),
        MemberOutcome("run-2", "accepted"),
        MemberOutcome("run-3", "accepted"),
    ]
    became = (
        Became("run-1", "executed", "", "done"),
        Became("run-2", "denied", "mandate_spent", "the budget is spent"),
        Became("run-3", "executing", "", ""),
    )
    shown = outcomes_of(outcomes, became=became)
    assert [(one.run.run_id, one.badge.text, one.badge.tone) for one in shown] == [
        ("run-2", "Denied", "bad"),
        ("run-1", "Executed", "good"),
        ("run-3", "Counted", "good"),
    ]
    assert shown[0].words == "It counted, and then: the budget is spent (mandate_spent)"


def test_every_kind_of_entry_can_be_chosen() -> None:
    assert {code for _, some in KIND_GROUPS for code, _ in some} == RECORD_KINDS


def test_a_check_says_what_it_verified_and_what_it_did_not() -> None:
    part = VerifiedPart(first=41, last=1040, root="f" * 64, signed=True)
    whole = checked_of(part, "")
    assert whole.ok
    assert "1000 entries, number 41 to 1040" in whole.verified[0]
    assert any("40 older" in text for text in whole.unverified)
    unsigned = checked_of(dataclasses.replace(part, first=1, signed=False), "no key is known")
    assert any("no key is known" in text for text in unsigned.unverified)
    assert not any("signed with" in text for text in unsigned.verified)
    assert checked_of(None, "").ok is None
    broken = failed_check(GovernanceError("the log is broken: entry 7 is gone", code="audit_broken"))
    assert (broken.ok, broken.verified) == (False, ())


def test_a_verdict_with_a_fault_says_nothing_of_signatures() -> None:
    judged = Judged("run-1", "executed", 28, None, ("approve by anna",), (), ("note",))
    assert verdict_of(judged).badge.text == "Holds"
    assert verdict_of(judged).signed == ("approve by anna",)
    bad = verdict_of(dataclasses.replace(judged, faults=(HOSTILE,)))
    assert (bad.badge.tone, bad.signed) == ("bad", ())
    assert "\x1b" not in bad.faults[0]

"""What pages show, made from messages alone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from placet.contracts.audit import GENESIS, AuditEvent
from placet.contracts.billing import Balance, Bill, Evidence, HeldProduct, Usage
from placet.contracts.customer import CustomerProfile, named
from placet.contracts.money import LARGEST_MINOR, Money, parse_money
from placet.contracts.proposal import AdjustBalance, Candidate, OrderProduct, Proposal, Reason
from placet.contracts.run import END_STATES, RUN_STATES, RunState
from placet.interfaces.console.parts import Diagnosed, Remembered
from placet.interfaces.console.rendering import distance, foreign
from placet.interfaces.console.views.asking import commands_for, outcome_of
from placet.interfaces.console.views.change import UNREAD, Difference, change_of, options_of
from placet.interfaces.console.views.common import badge_of, roles_in_words
from placet.interfaces.console.views.evidence import evidence_of
from placet.interfaces.console.views.models import attempts_of
from placet.interfaces.console.views.timeline import MOST_LINES, timeline

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RUN = "run-" + "0" * 20
LARGEST = Money(amount_minor=LARGEST_MINOR, currency="EUR")
HELD = HeldProduct(
    product_id="P-1",
    offering_id="PO-1",
    name="Fiber \u202e500",
    status="active",
    monthly_price=parse_money("30.00 EUR"),
)


def event(kind: str, number: int = 1, **body: Any) -> AuditEvent:
    return AuditEvent(
        stream=RUN,
        seq=number,
        tenant="demo",
        run_id=RUN,
        kind=kind,
        actor="worker",
        at=NOW,
        step_key=kind,
        body=body,
        prev_hash=GENESIS,
        hash="a" * 64,
    )


def evidence(**parts: Any) -> Evidence:
    profile = CustomerProfile(
        customer_id="C1", status="active", tenure_months=25, facts=named({"contract": "month_to_month"})
    )
    return Evidence(customer=profile, read_at=NOW, **parts)


def proposal(mutation: AdjustBalance | OrderProduct) -> Proposal:
    return Proposal(
        run_id=RUN,
        tenant="demo",
        customer_id="C1",
        agent="retention",
        triggered_by="olga",
        treatment="credit",
        mutation=mutation,
        cost=parse_money("5.00 EUR"),
        expected_value_minor=1240,
        candidates=(),
        preconditions=(),
        evidence="b" * 64,
        assessment="c" * 64,
    )


def credit(amount: str, direction: Any = "credit") -> AdjustBalance:
    return AdjustBalance(
        customer_id="C1",
        bucket_id="B1",
        bucket_name="Main",
        direction=direction,
        amount=parse_money(amount),
        reason="x",
    )


def balance(amount: str) -> Balance:
    return Balance(bucket_id="B1", name="Main", status="active", remaining=parse_money(amount))


@pytest.mark.parametrize(
    ("mutation", "held", "expected"),
    [
        (credit("5.00 EUR"), balance("12.00 EUR"), Difference("Balance Main", "12.00 EUR", "17.00 EUR")),
        (credit("5.00 EUR", "debit"), balance("2.00 EUR"), Difference("Balance Main", "2.00 EUR", "-3.00 EUR")),
        (
            credit("5.00 EUR"),
            balance("12.00 EUR").model_copy(update={"remaining": LARGEST}),
            Difference("Balance Main", str(LARGEST), "beyond every amount"),
        ),
        (credit("5.00 EUR"), balance("12.00 USD"), Difference("Balance Main", UNREAD, "+5.00 EUR")),
        (credit("5.00 EUR"), None, Difference("Balance Main", UNREAD, "+5.00 EUR")),
    ],
)
def test_a_balance_before_and_after_is_exact_or_not_said(
    mutation: AdjustBalance, held: Balance | None, expected: Difference
) -> None:
    read = None if held is None else evidence(balances=(held,))
    change = change_of(proposal(mutation), read)
    assert change.differences == (expected,)
    assert change.price == proposal(mutation).price
    assert change.worth == "expected to keep 17.40 EUR of margin, 12.40 EUR more than it costs"


def test_a_product_before_and_after_is_named_without_anything_unseen() -> None:
    moved = OrderProduct(customer_id="C1", action="modify", offering_id="PO-2", offering_name="Saver", product_id="P-1")
    found = change_of(proposal(moved), evidence(products=(HELD,))).differences
    assert found == (
        Difference("Product", "Fiber «U+202E»500", "Saver"),
        Difference("Monthly price", "30.00 EUR", "as the catalogue says"),
    )
    ended = moved.model_copy(update={"action": "delete", "product_name": "Fiber"})
    assert change_of(proposal(ended), None).differences == (Difference("Product", "Fiber", "ended"),)


def test_the_pick_comes_first_and_what_was_ruled_out_last() -> None:
    def candidate(name: str, *, eligible: bool, value: int | None = 100) -> Candidate:
        against = () if eligible else (Reason(code="too_new", detail="has been with us 2 months"),)
        return Candidate(
            treatment=name, eligible=eligible, expected_value_minor=value, cost_minor=500, reasons_against=against
        )

    weighed = (candidate("a", eligible=False), candidate("b", eligible=True, value=None), candidate("c", eligible=True))
    shown = options_of(weighed, "c", "EUR")
    assert [(one.code, one.picked, one.eligible) for one in shown] == [
        ("c", True, True),
        ("b", False, True),
        ("a", False, False),
    ]
    assert [one.value for one in shown] == ["1.00 EUR", "not computed", "1.00 EUR"]
    assert shown[2].cons == ("has been with us 2 months",)


@pytest.mark.parametrize("state", RUN_STATES)
def test_every_state_has_words_and_its_steps_fit_it(state: RunState) -> None:
    kinds = ["run.requested", "run.started", "analyse.completed", "query_billing.completed", "propose.completed"]
    reached = {"analysing": 2, "querying": 3, "proposing": 4}.get(state, 5)
    events = [event(kind, number) for number, kind in enumerate(kinds[:reached], 1)]
    found = [step.progress for step in timeline(state, events)]
    assert badge_of(state).text
    expected = {
        "analysing": ["under way", "not reached", "not reached", "not reached"],
        "querying": ["done", "under way", "not reached", "not reached"],
        "proposing": ["done", "done", "under way", "not reached"],
        "awaiting_decision": ["done", "done", "done", "waits for people"],
        "unknown_outcome": ["done", "done", "done", "waits for people"],
        "executing": ["done", "done", "done", "under way"],
        "executed": ["done"] * 4,
        "no_action": ["done", "done", "done", "not reached"],
    }
    assert found == expected.get(state, ["done", "done", "done", "stopped"])


def test_a_run_that_failed_early_says_where() -> None:
    events = [event("run.requested", 1), event("run.started", 2), event("run.ended", 3, state="failed")]
    steps = timeline("failed", events)
    assert [step.progress for step in steps] == ["stopped", "not reached", "not reached", "not reached"]
    assert [line.kind for line in steps[0].lines] == ["run.requested", "run.started", "run.ended"]


def test_bills_of_each_currency_and_usage_of_each_kind_are_a_chart_of_their_own() -> None:
    def bill(day: date, amount: str) -> Bill:
        money = parse_money(amount)
        due = Money(amount_minor=0, currency=money.currency)
        return Bill(bill_id=str(day), issued_on=day, amount=money, amount_due=due, state="settled")

    kept = evidence(
        bills=(
            bill(date(2026, 2, 1), "20.50 EUR"),
            bill(date(2026, 1, 1), "10.00 EUR"),
            bill(date(2026, 1, 1), "7 JPY"),
        ),
        usage=(Usage(usage_id="1", kind="data", month="2026-01", quantity=900, unit="MB", simulated=True),),
        products=(HELD,),
    )
    shown = evidence_of(kept)
    assert [(one.title, one.unit, [(p.label, p.shown, p.height) for p in one.points]) for one in shown.charts] == [
        ("Bills", "EUR", [("2026-01", "10.00 EUR", "10.00"), ("2026-02", "20.50 EUR", "20.50")]),
        ("Bills", "JPY", [("2026-01", "7 JPY", "7")]),
        ("Usage: data", "MB", [("2026-01", "900 MB", "900")]),
    ]
    assert shown.simulated
    assert ("With the operator for", "2 years and 1 month") in shown.customer
    assert ("Contract", "month to month") in shown.customer
    assert shown.products == (("“Fiber «U+202E»500”", "active, 30.00 EUR a month"),)


def test_what_a_model_used_is_told_in_words_and_what_is_no_use_of_one_is_left_out() -> None:
    use = {
        "task": "analyse",
        "model": "local",
        "route": "openai/x",
        "perimeter": "inside",
        "outcome": "timeout",
        "prompt_tokens": 7,
        "completion_tokens": 1,
        "cost_microusd": 2500,
        "latency_ms": 1500,
        "prompt_sha256": "d" * 64,
    }
    (attempt,) = attempts_of([event("analyse.completed", model_use=[use, "nothing", {"task": 1}]), event("run.ended")])
    assert (attempt.outcome, attempt.tokens, attempt.cost, attempt.seconds) == (
        "did not answer in time",
        "7 read, 1 written",
        "0.0025 USD",
        "1.5 s",
    )


@pytest.mark.parametrize("state", RUN_STATES)
def test_a_command_is_shown_only_where_something_is_asked(state: RunState) -> None:
    commands = [one.text for one in commands_for(RUN, state)]
    assert all(RUN in text for text in commands)
    assert bool(commands) == (state in ("awaiting_decision", "unknown_outcome"))
    assert not (commands and state in END_STATES)


def test_what_became_of_an_envelope_is_what_the_record_says() -> None:
    refused = event("approve.refused", envelope="e" * 64, code="late", detail="it came too late")
    assert outcome_of("e" * 64, [refused]).accepted is False
    assert "late" in outcome_of("e" * 64, [refused]).words
    counted = event("approve.decided", envelope="f" * 64, verdict="approve", roles=["retention_lead"])
    assert outcome_of("f" * 64, [refused, counted]).accepted is True
    assert outcome_of("0" * 64, [refused, counted]).accepted is None


def test_an_envelope_that_a_halt_refused_and_that_was_accepted_later_is_accepted() -> None:
    halted, stale = (
        event("approve.refused", envelope="f" * 64, code=code, detail=f"it was {code}") for code in ("halted", "stale")
    )
    counted = event("approve.decided", envelope="f" * 64, verdict="approve", roles=["retention_lead"])
    assert outcome_of("f" * 64, [halted, counted]).accepted is True
    assert "it was stale" in outcome_of("f" * 64, [halted, stale]).words


@pytest.mark.parametrize(
    ("away", "said"),
    [
        (timedelta(seconds=30), "now"),
        (timedelta(minutes=1), "in 1 minute"),
        (-timedelta(minutes=119), "1 hour ago"),
        (timedelta(hours=47), "in 47 hours"),
        (timedelta(hours=48), "in 2 days"),
        (timedelta(hours=71, minutes=58), "in 2 days 23 hours"),
        (timedelta(days=9, hours=5), "in 9 days"),
        (-timedelta(days=3), "3 days ago"),
    ],
)
def test_a_distance_in_time_is_never_said_to_be_more_than_it_is(away: timedelta, said: str) -> None:
    assert distance(NOW + away, NOW) == said


def test_a_foreign_document_is_bounded_and_shows_what_cannot_be_seen() -> None:
    assert foreign("a\u202eb\n<script>") == "a«U+202E»b\n<script>"
    assert foreign("x\n" * 500).endswith("… 101 more lines")


def test_roles_are_words() -> None:
    assert roles_in_words(("retention_lead", "care_manager")) == "retention lead or care manager"


def test_a_diagnosis_is_made_once_in_a_while() -> None:
    now, made = [0.0], list[int]()

    def diagnose() -> tuple[Diagnosed, ...]:
        made.append(1)
        return (Diagnosed("ok", "python", str(len(made))),)

    remembered = Remembered(diagnose, seconds=30, clock=lambda: now[0])
    assert remembered() == remembered()
    with remembered._making:
        assert remembered()[0].detail == "it is being made; load the page again"
    now[0] = 31.0
    assert remembered()[0].detail == "2"


def test_a_step_shows_its_newest_entries_and_says_how_many_are_left_out() -> None:
    events = [event("approve.refused", number, code="x") for number in range(1, MOST_LINES + 4)]
    last = timeline("awaiting_decision", events)[3]
    assert (len(last.lines), last.left_out, last.lines[-1].number) == (MOST_LINES, 3, MOST_LINES + 3)


def test_however_often_a_run_is_shared_its_own_steps_are_shown() -> None:
    own = ["approve.opened", "approve.decided", "execute.sending", "execute.settled"]
    events = [event(kind, number) for number, kind in enumerate(own, 1)]
    events += [event("walkthrough.shared", number) for number in range(5, MOST_LINES + 50)]
    last = timeline("executed", events)[3]
    assert [line.kind for line in last.lines if not line.kind.startswith("walkthrough")] == own
    assert (len(last.lines), last.left_out) == (MOST_LINES, 49)
    assert last.lines[-1].number == MOST_LINES + 49

"""A walkthrough is told of any run in any state, also of a damaged record, and holds nothing private."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from placet.contracts.audit import RECORD_KINDS, AuditEvent
from placet.contracts.customer import DeclaredFact
from placet.contracts.money import Money
from placet.contracts.proposal import Candidate, Proposal
from placet.contracts.run import RUN_STATES, RunState
from placet.interfaces.console.views.common import in_ten, pictured
from placet.interfaces.console.views.walkthrough.redaction import Offered, Redacted, Seen, redact, shares
from placet.interfaces.console.views.walkthrough.story import tell
from tests.unit.support import a_gate

HOSTILE = "<script>alert(1)</script> C00009 +12025550143"


def event(kind: str, **body: Any) -> AuditEvent:
    return AuditEvent(
        stream="run-00000000000000000000",
        seq=1,
        tenant="demo",
        run_id=None,
        kind=kind,
        actor="olga",
        at=datetime(2026, 3, 1, tzinfo=UTC),
        step_key=kind,
        body=body,
        prev_hash="0" * 64,
        hash="1" * 64,
    )


@pytest.mark.parametrize("state", RUN_STATES)
def test_every_state_has_a_story(state: RunState) -> None:
    told = tell(redact(state, [], None, None, (), names=False), names=False, verified=True)
    assert told.lead
    assert [step.number for step in told.steps] == [1, 2]


def test_bodies_that_are_not_what_their_kind_has_show_nothing_of_themselves() -> None:
    fields_of_bodies = "risk operations calls candidates gate verdict roles receipt model_use"
    odd = dict.fromkeys(fields_of_bodies.split(), HOSTILE)
    odd_lists = {name: [HOSTILE, {"route": HOSTILE, "api": HOSTILE}] for name in odd}
    for bodies in (odd, odd_lists, {"receipt": {"api": HOSTILE, "confirmed_by": HOSTILE}}):
        events = [event(kind, **bodies) for kind in sorted(RECORD_KINDS)]
        for names in (True, False):
            told = tell(redact("executed", events, None, None, (), names=names), names=names, verified=False)
            assert "alert" not in repr(told)
            assert "C00009" not in repr(told)
            assert "olga" not in repr(told)


def test_an_approval_of_what_was_changed_afterwards_is_not_told_as_one_of_the_change() -> None:
    roles = {"roles": ["retention_lead"]}
    events = [
        event("approve.decided", envelope="a" * 64, verdict="approve", **roles),
        event("approve.amended", void=["a" * 64]),
        event("approve.decided", envelope="b" * 64, verdict="amend", **roles),
    ]
    told = redact("executed", events, None, None, (), names=False)
    assert [one.verdict for one in told.decided] == ["amend"]


def test_what_is_told_has_no_place_for_an_identifier_or_a_text_of_others() -> None:
    of_the_run, of_the_customer = {one.name for one in fields(Redacted)}, {one.name for one in fields(Seen)}
    private = {"run_id", "customer_id", "customer", "rationale", "reason", "summary", "target", "external_id", "text"}
    assert (of_the_run | of_the_customer) & private == set()


def test_a_fact_is_told_only_where_its_words_are_a_closed_list() -> None:
    contract = DeclaredFact(name="contract", one_of=("one_year", "two_year"))
    evidence = cast("Any", _Evidence())
    told = redact("executed", [], None, evidence, (contract, DeclaredFact(name="payment_method")), names=False)
    assert told.seen is not None
    assert told.seen.traits == (("contract", "one_year"),)
    assert told.seen.tenure == "two to four years"


class _Evidence:
    """What billing showed of a customer, as far as it is looked at."""

    class customer:  # noqa: N801 - stands for a field
        tenure_months = 30
        facts = (
            type("Fact", (), {"name": "contract", "value": "one_year"}),
            type("Fact", (), {"name": "payment_method", "value": HOSTILE}),
        )

    bills = usage = balances = products = ()
    history = state = None


def test_figures_become_shares_and_rates_pictures() -> None:
    assert shares([50, 100, 25]) == (50, 100, 25)
    assert shares([]) == shares([0]) == ()
    assert shares([-5, 10]) == (0, 100)
    assert [in_ten(rate) for rate in (0, 4, 5, 44, 95, 100)] == [
        "fewer than 1 in 10",
        "fewer than 1 in 10",
        "about 1 in 10",
        "about 4 in 10",
        "about 10 in 10",
        "about 10 in 10",
    ]
    assert pictured("44 % of customers like this one leave") == "about 4 in 10 customers like this one leave (44 %)"
    assert pictured("less than 1 % of customers like this one leave").startswith("fewer than 1 in 10")
    assert pictured("has been with us 28 months") == "has been with us 28 months"


_OFFERED: dict[str, Any] = {
    "mutation": SimpleNamespace(action="add", takes_from_customer=False),
    "cost": None,
    "facts": (),
}


def said_in(told: Redacted, title: str) -> str:
    steps = tell(told, names=False, verified=True).steps
    return " ".join(next(step.said for step in steps if title in step.title))


def test_what_the_agent_proposed_and_what_became_of_it_are_told_apart() -> None:
    credit = Offered("credit", Money(amount_minor=950, currency="USD"), takes=False)
    less = Offered("credit", Money(amount_minor=400, currency="USD"), takes=False)
    gate = a_gate()
    events = [event("propose.completed"), event("approve.opened", gate=gate.model_dump(mode="json"))]
    plain = replace(redact("executed", events, None, None, (), names=False), first=credit, last=credit)
    assert "It costs 9.50 USD." in said_in(plain, "proposed at most one")
    assert "became" not in said_in(plain, "waited for people")
    events.append(event("approve.amended", gate=gate.model_dump(mode="json")))
    amended = replace(redact("executed", events, None, None, (), names=False), first=credit, last=less)
    assert "It costs 9.50 USD." in said_in(amended, "proposed at most one")
    assert "What was changed became a credit to the customer's balance. It costs 4.00 USD." in said_in(
        amended, "waited for people"
    )


@pytest.mark.parametrize(("reverses", "title"), [(False, "proposed at most one"), (True, "proposed to take")])
def test_what_was_proposed_and_cannot_be_read_is_not_told_as_nothing(reverses: bool, title: str) -> None:
    requested = event("run.requested", reverses="run-1" if reverses else None)
    gone = redact("rejected", [requested, event("propose.completed", proposal="a" * 64)], None, None, (), names=False)
    assert said_in(gone, title) == "What it proposed cannot be read any more."
    nothing = redact("no_action", [requested, event("propose.completed")], None, None, (), names=False)
    assert said_in(nothing, title).startswith("It proposed nothing")


def test_of_an_amended_proposal_the_agent_s_own_choice_is_marked() -> None:
    def choosing(treatment: str) -> Proposal:
        candidates = tuple(
            Candidate(treatment=one, eligible=True, expected_value_minor=value, cost_minor=0)
            for one, value in (("goodwill_credit", 900), ("data_bundle", 500))
        )
        return cast("Proposal", SimpleNamespace(treatment=treatment, candidates=candidates, **_OFFERED))

    def marked(first: Proposal | None) -> list[str]:
        events = [event("propose.completed", proposal="a" * 64), event("approve.amended")]
        told = redact("executed", events, choosing("data_bundle"), None, (), names=False, first=first)
        return [one.code for one in told.weighed if one.picked]

    assert marked(choosing("goodwill_credit")) == ["goodwill_credit"]
    assert marked(None) == []


@pytest.mark.parametrize(
    ("reads", "said"),
    [
        (["balances"], "They hold 0 balances."),
        (["products", "balances"], "They hold 0 products and 0 balances."),
        ([], ""),
    ],
)
def test_of_what_was_not_read_nothing_is_said(reads: list[str], said: str) -> None:
    events = [event("query_billing.completed", operations=reads)]
    told = redact("executed", events, None, cast("Any", _Evidence()), (), names=False)
    found = said_in(told, "It read billing")
    assert said in found
    assert ("They hold" in found) is bool(said)


def test_a_run_that_failed_says_where_and_by_which_code() -> None:
    events = [event("analyse.completed"), event("run.ended", code="billing_unavailable", detail=HOSTILE)]
    told = redact("failed", events, None, None, (), names=False)
    assert said_in(told, "ended before") == (
        "It was ended by a fault while it read billing. The reason on the record is “billing unavailable”."
    )
    odd = redact("cancelled", [event("run.ended", code=HOSTILE)], None, None, (), names=False)
    assert said_in(odd, "ended before") == "It was called off while it looked at the customer's history."

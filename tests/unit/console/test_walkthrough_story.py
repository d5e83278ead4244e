"""A walkthrough is told of any run in any state, also of a damaged record, and holds nothing private."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from placet.contracts.audit import RECORD_KINDS, AuditEvent
from placet.contracts.customer import DeclaredFact
from placet.contracts.run import RUN_STATES, RunState
from placet.interfaces.console.views.common import in_ten, pictured
from placet.interfaces.console.views.walkthrough.redaction import Redacted, Seen, redact, shares
from placet.interfaces.console.views.walkthrough.story import tell

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

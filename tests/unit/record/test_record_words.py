"""What the record's entries say to a person: nothing that is not so, and which rule denied or who asked and why."""

from datetime import UTC, datetime
from typing import Any

import pytest

from placet.contracts.audit import AFTER_THE_END, RECORD_KINDS, AuditEvent
from placet.interfaces import record_words
from placet.interfaces.record_words import in_words, who


def entry(kind: str, actor: str = "worker", **body: Any) -> AuditEvent:
    return AuditEvent(
        stream="run-00000000000000000001",
        seq=1,
        tenant="demo",
        run_id="run-00000000000000000001",
        kind=kind,
        actor=actor,
        at=datetime(2026, 3, 1, tzinfo=UTC),
        step_key=kind,
        body=body,
        prev_hash="0" * 64,
        hash="1" * 64,
    )


def told(kind: str, actor: str = "worker", **body: Any) -> str:
    return in_words(entry(kind, actor, **body))


CONTROL = {"run_id": "run-1", "flaw": "too_much"}
NOTICE = {"recipient": "anna", "channel": "mail", "occasion": "asked", "detail": "no"}
REFUSED = {"document": "ab" * 32, "detail": "not you"}
FAILED = {"state": "executed", "code": "forged", "detail": "x"}


def test_every_kind_of_entry_has_its_words() -> None:
    assert set(record_words._TELLERS) == RECORD_KINDS
    assert RECORD_KINDS >= AFTER_THE_END


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("control.seeded", CONTROL, "planted a control in run-1, to see whether"),
        (
            "control.caught",
            {"run_id": "run-1", "flaw": "too_much"},
            "the control in run-1 (too much) was CAUGHT: a person",
        ),
        (
            "control.missed",
            {"run_id": "run-1", "flaw": "too_much"},
            "the control in run-1 (too much) was MISSED: a person",
        ),
        (
            "control.undecided",
            {"run_id": "run-1", "flaw": "ineligible"},
            "the control in run-1 (ineligible) ended before",
        ),
        (
            "notice.failed",
            {"recipient": "anna", "channel": "mail", "occasion": "asked", "detail": "no"},
            "could not tell anna",
        ),
        (
            "notice.delivered",
            {"recipient": "anna", "channel": "mail", "occasion": "asked"},
            "told anna over mail (asked)",
        ),
        (
            "halt.lift_refused",
            {"document": "ab" * 32, "detail": "not you"},
            "refused to lift a halt: document abababababababab",
        ),
        ("key.refused", REFUSED, "REFUSED key abababababababab: “not you”"),
        (
            "key.refused",
            {**REFUSED, "signer": "root"},
            "REFUSED key abababababababab that root signed: “not you”",
        ),
        (
            "halt.lift_refused",
            {**REFUSED, "signer": None},
            "refused to lift a halt: document abababababababab that no good key signed does not count: “not you”",
        ),
        ("plugin.violation", {"detail": "GET /x"}, "was stopped: it tried what its allowlist does not have: “GET /x”"),
        (
            "run.end_refused",
            {"state": "executed", "code": "forged", "detail": "x"},
            "the end executed was REFUSED, the run",
        ),
        (
            "run.follow_up_failed",
            {"code": "damaged", "detail": "x"},
            "the end stands, but what follows from it could not",
        ),
        (
            "record.restored",
            {"backup": "ab" * 32, "made_at": "2026-03-01T10:00:00+00:00", "entries": 7},
            "RESTORED the record, 7 entries, from backup abababababababab of 2026-03-01 10:00",
        ),
    ],
)
def test_what_concerns_the_tenant_and_what_went_wrong_is_a_sentence(kind: str, body: dict[str, Any], said: str) -> None:
    assert told(kind, **body).startswith(said)


def test_why_each_mandate_cleared_nothing_is_told_and_of_many_how_many_more_there_are() -> None:
    one = {"mandate_id": "m", "name": "spring", "code": "mandate_kind", "detail": "it does not clear an adjust_balance"}
    two = {"mandate_id": "n", "name": "vip", "code": "mandate_spent", "detail": "its budget has no room"}
    assert told("mandate.passed_over", mandates=2, reasons=[one, two]) == (
        "looked at 2 mandates: none clears it; spring: “it does not clear an adjust_balance”; "
        "vip: “its budget has no room”"
    )
    many = told("mandate.passed_over", mandates=30, reasons=[{**one, "detail": "x" * 200}] * 20)
    assert many.count("spring: “") == 2
    assert many.endswith("”; and 28 more")
    unread = {"code": "mandate_unassessed", "detail": "the customer's facts are gone"}
    assert told("mandate.passed_over", mandates=1, reasons=[unread]) == (
        "looked for a mandate, and none could be judged: “the customer's facts are gone”"
    )
    assert told("mandate.passed_over", mandates=3) == "looked at 3 mandates: none clears it"


@pytest.mark.parametrize(
    ("signer", "shown", "said"),
    [
        ({}, "unverified", "a decision was REFUSED and does not count (late)"),
        ({"signer": None}, "unverified", "a decision that no good key signed was REFUSED and does not count (late)"),
        ({"signer": "anna"}, "signed by anna", "a decision that anna signed was REFUSED and does not count (late)"),
    ],
)
def test_a_refused_decision_of_a_good_key_is_told_from_one_that_nobody_signed(
    signer: dict[str, Any], shown: str, said: str
) -> None:
    refused = entry("approve.refused", "unverified", code="late", **signer)
    assert (who(refused), in_words(refused)) == (shown, said)
    # Nobody else's entry is shown as somebody's by what its body says.
    assert who(entry("approve.decided", "ben", signer="anna")) == "ben"


@pytest.mark.parametrize(
    ("used", "said"),
    [([], "no model was asked; risk high"), ([{"model": "local"}], "found risk high with model local")],
)
def test_what_asked_no_model_claims_none(used: list[dict[str, str]], said: str) -> None:
    queries = [{"operation": "balances"}]
    assert told("analyse.completed", model_use=used, risk="high", queries=queries) == f"{said}; wants to read balances"


@pytest.mark.parametrize(
    ("policies", "reason", "said"),
    [
        ([], "no policy permits it", "DENIED: “no policy permits it”"),
        (
            ["four-eyes"],
            "forbidden: Who asks decides not.",
            "DENIED by policy four-eyes: “forbidden: Who asks decides not.”",
        ),
    ],
)
def test_a_denial_names_the_rule_that_denied(policies: list[str], reason: str, said: str) -> None:
    assert told("approve.opened", "policy", gate={"verdict": "denied", "policies": policies, "reason": reason}) == said


def test_a_cancellation_says_why_where_somebody_said_so() -> None:
    asked = "asked for the end of the run while it was awaiting decision"
    assert told("run.cancel_requested", "olga", state="awaiting_decision") == asked
    why = told("run.cancel_requested", "olga", state="awaiting_decision", reason="asked for twice")
    assert why == f"{asked}; olga wrote: “asked for twice”"


def test_one_of_anything_is_singular() -> None:
    assert told("query_billing.completed", operations=["bills"], calls=[{}]) == (
        "read bills in 1 request to the billing system"
    )
    erased: dict[str, Any] = {"class": "proposal", "count": 1, "days": 1, "list": "a" * 64}
    assert told("retention.applied", "dana", **erased) == (
        f"ERASED 1 proposal of runs over for 1 day or more, listed in {'a' * 16}"
    )


def test_the_policies_in_force_are_named_by_their_digest() -> None:
    known = {"agent": "retention", "policy_set": "d" * 64}
    assert told("policy.in_force", policies=9, **known) == (
        f"policy set {'d' * 16}, of 9 policies, is in force for agent retention"
    )
    assert told("policy.kept", detail="the file is faulty", **known) == (
        f"policy set {'d' * 16} still answers for agent retention: “the file is faulty”"
    )

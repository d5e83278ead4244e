"""What people are told of a strategy: one line and a text in plain words, which decide nothing and name no customer."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from placet.contracts.notification import Notification, StrategyOccasion
from placet.contracts.strategies.rollout import Measure
from placet.gate.strategies.telling import due
from placet.notify.mail import mail_of
from placet.notify.notices import NOTHING_DECIDES, message_id
from placet.notify.strategy_notices import StrategyTold, subject_of, text_of, why_in_words
from placet.notify.webhook import body_of
from tests.unit.support import NOW

OCCASIONS: tuple[StrategyOccasion, ...] = get_args(StrategyOccasion)
VERSION = "a1b2" * 16
UNTIL = datetime(2027, 3, 1, 6, tzinfo=UTC)


def told(**changes: Any) -> StrategyTold:
    known: dict[str, Any] = {
        "tenant": "demo",
        "name": "keep_at_risk",
        "version": VERSION,
        "until": UNTIL,
        "reached": 1_000,
        "treated": 1_210,
        "started": 1_204,
        "look": 14,
        "seen": (("complaints", "pass"),),
    }
    return StrategyTold(**{**known, **changes})


def notification(**changes: Any) -> Notification:
    fields: dict[str, Any] = {
        "notification_id": 7,
        "tenant": "demo",
        "run_id": None,
        "proposal": None,
        "strategy": "keep_at_risk",
        "version": VERSION,
        "occurrence": "move.1",
        "occasion": "stage_asked",
        "channel": "email",
        "recipient": "heads@operator.example",
        "role": "retention_head",
        "subject": "a subject",
        "text": "a text\n",
        "created_at": NOW,
        "status": "waiting",
        "attempts": 1,
        "next_attempt_at": NOW,
        "delivered_at": None,
        "detail": "",
    }
    return Notification(**{**fields, **changes})


def test_a_stage_that_is_asked_for_says_what_happened_how_far_it_reaches_and_how_to_sign() -> None:
    asked = told(to=2_500)
    assert subject_of(asked, "stage_asked") == (
        "Placet demo: next stage asked: keep_at_risk to 25 % (version a1b2a1b2a1b2a1b2)"
    )
    assert (
        text_of(asked, "stage_asked", "retention_head", "https://placet.operator.example")
        == f"""\
All guard rails of strategy keep_at_risk passed. Its next stage is asked of
you as retention head. Until it is signed, it reaches no more customers than
now.

strategy   keep_at_risk, version a1b2a1b2a1b2a1b2
tenant     demo
reaches    10 % of its cohort; 1,204 of 1,210 customers have a run
next       25 % of its cohort
look       14: complaints pass
until      2027-03-01 06:00:00Z, the end of its term

  placet rollout show keep_at_risk
  placet rollout promote keep_at_risk --as YOUR-NAME
  https://placet.operator.example/rollouts/{VERSION}

This message decides nothing, nor does an answer to it or a visit to an
address in it: only a decision signed with an enrolled key counts.
"""
    )


def test_a_hold_says_which_guard_rail_failed_or_who_paused_it() -> None:
    failed = text_of(told(why=("complaints.fail",), back=True), "rollout_held", "retention_head", "")
    assert "guard rail complaints failed at look 14, and it was taken back by one stage." in " ".join(failed.split())
    assert "placet rollout resume keep_at_risk --as YOUR-NAME" in failed
    paused = text_of(told(by="olga"), "rollout_held", "retention_head", "")
    assert "olga paused it." in " ".join(paused.split())


def test_a_reminder_says_since_when_and_asks_the_same() -> None:
    again = told(to=2_500, since=NOW, again="stage_asked")
    said = text_of(again, "rollout_reminded", "retention_head", "")
    assert said.startswith("What you were told of at 2026-03-01 12:00:00Z is still open. All guard rails")
    assert "placet rollout promote keep_at_risk --as YOUR-NAME" in said
    assert subject_of(again, "rollout_reminded").startswith("Placet demo: reminder, still open: keep_at_risk")


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (("complaints.inconclusive",), "nobody can say yet whether complaints stayed within the margin"),
        (("churn.members_altered", "complaints.members_altered"), "the customers who take part are not those"),
        (("spend.sample_ratio_mismatch",), "not as large as they were planned (spend)"),
        (("budget_spent",), "its budget is spent"),
        (("wallet_use.something_new",), "there is no data of wallet use (something new)"),
    ],
)
def test_why_it_waits_is_said_in_words(codes: tuple[str, ...], said: str) -> None:
    assert said in why_in_words(codes)
    assert ";" not in why_in_words(codes)


@pytest.mark.parametrize("occasion", OCCASIONS)
def test_the_longest_names_still_make_one_subject_line_and_a_text_that_is_kept_whole(
    occasion: StrategyOccasion,
) -> None:
    name, rails = "s" * 48, tuple(f"{one}.sample_ratio_mismatch" for one in get_args(Measure))
    longest = told(
        tenant="t" * 31,
        name=name,
        to=9_999,
        treated=10**9,
        started=10**9,
        why=rails,
        seen=tuple((one, "inconclusive") for one in get_args(Measure)) * 2,
        by="p" * 120,
        signed_by="p" * 64,
        since=NOW,
        again="rollout_waits",
    )
    kept = notification(
        subject=subject_of(longest, occasion),
        text=text_of(longest, occasion, "r" * 48, "https://" + "c" * 480),
        occasion=occasion,
    )
    assert "\n" not in kept.subject
    assert kept.text.endswith(f"{NOTHING_DECIDES}\n")
    assert mail_of(kept, "placet@operator.example")["Subject"] == kept.subject


def test_a_webhook_names_the_strategy_its_version_and_which_occurrence() -> None:
    assert body_of(notification()).decode() == (
        '{"data":{"occasion":"stage_asked","occurrence":"move.1","proposal":null,"role":"retention_head",'
        '"run_id":null,"strategy":"keep_at_risk","subject":"a subject","tenant":"demo","text":"a text\\n",'
        '"version":"' + VERSION + '"},"timestamp":"2026-03-01T12:00:00+00:00","type":"placet.notice.stage_asked"}'
    )


def test_another_occurrence_version_or_occasion_is_another_message() -> None:
    others = [
        notification(),
        notification(occurrence="move.2"),
        notification(version="b" * 64),
        notification(occasion="rollout_held"),
        notification(recipient="x@operator.example"),
    ]
    assert len({message_id(one) for one in others}) == len(others)


@pytest.mark.parametrize(
    "wrong",
    [
        {"run_id": "run-" + "0" * 20},
        {"version": None},
        {"strategy": None},
        {"occurrence": None},
        {"run_id": "run-" + "0" * 20, "strategy": None, "version": None},
    ],
)
def test_a_notice_is_about_a_run_or_about_an_occurrence_of_a_version(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="about a run, or about one occurrence"):
        notification(**wrong)


def test_reminders_come_after_a_day_three_days_a_week_and_then_every_week() -> None:
    days = {0: 0, 0.9: 0, 1: 1, 2.9: 1, 3: 2, 6.9: 2, 7: 3, 13.9: 3, 14: 4, 21: 5, 70: 12}
    assert {day: due(timedelta(days=day)) for day in days} == days
    assert due(timedelta(days=-1)) == 0

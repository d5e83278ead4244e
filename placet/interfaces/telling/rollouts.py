"""What the entries of rollouts say."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final

from placet.contracts.audit import AuditEvent, RecordKind
from placet.contracts.strategies.rolling import Velocity
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import WORDS, counted, one_line, spoken
from placet.interfaces.telling.parts import because, digest_of, moment_of, name_of, signer_of, words_of
from placet.notify.strategy_notices import why_in_words

if TYPE_CHECKING:
    from placet.service.rollouts.showing import ShownMove, ShownRollout

_A_MINUTE: Final = 60
_AN_HOUR: Final = 3_600


def early_in_words(found: "ShownRollout", now: datetime) -> str:
    """Say why nothing asks for the next stage yet: what whoever signs it all the same should know."""
    said = []
    counts, newest = found.counts, found.looks[0] if found.looks else None
    if counts.started < counts.treated:
        said.append(f"{counts.started:,} of {counted(counts.treated, 'customer')} of this stage have a run")
    if found.row.reached_at is not None:
        days = max((now - found.row.reached_at).days, 0)
        said.append(f"it was watched for {days} of {counted(found.hold_days, 'day')}")
    if newest is None:
        said.append("nobody has looked at its guard rails")
    elif newest.outcome != "passed":
        said.append(f"look {newest.number} did not pass")
    return f"nothing asks for the next stage yet: {', '.join(said) or 'its next look is not due'}"


def _of(event: AuditEvent) -> str:
    body = event.body
    return f"strategy {name_of(body['strategy'])} (version {digest_of(str(body['version']))})"


def _started(event: AuditEvent) -> str:
    return f"started the rollout of {_of(event)} on channel {name_of(event.body['channel'])}"


def _moved(event: AuditEvent) -> str:
    body = event.body
    if body.get("document") is None:
        return f"took the rollout of {_of(event)} BACK to stage {int(body['stage']) + 1}{because(event)}"
    if body.get("by") == "policy":
        return _promoted(event)
    return f"signed the rollout of {_of(event)} on to {share_in_words(int(body['to']))} of its cohort{because(event)}"


def _promoted(event: AuditEvent) -> str:
    body = event.body
    policies = ", ".join(name_of(one) for one in body["policies"])
    return (
        f"took the rollout of {_of(event)} on to {share_in_words(int(body['to']))} of its cohort: promoted by policy "
        f"{policies} of set {digest_of(str(body['policy_set']))}, which {name_of(body['signed_by'])} signed, "
        f"on look {int(body['look'])}"
    )


def _held(event: AuditEvent) -> str:
    back = "; what was given is to be taken back by the plan" if event.body.get("reverse") else ""
    return f"HELD the rollout of {_of(event)}{because(event)}{back}"


def _ended(event: AuditEvent) -> str:
    if event.body.get("how") == "completed":
        return f"the rollout of {_of(event)} is complete{because(event)}"
    return f"ENDED the rollout of {_of(event)} for good{because(event)}"


def _drawn(event: AuditEvent) -> str:
    body = event.body
    said = f"{counted(int(body['members']), 'customer')} in, {int(body['control']):,} of them in the control group"
    return (
        f"took down the cohort of {_of(event)} for stage {int(body['stage']) + 1}: {said} ({digest_of(body['digest'])})"
    )


def _looked(event: AuditEvent) -> str:
    body = event.body
    rails = ", ".join(f"{spoken(one['measure'])}: {spoken(one['verdict'])}" for one in body["rails"])
    reached = share_in_words(int(body["reached"]))
    return f"look {body['number']} at {_of(event)}, at {reached}: {rails or 'it has no guard rails'}"


def _asked(event: AuditEvent) -> str:
    to, looks = share_in_words(int(event.body["to"])), counted(int(event.body["looks"]), "look")
    return f"asks for {to} of the cohort of {_of(event)}: its guard rails passed, after {looks}"


def _waits(event: AuditEvent) -> str:
    why = why_in_words([name_of(one) for one in event.body["codes"]])
    return f"the rollout of {_of(event)} cannot go on by itself, and somebody should look at it: {why}"


def _reminded(event: AuditEvent) -> str:
    since = moment_of(str(event.body["since"]))
    return f"reminded people of {_of(event)} ({words_of(event.body['of'])}), open since {since}"


def _counted(event: AuditEvent) -> str:
    body = event.body
    members, days = counted(int(body["members"]), "customer"), int(body["days"])
    return f"counted what became of {members} of {_of(event)} in {days} days: batch {int(body['batch'])}"


def _reported(event: AuditEvent) -> str:
    body = event.body
    return f"reported what became of {_of(event)} in {int(body['days'])} days: report {digest_of(str(body['report']))}"


def _refused(event: AuditEvent) -> str:
    return f"an order to a rollout did not count{signer_of(event)}: {event.body['detail']}"


def _entered(event: AuditEvent) -> str:
    signal = event.body.get("signal_at")
    when = f" at {moment_of(str(signal))}" if signal else ""
    return f"came into {_of(event)} by what had happened{when}"


def _came(event: AuditEvent) -> str:
    body = event.body
    control = sum(1 for one in body["came"] if one["control"])
    said = f"{counted(int(body['members']), 'customer')} came in, {control:,} of them in the control group"
    return f"took down who comes into {_of(event)}: {said}"


def _passed_over(event: AuditEvent) -> str:
    body, whom = event.body, name_of(event.body["customer_id"])
    if body.get("why") == "treated":
        by, run = name_of(body["by_name"]), name_of(body["by_run"])
        return f"started no run of {_of(event)} for customer {whom}: they were treated by strategy {by} (run {run})"
    if body.get("why") != "outranked":
        return f"started NO run of {_of(event)} for customer {whom}: the draw does not treat them, whatever a row says"
    other = name_of(body["by_name"])
    return (
        f"started no run of {_of(event)} for customer {whom}: strategy {other} is worth more for them, "
        f"{name_of(body['by_worth'])} against {name_of(body['worth'])}"
    )


def move_in_words(move: "ShownMove") -> str:
    """Say on whose word a rollout went to another stage, and whether that still counts."""
    to = "the stage before" if move.to is None else f"{share_in_words(move.to)} of its cohort"
    if move.by == "guard_rails":
        said = f"{move.number}, taken back to {to}, since a guard rail failed"
    elif move.by == "person":
        said = f"{move.number}, to {to}: signed by {name_of(move.who)}"
    else:
        policies = ", ".join(name_of(one) for one in move.policies)
        said = (
            f"{move.number}, to {to}: promoted by policy {policies}, signed by {name_of(move.who)} "
            f"(set {digest_of(str(move.policy_set))}), on look {move.look}"
        )
    return said if move.counts else f"{said}; it COUNTS NO LONGER: {one_line(move.why_not, WORDS)}"


def velocity_in_words(found: Velocity) -> str:
    """Say how fast customers were reached who came in as something happened to them."""
    if found.run_ms is None or found.run_slow_ms is None:
        return "nobody who came in has a run yet"
    words = (
        f"run started {_lasting(found.run_ms)} after it happened for half of {counted(found.started, 'customer')}, "
        f"{_lasting(found.run_slow_ms)} for 9 in 10"
    )
    if found.effect_ms is not None and found.effect_slow_ms is not None:
        words += f"; executed {_lasting(found.effect_ms)} after for half of {found.executed:,}"
        words += f", {_lasting(found.effect_slow_ms)} for 9 in 10"
    return f"{words}; {found.passed_over:,} outranked or treated by another strategy" if found.passed_over else words


def _lasting(milliseconds: int) -> str:
    seconds = milliseconds / 1000
    if seconds < _A_MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _AN_HOUR:
        return f"{seconds / _A_MINUTE:.0f} min"
    return f"{seconds / _AN_HOUR:,.0f} h"


OF_ROLLOUTS: Final[Mapping[RecordKind, Callable[[AuditEvent], str]]] = {
    "rollout.started": _started,
    "rollout.moved": _moved,
    "rollout.held": _held,
    "rollout.resumed": lambda event: f"signed that the rollout of {_of(event)} goes on{because(event)}",
    "rollout.ended": _ended,
    "rollout.drawn": _drawn,
    "rollout.looked": _looked,
    "rollout.asked": _asked,
    "rollout.came": _came,
    "rollout.waits": _waits,
    "rollout.reminded": _reminded,
    "rollout.entered": _entered,
    "rollout.passed_over": _passed_over,
    "rollout.order_refused": _refused,
    "outcomes.counted": _counted,
    "outcomes.reported": _reported,
}

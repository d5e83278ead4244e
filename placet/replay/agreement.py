"""Whether a history agrees with what the workflow code makes of it, and is about one run throughout."""

import json
from typing import Any

from pydantic import BaseModel, ValidationError

from placet.contracts.run import RunRequest
from placet.contracts.text import WORDS, shortened
from placet.contracts.times import moment
from placet.engine.history import RunHistory, Scheduled
from placet.replay.case import Case, Faults, Version
from placet.replay.retelling import Retelling

_OF_THE_REQUEST = ("run_id", "tenant", "customer_id", "agent", "reverses")


def check_agreement(facts: RunHistory, told: Retelling) -> Faults:
    """Check that the code reproduces the history: order, what each step was asked, and the result."""
    for number in facts.told_to_wait:
        yield f"event {number} lets a step wait as no worker of ours does: it was written in a worker's stead"
    if told.failure is not None:
        yield f"the workflow code does not reproduce the history: {told.failure}"
        return
    asked = [step for step in told.steps if not step.local]
    for number, scheduled in enumerate(facts.scheduled):
        if number >= len(asked) or asked[number].name != scheduled.name or not _same(asked[number].asked, scheduled):
            yield f"the history says step {scheduled.name!r} was asked what the workflow code does not ask"
    if facts.result is None or facts.result == told.result:
        return
    if told.result is None:
        yield f"the history says the run ended {facts.result.state!r}, the workflow code does not end there"
        return
    for name, stated in facts.result:
        made = getattr(told.result, name)
        if stated != made:
            yield f"the history's result says {name} {_shown(stated)}, the workflow code makes it {_shown(made)}"


def check_expiry(facts: RunHistory, case: Case) -> Faults:
    """Check that no run expired before its gate closed: whoever reaches Temporal can move a workflow's own clock."""
    if facts.result is None or facts.result.state != "expired" or facts.ended_at is None:
        return
    gate = next((version.gate for version in reversed(case.versions.values())), None)
    if gate is None:
        yield "the history says the run expired, and it has no gate"
    elif facts.ended_at < gate.expires_at:
        yield f"the run expired at {moment(facts.ended_at)}, its gate stood open until {moment(gate.expires_at)}"


def check_unencrypted(facts: RunHistory) -> Faults:
    """Check that our own payloads are encrypted: whoever wrote them held the payload key."""
    if facts.unencrypted:
        first, count = facts.unencrypted[0], len(facts.unencrypted)
        yield f"{count} payloads that only Placet writes are not encrypted, so that anyone may have; first: {first}"


def check_identity(facts: RunHistory, case: Case) -> Faults:
    """Check that workflow, request and every version of the proposal are about one run, tenant and customer."""
    request = case.request
    for name, other in (("exported as", facts.run_id), ("started as", facts.started_as)):
        if other != request.run_id:
            yield f"the request is of run {request.run_id!r}, the workflow was {name} {other!r}"
    for version in case.versions.values():
        yield from _identity(version, request)


def _identity(version: Version, request: RunRequest) -> Faults:
    proposal, name = version.proposal, f"proposal {version.digest}"
    for field in _OF_THE_REQUEST:
        ours, theirs = getattr(proposal, field), getattr(request, field)
        if ours != theirs:
            yield f"{name} is of {field} {ours!r}, the request of {theirs!r}"
    strategy = None if proposal.strategy is None else proposal.strategy.version
    if strategy != request.strategy:
        yield f"{name} is of strategy {strategy!r}, the request of {request.strategy!r}"
    if proposal.triggered_by != request.requested_by:
        yield f"{name} says {proposal.triggered_by!r} triggered it, the request is by {request.requested_by!r}"
    if proposal.mutation.customer_id != request.customer_id:
        yield f"{name} changes customer {proposal.mutation.customer_id!r}, the request is for {request.customer_id!r}"


def _same(asked: Any, scheduled: Scheduled) -> bool:
    """Return whether the history's input, read as the code's own message, is that message."""
    if not isinstance(asked, BaseModel):
        return bool(asked == scheduled.asked)
    try:
        return type(asked).model_validate_json(json.dumps(scheduled.asked)) == asked
    except ValidationError:
        return False


def _shown(value: object) -> str:
    return shortened(repr(value), WORDS)

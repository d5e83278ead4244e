"""What a stranger may be told of a run, taken out of what is private.

`Redacted` is all that the pages of a walkthrough are made of. No field of it can hold an identifier, a name of a
customer or of what they hold, a free text, or an amount of a bill: texts are words of our own, codes of the catalogue,
or roles; figures are counts, shares, and the amount of the change that was decided on. Names of those who decided are
in it only where the link was made to name them.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError

from placet.contracts.analysis.assessment import Risk
from placet.contracts.audit import AuditEvent
from placet.contracts.base import REASON_CODE, PersonName
from placet.contracts.billing import Evidence, ReadOperation
from placet.contracts.customer import Declared
from placet.contracts.gate import Gate
from placet.contracts.money import Money
from placet.contracts.people.approver import RoleName
from placet.contracts.proposal import AdjustBalance, Candidate, Proposal, Reason
from placet.contracts.run import RunState
from placet.contracts.state import StateRead
from placet.decisioning.state.telling import without_figures
from placet.interfaces.console.views.common import LEAVING, in_ten
from placet.interfaces.console.views.deciders import made_void

UsageKind = Literal["data", "voice", "sms", "other"]
Change = Literal["credit", "debit", "add", "modify", "delete"]

_API: Final = re.compile(r"TMF\d{3}", re.ASCII)
_CODE: Final = re.compile(REASON_CODE, re.ASCII)
_TENURES: Final = (
    (6, "less than six months"),
    (12, "up to a year"),
    (24, "one to two years"),
    (48, "two to four years"),
)
_LONG: Final = "more than four years"
_USAGE: Final[Mapping[str, UsageKind]] = {"data": "data", "voice": "voice", "sms": "sms"}
_READS: Final[TypeAdapter[tuple[ReadOperation, ...]]] = TypeAdapter(tuple[ReadOperation, ...])
_ROLES: Final[TypeAdapter[tuple[RoleName, ...]]] = TypeAdapter(tuple[RoleName, ...])
_PERSON: Final[TypeAdapter[str]] = TypeAdapter(PersonName)
_RISK: Final[TypeAdapter[Risk]] = TypeAdapter(Risk)


class Lately(NamedTuple):
    """The live state that was read: as of when, from how many events, and what stood out, without its figures."""

    as_of: datetime
    events: int
    simulated: bool
    stood_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What billing showed, without a figure of it.

    Attributes:
        traits: Facts whose value is one of a list that the application declares: the fact's name and the value.
        bills: Each bill in per cent of the largest, oldest first.
        usage: For each kind of usage, each month in per cent of the largest.
    """

    tenure: str
    traits: tuple[tuple[str, str], ...]
    bills: tuple[int, ...]
    usage: tuple[tuple[UsageKind, tuple[int, ...]], ...]
    products: int
    balances: int
    given_before: int
    simulated: bool
    state: Lately | None = None


@dataclass(frozen=True, slots=True)
class Weighed:
    """One treatment, by its code.

    Attributes:
        worth: Its expected value in per cent of the best one's; None where none was computed, or it is below nothing.
        reasons: Codes of what speaks for it, or against it where it fell.
    """

    code: str
    picked: bool
    eligible: bool
    worth: int | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that counted. `name` is None unless the link names people."""

    verdict: str
    roles: tuple[str, ...]
    name: str | None
    at: datetime


class Offered(NamedTuple):
    """A change, and what it costs or, where `takes`, takes from the customer."""

    change: Change
    cost: Money | None
    takes: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What the gate asked for."""

    verdict: Literal["denied", "cleared", "human"]
    roles: tuple[str, ...]
    quorum: int
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Redacted:
    """All that a walkthrough may tell.

    Attributes:
        at: Maps kinds of entries to when the first of the kind was recorded.
        proposed: Whether the record says that the agent proposed something, also where it cannot be read any more.
        first: What the agent proposed; None for nothing, or where it cannot be read any more.
        last: What became of it in the end, by amendments; the same where there was none.
        ended: The code by which the run ended; empty where it says none of our form.
    """

    state: RunState
    at: Mapping[str, datetime]
    counts: Mapping[str, int]
    reverses: bool
    risk: Risk | None
    models: int
    models_inside: bool
    reads: tuple[ReadOperation, ...]
    requests: int
    seen: Seen | None
    leaving_in_ten: str
    weighed: tuple[Weighed, ...]
    proposed: bool
    first: Offered | None
    last: Offered | None
    ended: str
    gate: Asked | None
    decided: tuple[Decided, ...]
    confirmed_by: str
    api: str
    entries: int
    head: str


def redact(
    state: RunState,
    events: Sequence[AuditEvent],
    proposal: Proposal | None,
    evidence: Evidence | None,
    declared: Declared,
    *,
    names: bool,
    last: AuditEvent | None = None,
    first: Proposal | None = None,
) -> Redacted:
    """Return what may be told.

    Args:
        state: Where the run stands.
        events: Its entries.
        proposal: What is or was pending; None where there is none, or it cannot be read.
        evidence: What billing answered; None as above.
        declared: What the application tells customers apart by.
        names: Whether the people who decided may be named.
        last: Its newest entry; that of `events` unless given.
        first: What the agent proposed, before amendments; None as above.
    """
    newest = last or (events[-1] if events else None)
    uses = [use for event in events for use in _list(event.body.get("model_use")) if isinstance(use, dict)]
    candidates = _candidates(events, first or proposal)
    queried = _last(events, "query_billing.completed")
    receipt = _mapping(_last(events, "execute.settled").get("receipt"))
    ended = str(_last(events, "run.ended").get("code") or "")
    void = made_void(events)
    return Redacted(
        state=state,
        at={event.kind: event.at for event in reversed(events)},
        counts=Counter(event.kind for event in events),
        reverses=bool(_last(events, "run.requested").get("reverses")),
        risk=_valid(_RISK, _last(events, "analyse.completed").get("risk")),
        models=len(uses),
        models_inside=all(use.get("perimeter") == "inside" for use in uses),
        reads=_valid(_READS, queried.get("operations")) or (),
        requests=len(_list(queried.get("calls"))),
        seen=None if evidence is None else _seen(evidence, declared),
        leaving_in_ten=_leaving(first or proposal, candidates),
        # Of what people changed afterwards, the agent's own choice is marked.
        weighed=_weighed(candidates, _picked(state, first)),
        proposed=first_of(events) is not None,
        first=_offered(first),
        last=_offered(proposal),
        ended=ended if _CODE.fullmatch(ended) else "",
        gate=_gate(events),
        decided=tuple(
            _decided(event, names=names)
            for event in events
            if event.kind == "approve.decided" and str(event.body.get("envelope")) not in void
        ),
        confirmed_by=_one_of(receipt.get("confirmed_by"), ("response", "read_back", "person")),
        api=found[0] if (found := _API.search(str(receipt.get("api")))) else "",
        entries=newest.seq if newest is not None else 0,
        head=newest.hash if newest is not None else "",
    )


def first_of(events: Sequence[AuditEvent]) -> str | None:
    """Return the digest of what the agent itself proposed, as the run's entries say; None for nothing."""
    said = _last(events, "propose.completed").get("proposal")
    return said if isinstance(said, str) else None


def _offered(proposal: Proposal | None) -> Offered | None:
    if proposal is None:
        return None
    mutation = proposal.mutation
    change = mutation.direction if isinstance(mutation, AdjustBalance) else mutation.action
    return Offered(change, proposal.cost, mutation.takes_from_customer)


def shares(quantities: Sequence[int | Decimal]) -> tuple[int, ...]:
    """Return quantities in per cent of the largest; nothing where none is above zero."""
    largest = max(quantities, default=0)
    return tuple(max(0, round(100 * one / largest)) for one in quantities) if largest > 0 else ()


def _seen(evidence: Evidence, declared: Declared) -> Seen:
    lists = {fact.name: fact.one_of for fact in declared if fact.one_of}
    customer, read = evidence.customer, evidence.state
    bills = sorted(evidence.bills, key=lambda one: one.issued_on)
    currencies = {one.amount.currency for one in bills}
    kinds = sorted({(one.kind, one.unit) for one in evidence.usage})
    months = sorted(evidence.usage, key=lambda one: one.month)
    marks = [*(one.simulated for one in evidence.bills), *(one.simulated for one in evidence.usage)]
    marks += [*(one.simulated for one in evidence.balances), *(one.simulated for one in evidence.products)]
    return Seen(
        tenure=next((words for limit, words in _TENURES if customer.tenure_months < limit), _LONG),
        traits=tuple((fact.name, str(fact.value)) for fact in customer.facts if fact.value in lists.get(fact.name, ())),
        bills=shares([one.amount.amount_minor for one in bills]) if len(currencies) == 1 else (),
        usage=tuple(
            (_kind(kind), shares([one.quantity for one in months if (one.kind, one.unit) == (kind, unit)]))
            for kind, unit in kinds
        ),
        products=len(evidence.products),
        balances=len(evidence.balances),
        given_before=len(evidence.history.contacts) if evidence.history is not None else 0,
        simulated=any(marks) or (read is not None and read.simulated),
        state=None if read is None else _lately(read),
    )


def _lately(read: StateRead) -> Lately:
    events = 0 if read.newest is None else read.version  # what is only said about a customer is no event
    return Lately(read.as_of, events, read.simulated, without_figures(read))


def _kind(word: str) -> UsageKind:
    return _USAGE.get(word, "other")


def _candidates(events: Sequence[AuditEvent], proposal: Proposal | None) -> tuple[Candidate, ...]:
    if proposal is not None:
        return proposal.candidates
    listed = _list(_last(events, "propose.completed").get("candidates"))
    try:
        return tuple(Candidate.model_validate(one) for one in listed)
    except ValidationError:
        return ()


def _picked(state: RunState, proposal: Proposal | None) -> str | None:
    return proposal.treatment if proposal is not None else "nothing" if state == "no_action" else None


def _weighed(candidates: Sequence[Candidate], picked: str | None) -> tuple[Weighed, ...]:
    best = max((one.expected_value_minor or 0 for one in candidates if one.eligible), default=0)
    shown = [
        Weighed(
            code=one.treatment,
            picked=one.treatment == picked,
            eligible=one.eligible,
            worth=_worth(one.expected_value_minor, best) if one.eligible else None,
            reasons=tuple(_code(reason) for reason in (one.reasons_for if one.eligible else one.reasons_against)),
        )
        for one in candidates
    ]
    return tuple(sorted(shown, key=lambda one: (not one.picked, not one.eligible, -(one.worth or 0))))


def _worth(value: int | None, best: int) -> int | None:
    return None if value is None or best <= 0 or value < 0 else round(100 * value / best)


def _code(reason: Reason) -> str:
    return reason.code if _CODE.fullmatch(reason.code) else "another reason"


def _leaving(proposal: Proposal | None, candidates: Sequence[Candidate]) -> str:
    """Return how many of ten customers like this one leave; empty where the arithmetic did not say."""
    told = [*(proposal.facts if proposal is not None else ())]
    told += [reason for one in candidates for reason in (*one.reasons_for, *one.reasons_against)]
    found = next((match for reason in told if (match := LEAVING.fullmatch(reason.detail))), None)
    if found is None:
        return ""
    return in_ten(0 if found[1].startswith("less") else int(found[1]))


def _gate(events: Sequence[AuditEvent]) -> Asked | None:
    opened = [event for event in events if event.kind in ("approve.opened", "approve.amended")]
    try:
        gate = Gate.model_validate(opened[-1].body["gate"])
    except (IndexError, KeyError, ValidationError):
        return None
    return Asked(gate.verdict, gate.roles, gate.quorum, gate.opened_at, gate.expires_at)


def _decided(event: AuditEvent, *, names: bool) -> Decided:
    return Decided(
        verdict=_one_of(event.body.get("verdict"), ("approve", "reject", "amend")),
        roles=_valid(_ROLES, event.body.get("roles")) or (),
        name=_valid(_PERSON, event.actor) if names else None,
        at=event.at,
    )


def _last(events: Sequence[AuditEvent], kind: str) -> Mapping[str, Any]:
    return next((event.body for event in reversed(events) if event.kind == kind), {})


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _one_of(value: object, words: tuple[str, ...]) -> str:
    return value if isinstance(value, str) and value in words else ""


def _valid(adapter: TypeAdapter[Any], value: object) -> Any:
    try:
        return adapter.validate_python(tuple(value) if isinstance(value, list) else value)
    except ValidationError:
        return None

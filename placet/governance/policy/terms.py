"""What is asked of people before a permitted proposal executes: annotations of the permits that let it be proposed.

@gate_roles("retention_lead, finance_lead")   an approver must hold one of them
@gate_quorum("2")                             how many distinct people must approve
@gate_distinct_roles("yes")                   each of them in another one of the roles
@gate_remind_after("24h")                     when those who were asked are reminded: <n>s, m, h or d
@gate_escalate_after("48h")                   when the holders of `gate_escalate_to` may decide as well
@gate_escalate_to("care_manager")
@gate_expire_after("72h")                     when the gate closes

Where several permits decided, each must have its way: the largest quorum, the earliest times, distinct roles where one
wants them. Roles cannot be combined, so permits that name different ones contradict each other, and that means no.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from cedarpy import pst
from pydantic import TypeAdapter, ValidationError

from placet.contracts.base import Frozen, fault_of
from placet.contracts.gate import MOST_APPROVERS, GateTerms
from placet.contracts.people.approver import RoleName
from placet.errors import PolicyError
from placet.governance.policy.scope import actions

_PREFIX = "gate"
_LONGEST = timedelta(days=90)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_ROLE: TypeAdapter[str] = TypeAdapter(RoleName)
# What stands in for what a permit leaves open, to see whether the rest can be true at all.
_OPEN = GateTerms(
    roles=tuple(f"open{number}" for number in range(MOST_APPROVERS)), expire_after=int(_LONGEST.total_seconds())
)


class PermitTerms(Frozen):
    """The terms a permit names, or several together. None: left open. Times are seconds after the gate opened."""

    roles: tuple[RoleName, ...] | None = None
    quorum: int | None = None
    distinct_roles: bool | None = None
    remind_after: int | None = None
    escalate_after: int | None = None
    escalate_to: RoleName | None = None
    expire_after: int | None = None


def may_ask(policy: pst.Template) -> bool:
    """Return whether gate terms have a meaning on this policy: it can permit to propose."""
    return policy.effect == "permit" and "propose" in actions(policy)


def terms_of(policy: pst.Template) -> PermitTerms:
    """Read the terms in a policy's annotations.

    Raises:
        ValueError: an annotation is unknown, malformed or misplaced, or they contradict each other; one line, with the
            annotation's name between backticks.
    """
    # Whatever begins like one of ours is taken for one: a misspelt quorum must not be no quorum.
    found = {name: value for name, value in policy.annotations.items() if name.lower().startswith(_PREFIX)}
    values: dict[str, Any] = {}
    for name, value in found.items():
        if name not in _READERS:
            raise ValueError(f"annotation `@{name}` is unknown; known: {', '.join(f'@{known}' for known in _READERS)}")
        if not may_ask(policy):
            raise ValueError(f"annotation `@{name}` belongs on a permit of propose only; nobody reads it here")
        try:
            values[name.removeprefix(f"{_PREFIX}_")] = _READERS[name](value)
        except ValueError as error:
            raise ValueError(f"annotation `@{name}` {value!r} is malformed: {error}") from error
    for name, other in (("escalate_after", "escalate_to"), ("escalate_to", "escalate_after")):
        if name in values and other not in values:
            raise ValueError(f"annotation `@gate_{name}` needs @gate_{other} beside it")
    terms = PermitTerms(**values)
    fault = contradiction(terms)
    if fault is not None:
        raise ValueError(f"its gate annotations contradict each other: {fault}")
    return terms


def combined(terms: Mapping[str, PermitTerms]) -> PermitTerms:
    """Combine the terms of all deciding permits, by policy id: of each term the strictest that is named.

    Raises:
        PolicyError: they name different roles, or together they cannot be met.
    """
    every = [terms[policy] for policy in sorted(terms)]
    wanted = PermitTerms(
        roles=_same("roles", terms),
        quorum=max((one.quorum for one in every if one.quorum is not None), default=None),
        distinct_roles=max((one.distinct_roles for one in every if one.distinct_roles is not None), default=None),
        remind_after=_earliest(one.remind_after for one in every),
        escalate_after=_earliest(one.escalate_after for one in every),
        escalate_to=_same("escalate_to", terms),
        expire_after=_earliest(one.expire_after for one in every),
    )
    fault = contradiction(wanted)
    if fault is not None:
        raise PolicyError(f"the gate terms of {', '.join(sorted(terms))} contradict each other: {fault}")
    return wanted


def completed(terms: PermitTerms, defaults: GateTerms) -> GateTerms:
    """Return `terms`, with the application's defaults for what they leave open.

    A default reminder or escalation that would come after the gate has closed is dropped.

    Raises:
        PolicyError: what the permits name cannot be met with the defaults.
    """
    values = {**defaults.model_dump(), **_named(terms)}
    for name in ("remind_after", "escalate_after"):
        due = values[name]
        if getattr(terms, name) is None and due is not None and due >= values["expire_after"]:
            values[name] = None
            if name == "escalate_after":
                values["escalate_to"] = None
    try:
        return GateTerms(**values)
    except ValidationError as error:
        raise PolicyError(f"the gate's terms contradict the application's defaults: {fault_of(error).said}") from error


def contradiction(terms: PermitTerms) -> str | None:
    """Return why the named terms cannot be met, whatever is left open; None where they can."""
    try:
        GateTerms(**{**_OPEN.model_dump(), **_named(terms)})
    except ValidationError as error:
        return fault_of(error).said
    return None


def _named(terms: PermitTerms) -> dict[str, Any]:
    return terms.model_dump(exclude_none=True)


def _earliest(times: Any) -> int | None:
    return min((time for time in times if time is not None), default=None)


def _same(name: str, terms: Mapping[str, PermitTerms]) -> Any:
    named = {policy: getattr(terms[policy], name) for policy in sorted(terms)}
    named = {policy: value for policy, value in named.items() if value is not None}
    if len(set(named.values())) > 1:
        told = "; ".join(f"{policy}: {', '.join(_listed(value))}" for policy, value in named.items())
        raise PolicyError(f"the permits that decided name different @gate_{name}, so that nobody can be asked: {told}")
    return next(iter(named.values()), None)


def _listed(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _role(text: str) -> str:
    try:
        return _ROLE.validate_python(text.strip())
    except ValidationError:
        raise ValueError(f"{text.strip()!r} is no role name; write it like retention_lead") from None


def _roles(text: str) -> tuple[str, ...]:
    roles = [_role(part) for part in text.split(",")]
    if len(set(roles)) < len(roles):
        raise ValueError("it names a role twice")
    # In one order, whatever order they are written in: they are a set.
    return tuple(sorted(roles))


def _quorum(text: str) -> int:
    if not re.fullmatch(r"[0-9]", text) or not 1 <= int(text) <= MOST_APPROVERS:
        raise ValueError(f"write a number from 1 to {MOST_APPROVERS}")
    return int(text)


def _yes_or_no(text: str) -> bool:
    if text not in {"yes", "no"}:
        raise ValueError("write yes or no")
    return text == "yes"


def parse_duration(text: str) -> int:
    """Return the seconds in `<n>s`, `<n>m`, `<n>h` or `<n>d`.

    Raises:
        ValueError: it is not written so, is nothing, or is more than 90 days.
    """
    match = re.fullmatch(r"([0-9]{1,7})([smhd])", text)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < seconds <= _LONGEST.total_seconds():
        raise ValueError("write it like 30m, 24h or 3d, at most 90d")
    return seconds


_READERS: dict[str, Callable[[str], Any]] = {
    "gate_roles": _roles,
    "gate_quorum": _quorum,
    "gate_distinct_roles": _yes_or_no,
    "gate_remind_after": parse_duration,
    "gate_escalate_after": parse_duration,
    "gate_escalate_to": _role,
    "gate_expire_after": parse_duration,
}

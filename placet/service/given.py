"""What a person gives an operation: values that are checked, and names of things that are looked up."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from placet.contracts.base import PersonName, fault_of, first_fault
from placet.contracts.text import NAME, counted, shortened
from placet.contracts.times import moment
from placet.errors import UsageError

MOST_AHEAD: Final = timedelta(minutes=5)
"""How far the clock of a source, or of whoever names a time, may be ahead of ours."""


class _OfTenant(Protocol):
    @property
    def tenant(self) -> str: ...


T = TypeVar("T")
Owned = TypeVar("Owned", bound=_OfTenant)


def value_of(given: str, kind: TypeAdapter[T], name: str) -> T:
    """Return a value that a person gave, checked; `name` is what they know it by.

    Raises:
        UsageError: it is malformed.
    """
    try:
        return kind.validate_python(given)
    except ValidationError as error:
        raise UsageError(replace(fault_of(error), where=f"{name}:").line(), code="malformed") from error


def gone_by(at: datetime | None, now: datetime) -> datetime:
    """Return the time of which a person asks; None is now.

    Raises:
        UsageError: code `malformed`; it is still to come, and nobody knows what will have happened by then.
    """
    if at is None:
        return now
    if at > now + MOST_AHEAD:
        raise UsageError(f"{moment(at)} is still to come; it is {moment(now)} now", code="malformed")
    return at


def filters_of(
    filled: Mapping[str, str], kinds: Mapping[str, TypeAdapter[Any]], labels: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a person filled in of a list's filters, each checked by its kind; an empty field filters nothing.

    `labels` says what the fields are called where they are filled in.

    Raises:
        UsageError: one is malformed.
    """
    return {name: value_of(value, kinds[name], labels[name]) for name, value in filled.items() if value}


@contextmanager
def checked() -> Iterator[None]:
    """Say in one line what is wrong with the values that the block makes a message of.

    Raises:
        UsageError: a value is malformed.
    """
    try:
        yield
    except ValidationError as error:
        raise UsageError(f"malformed: {first_fault(error)}") from error


def person(name: str, advice: str = "") -> str:
    """Return a person's name, checked; `advice` ends the sentence where it is none.

    Raises:
        UsageError: nobody can have this name.
    """
    try:
        return TypeAdapter(PersonName).validate_python(name)
    except ValidationError as error:
        raise UsageError(f"malformed name {shortened(name, NAME)!r}: {first_fault(error)}{advice}") from error


def own(found: Owned | None, tenant: str, missing: str, code: str) -> Owned:
    """Return what was found. Another tenant's does not exist here.

    Raises:
        UsageError: there is none; `missing` says so, under `code`.
    """
    if found is None or found.tenant != tenant:
        raise UsageError(missing, code=code)
    return found


def only_one(matches: Sequence[T], named: str, what: str, tenant: str, *, see: str, code: str, also: str = "") -> T:
    """Return the one thing whose id begins with what a person typed.

    Args:
        matches: The things whose id does.
        named: What was typed; an empty name names nothing.
        what: The kind of thing, as a word: 'mandate'.
        tenant: Whose things they are.
        see: The command that lists them.
        code: Of the error.
        also: How else they may match, for the sentence.

    Raises:
        UsageError: no thing, or several, match.
    """
    if len(matches) != 1 or not named:
        of = f"of tenant {tenant!r}"
        begun = counted(len(matches), f"{what} {of} begins", f"{what}s {of} begin")
        raise UsageError(f"{begun} with {named!r}{'' if len(matches) == 1 else also}; see `{see}`", code=code)
    return matches[0]

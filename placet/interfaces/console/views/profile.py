"""A customer's profile, as what a page shows."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from placet.contracts.base import RunId
from placet.contracts.identity.profile import Profile
from placet.interfaces.profile_words import NOTHING, TITLES, origin_in_words


class Line(NamedTuple):
    """One field; `run_id` is the run that it is from, where it is from one."""

    label: str
    value: str
    origin: str
    at: datetime
    simulated: bool
    run_id: RunId | None


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a customer; `nothing` is said where there is no line."""

    name: str
    title: str
    lines: tuple[Line, ...]
    nothing: str


@dataclass(frozen=True, slots=True)
class ShownProfile:
    """The profile.

    Attributes:
        masked: Whether there are keys that are shown masked.
    """

    as_of: datetime
    sides: tuple[Side, ...]
    masked: bool
    simulated: bool


def shown_of(profile: Profile) -> ShownProfile:
    """Return what is shown of a profile."""
    sides = tuple(
        Side(
            name=section.name,
            title=TITLES[section.name],
            lines=tuple(
                Line(
                    label=field.label,
                    value=field.value,
                    origin=origin_in_words(field.origin, profile.as_of),
                    at=field.origin.at,
                    simulated=field.origin.simulated,
                    run_id=field.origin.run_id,
                )
                for field in section.fields
            ),
            nothing=NOTHING[section.name].capitalize(),
        )
        for section in profile.sections
    )
    fields = [field for section in profile.sections for field in section.fields]
    return ShownProfile(
        as_of=profile.as_of,
        sides=sides,
        masked=any(field.masked for field in fields),
        simulated=any(field.origin.simulated for field in fields),
    )

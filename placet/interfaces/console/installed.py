"""What the console is given of its installation beside the database: it imports none of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from placet.governance.log.notes import VerifierKey


@dataclass(frozen=True, slots=True)
class Judged:
    """What a replay of one run found, as `placet replay` says it.

    Attributes:
        events: Events of its history.
        faults: What does not hold; empty where everything does.
        notes: What was not checked.
    """

    run_id: str
    state: str
    events: int
    proposal: str | None
    signed: tuple[str, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def no_treatments(_agent: str) -> tuple[str, ...]:
    """Know no treatment of any agent."""
    return ()


def no_kinds(_agent: str) -> Mapping[str, str]:
    """Know no kind of a treatment."""
    return {}


def no_names(_agent: str) -> Mapping[str, str]:
    """Know no name of a treatment."""
    return {}


@dataclass(frozen=True, slots=True)
class Installed:
    """What an installation offers.

    Attributes:
        judge: Replays a run's history; takes seconds. None where nothing here can.
        log_keys: Reads the keys that sign the tenant's log; None where none are known here.
        treatments: Codes of the treatments that an agent knows.
        kinds: The kind of change that each of them is, by code.
        names: What an agent calls its treatments, by code.
    """

    judge: Callable[[str], Judged] | None = None
    log_keys: Callable[[], Sequence[VerifierKey]] | None = None
    treatments: Callable[[str], tuple[str, ...]] = no_treatments
    kinds: Callable[[str], Mapping[str, str]] = no_kinds
    names: Callable[[str], Mapping[str, str]] = no_names

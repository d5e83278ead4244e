"""What a notification about a strategy says: it is to be signed, its rollout asks, goes on, waits or is held. Pure.

The invariants are those of `placet.notify.notices`: nothing that decides, nothing of a customer, no person's or model's
words. Figures of a group of customers are counts and shares.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from placet.contracts.notification import StrategyOccasion
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import spoken, spoken_list
from placet.contracts.times import moment
from placet.notify.notices import NOTHING_DECIDES

_SHOWN: Final = 16
"""Of a version, in characters."""
_WIDTH: Final = 76
BUDGET: Final = "budget_spent"
ALTERED: Final = "record_altered"

_SUBJECTS: Final[dict[StrategyOccasion, str]] = {
    "strategy_asked": "signature on a strategy asked",
    "stage_asked": "next stage asked",
    "stage_promoted": "next stage begun, by policy",
    "rollout_waits": "rollout cannot say how it goes",
    "rollout_held": "rollout held",
    "rollout_reminded": "reminder, still open",
}
_REASONS: Final[dict[str, str]] = {
    "inconclusive": "nobody can say yet whether {measure} stayed within the margin",
    "too_few": "too few customers were counted to judge {measure}",
    "members_altered": "the customers who take part are not those who were taken down",
    "sample_ratio_mismatch": "treated and control group are not as large as they were planned ({measure})",
    "clock_went_back": "a clock went back, so that looks are not in order ({measure})",
    "figures_went_back": "figures of {measure} are smaller than they were before",
    "not_a_number": "a figure of {measure} is missing",
    "no_figure": "{measure} was not counted",
    BUDGET: "its budget is spent, and no further run is started",
    ALTERED: "its record was altered; ask an auditor: placet audit verify",
}


@dataclass(frozen=True, slots=True)
class StrategyTold:
    """What is known of a strategy when somebody is told of it.

    Attributes:
        reached: The share of its cohort that it reaches, in basis points; None before it is published.
        to: The share that is asked for, or that was begun.
        back: Whether it was taken back by one stage.
        treated: Customers whom the stage reaches.
        started: Those of them who have a run.
        until: When its term ends.
        seen: The newest look: each guard rail by its measure, and what it said.
        look: Which look that was; None where there was none.
        why: Why it waits or is held, as codes: `measure.code`, or a code alone.
        by: Who paused it, or wrote the strategy; the policies that promoted it. Empty where it was the worker.
        signed_by: Who signed the policies that promoted it.
        since: Of a reminder: since when it has been so.
        again: Of a reminder: what it reminds of.
    """

    tenant: str
    name: str
    version: str
    until: datetime
    reached: int | None = None
    to: int | None = None
    back: bool = False
    treated: int = 0
    started: int = 0
    seen: tuple[tuple[str, str], ...] = ()
    look: int | None = None
    why: tuple[str, ...] = ()
    by: str = ""
    signed_by: str = ""
    since: datetime | None = None
    again: StrategyOccasion | None = None


def subject_of(told: StrategyTold, occasion: StrategyOccasion) -> str:
    """Write one line: what happened, to which strategy."""
    to = f" to {share_in_words(told.to)}" if told.to is not None else ""
    return f"Placet {told.tenant}: {_SUBJECTS[occasion]}: {told.name}{to} (version {told.version[:_SHOWN]})"


def text_of(told: StrategyTold, occasion: StrategyOccasion, role: str, console_url: str) -> str:
    """Write the whole message: what happened, which strategy, how far it reaches, what is asked, how to do it.

    Args:
        told: What is known.
        occasion: Why it is told.
        role: As which role the reader is asked; may be empty.
        console_url: Where people find a rollout; may be empty.
    """
    what = told.again if occasion == "rollout_reminded" and told.again is not None else occasion
    lead = _wrapped(" ".join(_lead(told, occasion, what, f" as {spoken(role)}" if role else "")))
    shown = "\n".join(f"{name:<11}{value}" for name, value in _facts(told))
    ways = "\n".join(f"  {way}" for way in _ways(told, what, console_url))
    return f"{lead}\n\n{shown}\n\n{ways}\n\n{NOTHING_DECIDES}\n"


def why_in_words(codes: Sequence[str]) -> str:
    """Say why a rollout waits, by the codes of its guard rails."""
    said = []
    for one in codes:
        measure, _, code = one.rpartition(".")
        known = _REASONS.get(code)
        unknown = f"there is no data of {spoken(measure)} ({spoken(code)})"
        said.append(unknown if known is None else known.format(measure=spoken(measure)))
    return "; ".join(dict.fromkeys(said))


def _lead(told: StrategyTold, occasion: StrategyOccasion, what: StrategyOccasion, role: str) -> Iterator[str]:
    if occasion == "rollout_reminded" and told.since is not None:
        yield f"What you were told of at {moment(told.since)} is still open."
    match what:
        case "strategy_asked":
            yield f"Strategy {told.name} waits for a signature, which is asked of you{role}."
            yield "Until it is signed, nobody gets anything by it."
        case "stage_asked":
            yield f"All guard rails of strategy {told.name} passed. Its next stage is asked of you{role}."
            yield "Until it is signed, it reaches no more customers than now."
        case "stage_promoted":
            yield f"All guard rails of strategy {told.name} passed, and its next stage has begun by policy"
            yield f"{told.by}, which {told.signed_by} signed. Nothing is asked of you; you may pause it."
        case "rollout_waits":
            yield f"The rollout of strategy {told.name} cannot go on by itself: {why_in_words(told.why)}."
            yield f"You are asked{role} to look at it: it may be left as it is, ended, or signed on all the same."
        case _:
            yield f"The rollout of strategy {told.name} is held, and nobody is treated by it: {_held(told)}."
            yield f"You are asked{role} to look at it: it goes on once you sign that it does, or it is ended."


def _held(told: StrategyTold) -> str:
    if told.by:
        return f"{told.by} paused it"
    failed = [one.rpartition(".")[0] for one in told.why]
    back = ", and it was taken back by one stage" if told.back else ""
    return f"guard rail {spoken_list(failed, ' and ')} failed at look {told.look}{back}"


def _facts(told: StrategyTold) -> Iterator[tuple[str, str]]:
    yield "strategy", f"{told.name}, version {told.version[:_SHOWN]}"
    yield "tenant", told.tenant
    if told.reached is not None:
        have = f"{told.started:,} of {told.treated:,} customers have a run"
        yield "reaches", f"{share_in_words(told.reached)} of its cohort; {have}"
    if told.to is not None:
        yield "next", f"{share_in_words(told.to)} of its cohort"
    if told.look is not None:
        said = ", ".join(f"{spoken(measure)} {spoken(verdict)}" for measure, verdict in told.seen)
        yield "look", f"{told.look}: {said or 'it has no guard rails'}"
    yield "until", f"{moment(told.until)}, the end of its term"


def _ways(told: StrategyTold, what: StrategyOccasion, console_url: str) -> Iterator[str]:
    if what == "strategy_asked":
        yield f"placet strategy asked {told.version[:_SHOWN]}"
        yield f"placet strategy publish --version {told.version[:_SHOWN]} --as YOUR-NAME"
        if console_url:
            yield f"{console_url}/strategies/asked/{told.version}"
        return
    yield f"placet rollout show {told.name}"
    if what in ("stage_asked", "rollout_waits"):
        yield f"placet rollout promote {told.name} --as YOUR-NAME"
    if what == "rollout_held":
        yield f"placet rollout resume {told.name} --as YOUR-NAME"
    if what == "stage_promoted":
        yield f"placet rollout pause {told.name}"
    if what in ("rollout_waits", "rollout_held"):
        yield f"placet rollout abort {told.name}"
    if console_url:
        yield f"{console_url}/rollouts/{told.version}"


def _wrapped(text: str) -> str:
    """Break a paragraph into lines that every mail reader shows whole."""
    lines, line = list[str](), ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > _WIDTH:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\n".join([*lines, line])

"""What strategies together would do to the base, and how two versions differ: the published ones and the typed text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import TypeAdapter

from placet.contracts.events.kinds import Channel
from placet.contracts.strategies.strategy import Strategy
from placet.errors import DecisionRefused, UsageError
from placet.governance.signing.canonical import digest
from placet.interfaces.console.forms import Form
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.customers.plans import plan_of
from placet.service.cohorts import check_size
from placet.service.given import value_of
from placet.service.strategies.checking import compare
from placet.service.strategies.given import LONGEST, strategy_given
from placet.service.strategies.planning import plan, ready_for
from placet.service.strategies.publishing import PublishedStrategy, find_published, publications, text_of

SECONDS: Final = 60.0
"""How long a plan is shown before the base is looked through anew."""
MOST_CUSTOMERS: Final = 200_000
"""As of the page of cohorts."""
MOST_TICKS: Final = 50
_WITH: Final = "with."


@dataclass(frozen=True, slots=True)
class Together:
    """What somebody chose, to be shown again as it was.

    Attributes:
        channel: Where customers would be told.
        with_: Versions of published strategies that are planned with.
        against: The published version that the text is compared with; empty: with `other`.
        other: Another text.
    """

    channel: str = "sms"
    with_: tuple[str, ...] = ()
    against: str = ""
    other: str = ""

    @classmethod
    def of(cls, form: Form) -> Self:
        """Return what the fields of the page say."""
        ticked = tuple(name.removeprefix(_WITH) for name in form.fields if name.startswith(_WITH))
        other = form.fields.get("other", "").replace("\r\n", "\n")
        return cls(form.text("plan_channel") or "sms", ticked[:MOST_TICKS], form.text("against"), other)


def in_force(asked: Asked) -> tuple[PublishedStrategy, ...]:
    """Return the versions that runs may carry out now."""
    served = asked.parts.served
    with served.database.reading() as tx:
        found = publications(tx, served.tenant, served.policies_of, asked.now)
    return tuple(one for one in found if isinstance(one, PublishedStrategy) and one.in_force)


def planned(asked: Asked, text: str, chosen: Together) -> dict[str, Any]:
    """Return what the page shows of a plan, or that customers are being looked at.

    Raises:
        UsageError: nothing was chosen, the text has an error, or what was chosen is not in force.
        Busy: too much waits already.
    """
    served = asked.parts.served
    channel = value_of(chosen.channel, TypeAdapter[Channel](Channel), "Where they would be told")
    found = _chosen(asked, chosen)
    draft = strategy_given(text, "the button Check") if text.strip() else None
    replaced = draft is not None and draft.name in found
    if draft is not None:
        found = {**found, draft.name: draft}
    if not found:
        raise UsageError("Nothing to plan: tick a published strategy, or write one above", code="malformed")
    strategies = list(found.values())
    ready_for(strategies, channel, asked.now)  # what is wrong with them is told before anybody waits
    check_size(served.database, served.tenant, MOST_CUSTOMERS, "placet strategy plan")
    key = f"plan {channel} {' '.join(sorted(map(digest, strategies)))}"
    made = asked.parts.jobs.ask(
        key, lambda: plan(served.database, served.tenant, strategies, channel, asked.now), seconds=SECONDS
    )
    if made is None:
        return {"planning": True}
    note = f"The text above stands in the place of the published version of {draft.name}." if replaced and draft else ""
    return {"plan": plan_of(made, note)}


def compared(asked: Asked, text: str, chosen: Together) -> dict[str, Any]:
    """Return what the page shows of a comparison: the other one is before, the text above after.

    Raises:
        UsageError: there is nothing to compare with, or one has an error.
    """
    after = strategy_given(text, "the button Check", "the text above")
    before, called = _before(asked, chosen)
    return {"compared": compare(before, after), "compared_with": called}


def _before(asked: Asked, chosen: Together) -> tuple[Strategy, str]:
    if chosen.against:
        served = asked.parts.served
        with served.database.reading() as tx:
            found = find_published(tx, served.tenant, chosen.against, served.policies_of, asked.now)
        return _text(asked, found), f"{found.title or found.record.mandate.name}, version {found.version[:8]}"
    if not chosen.other.strip():
        raise UsageError("Nothing to compare with: choose a published version, or paste another text", code="malformed")
    if len(chosen.other) > LONGEST:
        said = f"The other text has {len(chosen.other):,} characters, and at most {LONGEST:,} are read here"
        raise UsageError(f"{said}; use `placet strategy diff`", code="malformed")
    return strategy_given(chosen.other, "the button Check", "the other text"), "the other text"


def _chosen(asked: Asked, chosen: Together) -> Mapping[str, Strategy]:
    """Return the texts of the versions that were ticked, by name.

    Raises:
        UsageError: one of them is not in force any more.
    """
    found: dict[str, Strategy] = {}
    known = {one.version: one for one in in_force(asked)} if chosen.with_ else {}
    for version in chosen.with_:
        one = known.get(version)
        if one is None:
            raise UsageError(
                f"Version {version[:8]!r} is not in force now: load the page again, and choose anew", code="malformed"
            )
        found[one.record.mandate.name] = _text(asked, one)
    return found


def _text(asked: Asked, found: PublishedStrategy) -> Strategy:
    """Return the text of a published version.

    Raises:
        UsageError: it is gone, or is not what was signed.
    """
    try:
        return text_of(asked.parts.served.database, found)
    except DecisionRefused as error:
        raise UsageError(f"{error}", code=error.code) from error


def choices(listed: Sequence[Any]) -> list[Any]:
    """Return the listed versions that may be planned with: those in force."""
    return [one for one in listed if one.in_force]

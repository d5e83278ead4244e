"""What publishing a strategy pre-authorises: its own bounds, as a mandate has them. Pure."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime

from placet.contracts.base import AgentName, Frozen, ReasonCode
from placet.contracts.money import Money
from placet.contracts.mutation import MutationKind
from placet.contracts.people.mandate import CohortTest, Mandate
from placet.contracts.strategies.strategy import Strategy


class PublishedTerms(Frozen):
    """The fields of a mandate that a strategy sets; `Mandate` says what each means."""

    name: str
    agent: AgentName
    kinds: tuple[MutationKind, ...]
    treatments: tuple[ReasonCode, ...]
    cohort: tuple[CohortTest, ...]
    cap_per_customer: Money
    period_days: int
    budget: Money
    valid_from: AwareDatetime
    valid_until: AwareDatetime


def terms_of(strategy: Strategy) -> PublishedTerms:
    """Return the bounds of a strategy: each treatment, its budget, the days of its term in its market's time zone."""
    zone = ZoneInfo(strategy.market.time_zone)
    first, last = strategy.term.first, strategy.term.last
    return PublishedTerms(
        name=strategy.name,
        agent=strategy.agent,
        kinds=tuple(sorted({one.action.kind for one in strategy.treatments})),
        treatments=tuple(one.code for one in strategy.treatments),
        cohort=(),  # whom it is for is asked of their live state, by the strategy itself
        cap_per_customer=strategy.budget.per_customer,
        period_days=strategy.budget.period_days,
        budget=strategy.budget.total,
        valid_from=datetime.combine(first, time(), zone).astimezone(UTC),
        valid_until=datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC),
    )


def differing(mandate: Mandate, strategy: Strategy) -> str | None:
    """Return the first field in which a mandate is not what publishing the strategy makes it; None where it is."""
    terms = terms_of(strategy)
    return next((name for name in PublishedTerms.model_fields if getattr(mandate, name) != getattr(terms, name)), None)

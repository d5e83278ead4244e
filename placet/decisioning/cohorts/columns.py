"""The columns that an expression may name: one list, from which rows are made, types are checked and docs are written.

A column is whole (64 bits, between `least` and `most`), true or false, a text, or a date in UTC. What is not known is
NULL. Figures are 0 where nothing happened.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, Literal, get_args

from placet.contracts.events.about import FIRST_YEAR, Area
from placet.contracts.events.kinds import (
    MOST_CSAT,
    Channel,
    CompetitorData,
    ContactedData,
    LocatedData,
    PlanChangedData,
    Purpose,
)
from placet.contracts.state import AMOUNTS, FIGURES, WINDOWS

Kind = Literal["integer", "boolean", "text", "date"]

MOST_COUNTED: Final = 10**9
"""A figure that is larger is taken for this one; so no product of two figures leaves 64 bits."""
MOST_MINOR: Final = 10**12
"""The same for amounts, in minor units."""
MOST_PERCENT: Final = 10**6
MOST_DAYS: Final = 10**5

MOST_YEARS: Final = 130
"""Whoever were older is not known to be."""
SCORE_DAYS: Final = 90
"""A score that is older says nothing of now."""

TODAY: Final = "as_of_on"
"""The frame's own column of the day that the state is as of; an expression calls it CURRENT_DATE."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column; equal to itself alone, so that what is known of it is known of no column of another list.

    Attributes:
        about: What it holds, for people.
        unknown: When it is NULL; empty where it never is.
        least: The smallest value of an integer.
        most: The largest.
        choices: The only values of a text; empty where any may come.
    """

    name: str
    kind: Kind
    about: str
    unknown: str = ""
    least: int = 0
    most: int = MOST_COUNTED
    choices: tuple[str, ...] = ()

    @property
    def nullable(self) -> bool:
        """Whether it may be NULL."""
        return bool(self.unknown)


_NO_COLUMNS: Final = ("credits", "debits", "nps_answers", "csat_answers", "corrections")
"""Figures that no expression may name; nor those of places, of which three have columns."""

COUNTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{name: name for name in FIGURES if not name.startswith("at_") and name not in _NO_COLUMNS},
        "airport_visits": "at_airport",
        "abroad_visits": "at_abroad",
        "stadium_visits": "at_stadium",
    }
)
"""Columns of windows: the name's beginning, and the figure of the state that it is."""

SUMMED: Final = ("recharged_minor", "billed_minor", "paid_minor", "wallet_minor")
"""Columns of windows in minor units of `currency`: amounts of the state."""

LINES: Final = tuple(line for line in get_args(PlanChangedData.model_fields["line"].annotation) if line != "other")
RHYTHMS: Final = ("recharge", "payment")
TRENDS: Final = ("app_visits", "data_mb", "voice_seconds", "recharges", "wallet_payments")


def _windows() -> list[Column]:
    columns = [
        Column(f"{name}_{days}d", "integer", f"{FIGURES[figure]} in the last {days} days")
        for name, figure in COUNTED.items()
        for days in WINDOWS
    ]
    return columns + [
        Column(
            f"{name}_{days}d",
            "integer",
            f"minor units of `currency` {AMOUNTS[name]} in the last {days} days",
            least=-MOST_MINOR,
            most=MOST_MINOR,
        )
        for name in SUMMED
        for days in WINDOWS
    ]


def _rhythm() -> list[Column]:
    few = "fewer than four are known"
    columns = []
    for name in RHYTHMS:
        columns += [
            Column(f"{name}_usual_hours", "integer", f"hours between two {name}s as a rule", few),
            Column(f"{name}_since_hours", "integer", f"hours since the last {name}", few),
            Column(
                f"{name}_late_percent",
                "integer",
                f"hours since the last {name} over the usual ones, less one, in per cent; below 0: not due yet",
                few,
                least=-100,
                most=MOST_PERCENT,
            ),
        ]
    return columns


def _trends() -> list[Column]:
    return [
        Column(
            f"{name}_trend_percent",
            "integer",
            f"change of {FIGURES[name]}: the last 30 days against the 60 before, a day, in per cent",
            "too little happened in the 60 days before",
            least=-100,
            most=MOST_PERCENT,
        )
        for name in TRENDS
    ]


def _signs() -> list[Column]:
    return [
        Column("open_tickets", "integer", "support tickets that are open"),
        Column("signals", "integer", "things that stand out in their state"),
        Column(
            "competitor_sign",
            "text",
            "the newest sign of a competitor",
            "there was none",
            choices=get_args(CompetitorData.model_fields["sign"].annotation),
        ),
        Column(
            "place",
            "text",
            "class of the last known place",
            "no place is known",
            choices=get_args(LocatedData.model_fields["place"].annotation),
        ),
        Column("nps", "integer", "last answer to the survey of recommendation", "never answered", most=10),
        Column(
            "csat",
            "integer",
            "last answer to the survey of satisfaction",
            "never answered",
            least=1,
            most=MOST_CSAT,
        ),
    ]


def _household() -> list[Column]:
    return [
        Column("household_id", "text", "the household that they are a member of", "they are in none"),
        Column(
            "household_members",
            "integer",
            "members of it of whom events are known, 21 for more than 20",
            "they are in none",
            least=1,
            most=21,
        ),
        Column("devices", "integer", "devices seen on their line or at home", most=32),
        Column("home_devices_without_line", "integer", "devices at home without a line of ours", most=32),
        Column("products", "integer", "products that they hold", most=32),
        *(Column(f"has_{line}", "boolean", f"whether they hold a product of the line {line}") for line in LINES),
    ]


def _consent() -> list[Column]:
    return [
        Column(
            f"consent_{purpose}",
            "boolean",
            f"the newest word on {purpose} on any channel",
            "nothing was ever said",
        )
        for purpose in get_args(Purpose)
    ]


def _contact() -> list[Column]:
    never = "nothing reached them"
    return [
        Column("last_contact_on", "date", "day of the last message that reached them", never),
        Column(
            "days_since_contact",
            "integer",
            "days since the last message that reached them",
            never,
            least=-MOST_DAYS,
            most=MOST_DAYS,
        ),
        Column("last_contact_channel", "text", "its channel", never, choices=get_args(Channel)),
        Column("last_contact_purpose", "text", "its purpose", never, choices=get_args(Purpose)),
        Column(
            "last_contact_answer",
            "text",
            "their answer to it",
            never,
            choices=get_args(ContactedData.model_fields["answer"].annotation),
        ),
    ]


def _money() -> list[Column]:
    return [
        Column(
            "currency",
            "text",
            "that of most of their money in 90 days, else of their balance; amounts in others are not counted",
            "no amount is known",
        ),
        Column(
            "balance_minor",
            "integer",
            "minor units of `currency` that they were told are left",
            "they were told nothing, or in another currency",
            least=-MOST_MINOR,
            most=MOST_MINOR,
        ),
    ]


def _person() -> list[Column]:
    unsaid, old = "no system said it", f"there was no score in {SCORE_DAYS} days"
    return [
        Column("age_years", "integer", "the age that they reach in that year", unsaid, most=MOST_YEARS),
        Column("area", "text", "what kind of place the home is in", unsaid, choices=get_args(Area)),
        Column("area_code", "text", "the source's code of that area", unsaid),
        Column("customer_since_on", "date", "day on which they became a customer", unsaid),
        Column(
            "tenure_days",
            "integer",
            "days since they became a customer",
            unsaid,
            least=-MOST_DAYS,
            most=366 * (9999 - FIRST_YEAR),
        ),
        Column("churn_percent", "integer", "newest score: how likely they leave, rounded down", old, most=100),
        Column("churn_scored_on", "date", "day of that score", old),
        Column("churn_model", "text", "SHA-256 of the model that gave it", old),
    ]


def _record() -> list[Column]:
    return [
        Column("customer_id", "text", "the customer"),
        Column("events", "integer", "events that their state stands on"),
        Column("simulated", "boolean", "whether any of their events is simulated"),
        Column("last_event_on", "date", "day of the newest event", "no event is known"),
        Column(
            "days_since_event",
            "integer",
            "days since the newest event",
            "no event is known",
            least=-MOST_DAYS,
            most=MOST_DAYS,
        ),
    ]


COLUMNS: Final[tuple[Column, ...]] = (
    *_record(),
    *_windows(),
    *_money(),
    *_rhythm(),
    *_trends(),
    *_signs(),
    *_household(),
    *_consent(),
    *_contact(),
    *_person(),
)
"""All of them, in the order of the docs."""

BY_NAME: Final[Mapping[str, Column]] = MappingProxyType({column.name: column for column in COLUMNS})


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """The columns that one kind of expression may name; a process makes each once, for what it compiled is kept by it.

    Attributes:
        columns: By name, in the order of the docs.
        listed: Where people find them.
    """

    columns: Mapping[str, Column]
    listed: str


LIVE_STATE: Final = Vocabulary(BY_NAME, "`placet cohort columns` lists them")
"""What is asked of a customer's live state."""


MOVED_BY_EVENTS: Final[frozenset[str]] = frozenset(
    one.name
    for one in (*_windows(), *_money(), *_rhythm(), *_trends(), *_signs(), *_household(), *_consent(), *_contact())
)
"""Columns that change as something happens to a customer; the others say who they are."""


def similar(name: str, known: Vocabulary = LIVE_STATE) -> str:
    """Return the column that is spelt most like `name`; empty where none is."""
    return next(iter(get_close_matches(name.lower(), known.columns, n=1, cutoff=0.6)), "")


def docs_table(columns: Iterable[Column] = COLUMNS) -> str:
    """Return the table of columns in docs/cohorts.md, or that of other ones."""
    lines = ["| column | type | what | NULL where |", "|---|---|---|---|"]
    for column in columns:
        kind = f"{column.kind}: {', '.join(column.choices)}" if column.choices else column.kind
        lines.append(f"| `{column.name}` | {kind} | {column.about} | {column.unknown or 'never'} |")
    return "\n".join(lines)

"""What the form of a strategy asks: each part of the text with its label, as people write it.

The names are those of the text (docs/strategies.md), so that a fault of the check finds its field by its own path.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from placet.contracts.events.kinds import Channel
from placet.contracts.strategies.rollout import Measure
from placet.contracts.text import spoken
from placet.decisioning.strategies.measures import OUTCOMES

Kind = Literal[
    "amount",
    "code",
    "condition",
    "day",
    "hidden",
    "margin",
    "number",
    "share",
    "stages",
    "steps",
    "text",
    "treatments",
    "words",
]
"""How a value is written; `words` is one of a list, `treatments` and channels are several of one, `steps` are text."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value.

    Attributes:
        help: In a few words, beside the field.
        choices: Values with their words; where there are some, nothing else can be chosen.
        form: What it must look like, where the check would show a regular expression.
        only: Another value of the same part, and what it must be for this one to be asked.
        like: Suggestions, as the page calls a list of them.
        width: `wide`: all of a line; `broad`: half of it or more; empty: as it fits.
    """

    label: str
    kind: Kind = "text"
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    form: str = ""
    only: tuple[str, str] | None = None
    like: str = ""
    width: Literal["", "broad", "wide"] = ""


@dataclass(frozen=True, slots=True)
class Picks:
    """Several of a list, in the order in which they were chosen; without `choices`: of the strategy's treatments."""

    label: str
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """Values that belong together; `title` is empty where they stand with those around them."""

    parts: Mapping[str, "Part"]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """As many of one kind as somebody adds.

    Attributes:
        called: One of them.
        title: All of them.
        starts: Each way to add one: its label, and the values with which it begins.
        ordered: Whether their order means something.
    """

    called: str
    title: str
    of: Record
    help: str = ""
    starts: tuple[tuple[str, Mapping[str, str]], ...] = ()
    ordered: bool = True


Part = Leaf | Picks | Record | Items


@dataclass(frozen=True, slots=True)
class Section:
    """One step of the form: the parts of the text that it asks, by their names."""

    name: str
    title: str
    lead: str
    parts: tuple[str, ...] = field(default=())


_MEASURES: Final = tuple((name, f"{OUTCOMES[name].title}: {OUTCOMES[name].about}") for name in get_args(Measure))
_CHANNELS: Final = tuple(
    (name, (spoken(name)[:1].upper() + spoken(name)[1:]).replace("Ivr", "IVR").replace("Sms", "SMS"))
    for name in get_args(Channel)
    if name != "any"
)
_WINDOWS: Final = (("7", "7 days"), ("30", "30 days"), ("90", "90 days"))


def _rules(called: str, title: str, help_: str) -> Items:
    return Items(
        called,
        title,
        Record(
            {
                "when": Leaf("Only where", "condition", width="wide"),
                "otherwise": Leaf(
                    "Said of a customer where it is not so", help="Such as: has an open support ticket", width="broad"
                ),
                "code": Leaf("Short name in records", "code", "May be left empty."),
            }
        ),
        help_,
        (("Add a rule", {}),),
    )


_BECAUSE: Final = Items(
    "reason",
    "What speaks for it",
    Record(
        {
            "when": Leaf("Where", "condition", width="wide"),
            "says": Leaf(
                "What may be said to the customer",
                help="A whole sentence; a care agent may say it aloud.",
                width="broad",
            ),
            "code": Leaf("Short name in records", "code", "May be left empty."),
        }
    ),
    "Told where it holds; it keeps nobody out.",
    (("Add a reason", {}),),
)
_MOVES: Final = Items(
    "offering",
    "Offerings, of which the first that fits is ordered",
    Record(
        {
            "title": Leaf("What people call it"),
            "offering": Leaf("Its id in your catalogue"),
            "replaces": Leaf("Takes the place of", help="The id of what the customer must hold. Empty: it is added."),
            "costs": Leaf("What you give up with it", "amount", "May be left empty."),
        }
    ),
    starts=(("Add an offering", {}),),
)
_CREDIT, _ORDER = ("kind", "adjust_balance"), ("kind", "order_product")
_ACTION: Final = Record(
    {
        "kind": Leaf("Kind", "hidden"),
        "of_monthly": Leaf("Share of what they spend in a month", "share", "With an offering: on top of its own cost."),
        "at_most": Leaf("Never more than", "amount"),
        "in_steps_of": Leaf("Rounded down to steps of", "amount", "May be left empty.", only=_CREDIT),
        "moves": _MOVES,
    },
    "What it gives",
)
_KEEPS, _SOLD = ("of", "staying"), ("of", "taking_up")
_VALUE: Final = Record(
    {
        "of": Leaf(
            "It is worth something because",
            "words",
            choices=(("staying", "customers stay who would have left"), ("taking_up", "customers take it up")),
        ),
        "removes": Leaf("Share of the chance of leaving that is gone", "share", "An assumption.", only=_KEEPS),
        "chance": Leaf("How many take it up", "share", "An assumption.", only=_SOLD),
        "worth": Leaf("What one of them then spends more in a month", "amount", "An assumption.", only=_SOLD),
        "months": Leaf("For how many months", "number", only=_SOLD),
    },
    "What it is worth",
)
_TREATMENTS: Final = Items(
    "treatment",
    "Treatments",
    Record(
        {
            "title": Leaf("Title"),
            "code": Leaf(
                "Short name in records", "code", "Left empty, it is made of the title. It stays in all versions."
            ),
            "action": _ACTION,
            "value": _VALUE,
            "eligible": _rules("rule", "May they have it?", "What rules and consent ask, such as open_tickets = 0."),
            "applicable": _rules("rule", "Can they use it?", "What they must have, or not have, for it to make sense."),
            "suitable": _rules("rule", "Is it good for them?", "What makes it good for this customer."),
            "because": _BECAUSE,
        }
    ),
    starts=(
        ("Add money on the balance", {"action.kind": "adjust_balance", "value.of": "staying"}),
        ("Add an offering to order", {"action.kind": "order_product", "value.of": "taking_up"}),
    ),
)
_RAILS: Final = Items(
    "guard rail",
    "Guard rails",
    Record(
        {
            "measure": Leaf("What is watched", "words", choices=_MEASURES, width="broad"),
            "must_not": Leaf(
                "Among those who are treated it must not", "words", choices=(("rise", "rise"), ("fall", "fall"))
            ),
            "by_more_than": Leaf("By more than", "margin", "Such as 0.5 points; of spend in per cent: 5 %."),
            "confidence": Leaf("How sure one must be", "share", "95 is usual."),
            "sample": Leaf("From how many customers of each group", "number", "With fewer nothing is known."),
            "then": Leaf(
                "What is done then",
                "words",
                choices=(
                    ("step_back", "Back to the stage before"),
                    ("stop", "Nobody more is treated"),
                    ("stop_and_reverse", "Nobody more is treated; taking back what was given is proposed"),
                ),
            ),
        }
    ),
    "Each compares those who are treated with the control group.",
    (("Add a guard rail", {"must_not": "rise", "confidence": "95", "sample": "500", "then": "step_back"}),),
    ordered=False,
)
_ARMS: Final = Items(
    "arm",
    "Arms",
    Record(
        {
            "name": Leaf("Short name", "text", "Small letters, digits and _."),
            "share": Leaf("Share of the treated", "share", "All arms together have 100 %."),
            "treatments": Picks("What they may get"),
        }
    ),
    "Leave them out, unless you want to compare treatments: each arm may get only some of them.",
    (("Add an arm", {}),),
    ordered=False,
)

SHAPE: Final = Record(
    {
        "name": Leaf(
            "Short name in records",
            help="It stays in all versions: who is in the control group goes by it.",
        ),
        "title": Leaf("Title", help="What people call it, at most 60 characters.", width="broad"),
        "about": Leaf("What it does", help="One sentence, at most 160 characters.", width="wide"),
        "agent": Leaf(
            "Carried out by",
            help="The application whose runs carry it out.",
            form="the name of an application, in small letters, such as retention",
            like="agents",
        ),
        "market": Record(
            {
                "code": Leaf(
                    "Country",
                    help="Two small letters, such as de.",
                    form="two small letters, such as de",
                    like="countries",
                ),
                "currency": Leaf("Currency", help="Of all amounts; none is converted.", like="currencies"),
                "time_zone": Leaf("Time zone", help="Such as Europe/Berlin.", like="zones"),
            }
        ),
        "objective": Record(
            {
                "measure": Leaf("What it is to change", "words", choices=_MEASURES, width="broad"),
                "direction": Leaf("Which is to be", "words", choices=(("lower", "lower"), ("higher", "higher"))),
                "within_days": Leaf(
                    "Measured after",
                    "words",
                    choices=(("30", "30 days"), ("90", "90 days"), ("365", "365 days")),
                ),
            }
        ),
        "cohort": Leaf(
            "Condition",
            "condition",
            "What a customer must be like to be in it. What is not known of them does not hold.",
            width="wide",
        ),
        "treatments": _TREATMENTS,
        "contact": Record(
            {
                "purpose": Leaf(
                    "Whose consent is asked",
                    "words",
                    choices=(
                        ("marketing", "Consent to marketing"),
                        ("profiling", "Consent to profiling"),
                        ("service", "None: it is about a service that they have"),
                    ),
                    width="broad",
                ),
                "channels": Picks("Where it may be said", choices=_CHANNELS),
                "cool_down_days": Leaf("Days of rest after any message of ours", "number", "0: none."),
                "most_per_period": Leaf("At most so many messages", "number"),
                "period_days": Leaf("In", "words", choices=_WINDOWS),
                "after_refusal_days": Leaf(
                    "After a refusal it says nothing for", "words", choices=(("0", "no time"), *_WINDOWS)
                ),
                "quiet_hours": Leaf("Quiet hours", help="Such as 21:00 to 09:00, time of the market. Empty: none."),
            }
        ),
        "value": Record(
            {
                "margin": Leaf("What is left of 100 of revenue", "share", "An assumption."),
                "horizon_months": Leaf("For how many months who stays is counted", "number", "An assumption."),
                "weight": Leaf("How much it counts beside other strategies", "share", "100: as much as any other."),
            },
            "What the arithmetic takes for granted",
        ),
        "budget": Record(
            {
                "total": Leaf("In all, at most", "amount"),
                "per_customer": Leaf("To one customer, at most", "amount"),
                "period_days": Leaf("In so many days", "number", "What one customer may get is for these."),
            }
        ),
        "holdout": Leaf(
            "Control group", "share", "So many of them never get anything, so that you see what it was worth."
        ),
        "arms": _ARMS,
        "explore": Leaf(
            "Explore with",
            "share",
            "Of so many of the treated chance chooses among what they may get, so that it can be told what another "
            "choice would bring. Leave it out, and the one worth most is chosen.",
        ),
        "steps": Leaf(
            "Steps",
            "steps",
            "They are written as text, as in the file; see the page Strategies for what they may say. Empty: the best "
            "of all treatments, at once.",
            width="wide",
        ),
        "rollout": Record(
            {
                "enters": Leaf(
                    "Customers come in",
                    "words",
                    "As it happens: for what is worth something only while it is fresh.",
                    choices=(
                        ("in_stages", "when a stage begins: whoever is in it then"),
                        ("as_they_come", "as it happens: whoever is in it after something happened to them"),
                    ),
                    width="broad",
                ),
                "stages": Leaf("Stages", "stages", "Shares that grow to 100, such as 10, 25, 50, 100."),
                "hold_days": Leaf("Days that each stage is watched before the next", "number"),
                "per_hour": Leaf("At most so many customers in an hour", "number"),
                "guard_rails": _RAILS,
            }
        ),
        "term": Record(
            {
                "first": Leaf("First day", "day"),
                "last": Leaf("Last day", "day"),
            }
        ),
    }
)

SECTIONS: Final = (
    Section("purpose", "What it is for", "", ("title", "about", "name", "objective", "agent", "market")),
    Section("whom", "For whom", "A condition on what is known of customers.", ("cohort",)),
    Section(
        "gifts",
        "What they may get",
        "A customer gets at most the one that is worth the most; the first rule that does not hold is the reason told.",
        ("treatments",),
    ),
    Section("over_time", "In which steps", "What is done over time, one step after the other.", ("steps",)),
    Section("contact", "How often and when", "The tenant's own contact policy holds beside it.", ("contact",)),
    Section("money", "How much money", "", ("budget", "value")),
    Section("left_out", "Who is left out", "", ("holdout", "arms", "explore")),
    Section("speed", "How fast", "", ("rollout.enters", "rollout.stages", "rollout.hold_days", "rollout.per_hour")),
    Section("stops", "What stops it", "", ("rollout.guard_rails",)),
    Section("term", "From when until when", "", ("term",)),
)
"""The steps of the form, in their order; together they ask every part of `SHAPE` once."""

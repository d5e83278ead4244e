"""A customer's live state as decisions read it: what events lead to, as of a time.

Amounts are minor units; a figure of money has its currency behind a colon: `recharged_minor:USD`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, Field, StrictBool, StrictInt

from placet.contracts.base import CustomerId, Digest, Frozen
from placet.contracts.events.about import Area, AreaCode, BasisPoints, BirthYear
from placet.contracts.events.envelope import SIMULATED
from placet.contracts.money import Money
from placet.contracts.times import Day

WINDOWS: tuple[int, ...] = (7, 30, 90)
"""Days of the rolling windows; each ends with the day of `as_of`, in UTC."""

FIGURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "recharges": "recharges",
        "credits": "amounts added to the balance by an adjustment",
        "debits": "amounts taken from the balance by an adjustment",
        "balance_checks": "times that the balance was asked for",
        "app_visits": "visits to the app",
        "data_mb": "MB of mobile data",
        "voice_seconds": "seconds of calls",
        "messages": "messages sent",
        "roaming_uses": "uses of a service abroad",
        "bills_issued": "bills issued",
        "bills_disputed": "bills disputed",
        "bills_paid": "payments of bills",
        "wallet_payments": "payments by the wallet",
        "tickets_opened": "support tickets opened",
        "tickets_closed": "support tickets closed",
        "network_faults": "faults of the network",
        "network_fault_minutes": "minutes that the network failed",
        "competitor_signals": "signs of a competitor",
        "plan_changes": "changes of a product",
        "contacts": "messages of ours that reached them",
        "refusals": "offers refused",
        "nps_answers": "answers to the survey of recommendation",
        "csat_answers": "answers to the survey of satisfaction",
        "at_home": "times at home",
        "at_work": "times at work",
        "at_airport": "times at an airport",
        "at_abroad": "times abroad",
        "at_stadium": "times in a stadium",
        "at_store": "times in a store",
        "at_other": "times elsewhere",
        "corrections": "events taken back",
    }
)
"""All that a window counts, by name, and what each is."""

AMOUNTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "recharged_minor": "put on the balance",
        "billed_minor": "billed",
        "paid_minor": "paid of bills",
        "wallet_minor": "paid by the wallet",
        "credited_minor": "added to the balance by an adjustment",
        "debited_minor": "taken from the balance by an adjustment",
    }
)
"""All amounts of a window, without their currency, and what was done with each."""

FigureName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}(:[A-Z]{3})?$")]


class Figure(Frozen):
    """One figure of a window."""

    name: FigureName
    value: StrictInt


class Window(Frozen):
    """What happened in the last `days` days; what did not happen has no figure."""

    days: StrictInt
    figures: tuple[Figure, ...]

    def figure(self, name: str) -> int:
        """Return a figure; 0 where nothing happened."""
        return next((one.value for one in self.figures if one.name == name), 0)


class Rhythm(Frozen):
    """How regularly something recurs, against the customer's own norm.

    Attributes:
        usual_hours: Median time between two.
        since_hours: Time since the last one.
        late_percent: `since_hours` over `usual_hours` less one, in per cent; below zero: it is not due yet.
    """

    of: Literal["recharge", "payment"]
    usual_hours: StrictInt
    since_hours: StrictInt
    late_percent: StrictInt


class Trend(Frozen):
    """A figure's daily mean over the last 30 days against the 60 days before, in per cent."""

    name: FigureName
    percent: StrictInt


class Source(Frozen):
    """A system that events are from."""

    name: str
    newest: AwareDatetime


class Device(Frozen):
    """A device, as it was seen last."""

    device_id: str
    kind: str
    network: str
    has_line: StrictBool
    seen_at: AwareDatetime


class Product(Frozen):
    """A product, as it was changed last; one that ended is not listed."""

    product_id: str
    line: str
    offering_id: str
    since: AwareDatetime


class ConsentGiven(Frozen):
    """The newest word on one purpose and channel."""

    purpose: str
    channel: str
    given: StrictBool
    at: AwareDatetime


class LastContact(Frozen):
    """The newest message that reached the customer, and their answer."""

    channel: str
    purpose: str
    answer: str
    at: AwareDatetime


class Word(Frozen):
    """Something that is said of the customer: by which source, and when."""

    source: str
    at: AwareDatetime


class BirthYearSaid(Word):
    """When they were born."""

    value: BirthYear


class AreaSaid(Word):
    """What kind of place the home is in."""

    value: Area


class AreaCodeSaid(Word):
    """The source's code of that area."""

    value: AreaCode


class CustomerSinceSaid(Word):
    """The day on which they became a customer."""

    value: Day


class Description(Frozen):
    """Who they are: the newest word on each field; None where nothing was said."""

    birth_year: BirthYearSaid | None = None
    area: AreaSaid | None = None
    area_code: AreaCodeSaid | None = None
    customer_since: CustomerSinceSaid | None = None


class ChurnSaid(Word):
    """The newest score of a churn model; it decides nothing."""

    basis_points: BasisPoints
    model: Digest


class OnePerson(Frozen):
    """Ids that signed merges make one person.

    Attributes:
        ids: All of them, the one that the person keeps first.
        since: When the newest of the merges was taken: since then all of them are one.
    """

    ids: tuple[CustomerId, ...]
    since: AwareDatetime


class CustomerState(Frozen):
    """One customer as of a time.

    Attributes:
        as_of: For this time windows and rhythm are computed.
        newest: When the newest event happened; None where none is known. What is only said about them is none.
        version: How many events were taken, corrected ones among them: a later state has a higher one.
        sources: The systems whose events these are, each with its newest; one called `simulated` is not real.
        household_id: The household that they are a member of.
        open_tickets: Topics of the support tickets that are open.
        balance: What was left, as they were told last or as it was adjusted last.
        competitor: The newest sign of a competitor.
        place: The class of the last known place.
        nps: Last answer to the survey of recommendation, 0 to 10.
        csat: Last answer to the survey of satisfaction, 1 to 5.
        signals: What stands out, each a sentence for a business person.
        described: Who they are; left out where nothing was said, as in states from before there was such a word.
        churn: What a model said of them; left out as well.
        one_person: The ids whose events these are, where the customer's is merged with others; left out elsewhere.
    """

    customer_id: CustomerId
    as_of: AwareDatetime
    newest: AwareDatetime | None
    version: StrictInt
    sources: tuple[Source, ...]
    household_id: str | None
    windows: tuple[Window, ...]
    rhythms: tuple[Rhythm, ...]
    trends: tuple[Trend, ...]
    devices: tuple[Device, ...]
    products: tuple[Product, ...]
    consents: tuple[ConsentGiven, ...]
    open_tickets: tuple[str, ...]
    last_contact: LastContact | None
    balance: Money | None
    competitor: str | None
    place: str | None
    nps: StrictInt | None
    csat: StrictInt | None
    signals: tuple[str, ...] = ()
    described: Annotated[Description | None, Field(exclude_if=lambda said: said is None)] = None
    churn: Annotated[ChurnSaid | None, Field(exclude_if=lambda said: said is None)] = None
    one_person: Annotated[OnePerson | None, Field(exclude_if=lambda merged: merged is None)] = None

    def for_decisions(self) -> Self:
        """Return what a run may read: nothing of who they are, and no score that somebody sent."""
        return self.model_copy(update={"described": None, "churn": None})

    def window(self, days: int) -> Window:
        """Return one of `WINDOWS`."""
        return next(window for window in self.windows if window.days == days)


class HouseholdMember(Frozen):
    """One member of a household, in short.

    Attributes:
        version: How many events of theirs were taken.
        signals: What stands out about them.
    """

    customer_id: CustomerId
    newest: AwareDatetime | None
    version: StrictInt
    products: tuple[Product, ...]
    signals: tuple[str, ...]


class HouseholdState(Frozen):
    """One household as of a time: its members' states, put together.

    Attributes:
        newest: When the newest event of a member happened; None where none is known.
        version: How many events of its members were taken. It falls when a member leaves.
        members: Who says by their own newest word that they are of this household, by id.
        more_members: Whether there are more than are shown; they count in nothing here.
        windows: Sums over the members.
        devices: Each device once, as it was seen last by any member.
        signals: What stands out about the household.
    """

    household_id: CustomerId
    as_of: AwareDatetime
    newest: AwareDatetime | None
    version: StrictInt
    sources: tuple[Source, ...]
    members: tuple[HouseholdMember, ...]
    more_members: StrictBool
    windows: tuple[Window, ...]
    devices: tuple[Device, ...]
    signals: tuple[str, ...] = ()

    def window(self, days: int) -> Window:
        """Return one of `WINDOWS`."""
        return next(window for window in self.windows if window.days == days)


class StateRead(Frozen):
    """The live state that a run read, in short. The state itself is kept by its digest.

    Attributes:
        digest: SHA-256 of the `CustomerState` in its RFC 8785 form.
        version: How many events it came from; 0 where none of the customer is known.
        simulated: Whether some of the events are not real.
        signals: What stood out.
        one_person: The ids whose events they were, where several are one person; left out elsewhere.
    """

    digest: Digest
    as_of: AwareDatetime
    version: StrictInt
    newest: AwareDatetime | None
    simulated: StrictBool
    signals: tuple[str, ...] = ()
    one_person: Annotated[OnePerson | None, Field(exclude_if=lambda merged: merged is None)] = None

    @classmethod
    def of(cls, state: CustomerState, digest: str) -> Self:
        """Return a state in short."""
        return cls(
            digest=digest,
            as_of=state.as_of,
            version=state.version,
            newest=state.newest,
            simulated=any(source.name == SIMULATED for source in state.sources),
            signals=state.signals,
            one_person=state.one_person,
        )

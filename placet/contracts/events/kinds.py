"""The kinds of event: one class each for what it says, and one for the event.

The number at the end of a type is the version of what it says. A field is never given another meaning: a new meaning is
a new version, and the old one stays as long as events of it arrive.
"""

from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import Field, StrictBool, StrictInt, StringConstraints, TypeAdapter, model_validator

from placet.contracts.base import CustomerId, ExternalId, ExternalWord, Frozen
from placet.contracts.events.about import ChurnScored, Described
from placet.contracts.events.envelope import CloudEvent, EventId, EventSource
from placet.contracts.identity.keys import Key
from placet.contracts.money import Bound
from placet.contracts.schemas.fields import described
from placet.contracts.times import Moment

Count = Annotated[StrictInt, Field(ge=0, le=10**12)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Purpose = Literal["marketing", "profiling", "service"]
MOST_CSAT: Final = 5
Channel = Literal["sms", "push", "in_app", "email", "whatsapp", "ivr", "agent", "store", "any"]


class BillIssuedData(Frozen):
    """A bill was issued."""

    bill_id: ExternalId
    amount: Bound


class BillIssued(CloudEvent):
    """`placet.bill.issued.v1`."""

    type: Literal["placet.bill.issued.v1"]
    data: BillIssuedData


class BillDisputedData(Frozen):
    """A customer objected to a bill."""

    bill_id: ExternalId
    about: Word = "amount"


class BillDisputed(CloudEvent):
    """`placet.bill.disputed.v1`."""

    type: Literal["placet.bill.disputed.v1"]
    data: BillDisputedData


class BillPaidData(Frozen):
    """A bill was paid, wholly or in part."""

    bill_id: ExternalId
    amount: Bound


class BillPaid(CloudEvent):
    """`placet.bill.paid.v1`."""

    type: Literal["placet.bill.paid.v1"]
    data: BillPaidData


class RechargedData(Frozen):
    """Money was put on a prepaid balance."""

    amount: Bound
    channel: Word = "unknown"


class Recharged(CloudEvent):
    """`placet.balance.recharged.v1`."""

    type: Literal["placet.balance.recharged.v1"]
    data: RechargedData


class BalanceAdjustedData(Frozen):
    """A balance was credited or debited by the operator; `remaining` is what was left then. No recharge is one."""

    direction: Literal["credit", "debit"]
    amount: Bound
    remaining: Bound | None = None


class BalanceAdjusted(CloudEvent):
    """`placet.balance.adjusted.v1`."""

    type: Literal["placet.balance.adjusted.v1"]
    data: BalanceAdjustedData


class UsedData(Frozen):
    """A service was used: data in MB, voice in seconds, messages by number."""

    service: Literal["data", "voice", "sms"]
    quantity: Count
    roaming: StrictBool = False


class Used(CloudEvent):
    """`placet.usage.recorded.v1`."""

    type: Literal["placet.usage.recorded.v1"]
    data: UsedData


class BalanceCheckedData(Frozen):
    """A customer asked what is left; `remaining` is what they were told."""

    remaining: Bound | None = None
    channel: Word = "unknown"


class BalanceChecked(CloudEvent):
    """`placet.balance.checked.v1`."""

    type: Literal["placet.balance.checked.v1"]
    data: BalanceCheckedData


class AppVisitedData(Frozen):
    """The operator's app was opened."""

    screen: Word = "home"


class AppVisited(CloudEvent):
    """`placet.app.visited.v1`."""

    type: Literal["placet.app.visited.v1"]
    data: AppVisitedData


class WalletPaidData(Frozen):
    """The wallet was used to pay; `category` is the merchant's."""

    amount: Bound
    category: Word = "other"


class WalletPaid(CloudEvent):
    """`placet.wallet.paid.v1`."""

    type: Literal["placet.wallet.paid.v1"]
    data: WalletPaidData


class TicketData(Frozen):
    """A support ticket was opened or closed."""

    ticket_id: ExternalId
    status: Literal["opened", "closed"]
    topic: Word
    severity: Literal["low", "medium", "high"] = "medium"


class Ticket(CloudEvent):
    """`placet.support.ticket.v1`."""

    type: Literal["placet.support.ticket.v1"]
    data: TicketData


class NetworkFaultData(Frozen):
    """The network failed where the customer was."""

    minutes: Annotated[StrictInt, Field(ge=0, le=100_000)]
    severity: Literal["low", "medium", "high"] = "medium"


class NetworkFault(CloudEvent):
    """`placet.network.fault.v1`."""

    type: Literal["placet.network.fault.v1"]
    data: NetworkFaultData


class CompetitorData(Frozen):
    """A sign of a competitor: its app opened, a porting code asked for, its SIM seen."""

    sign: Literal["app_opened", "porting_asked", "sim_seen", "price_asked"]
    competitor: ExternalWord = ""


class Competitor(CloudEvent):
    """`placet.competitor.signal.v1`."""

    type: Literal["placet.competitor.signal.v1"]
    data: CompetitorData


class DeviceSeenData(Frozen):
    """A device was seen on the customer's line or at home."""

    device_id: ExternalId
    kind: Literal["phone", "tablet", "computer", "tv", "watch", "router", "other"]
    network: Literal["mobile", "home"]
    has_line: StrictBool


class DeviceSeen(CloudEvent):
    """`placet.device.seen.v1`."""

    type: Literal["placet.device.seen.v1"]
    data: DeviceSeenData


class PlanChangedData(Frozen):
    """A product began, changed its offering, or ended (`offering_id` is then null)."""

    product_id: ExternalId
    line: Literal["mobile", "internet", "tv", "wallet", "other"]
    offering_id: ExternalId | None


class PlanChanged(CloudEvent):
    """`placet.plan.changed.v1`."""

    type: Literal["placet.plan.changed.v1"]
    data: PlanChangedData


class ConsentData(Frozen):
    """A customer gave or withdrew consent."""

    purpose: Purpose
    channel: Channel = "any"
    given: StrictBool


class Consent(CloudEvent):
    """`placet.consent.changed.v1`."""

    type: Literal["placet.consent.changed.v1"]
    data: ConsentData


class LocatedData(Frozen):
    """The class of the place where a customer was; never the place."""

    place: Literal["home", "work", "airport", "abroad", "stadium", "store", "other"]


class Located(CloudEvent):
    """`placet.location.class.v1`."""

    type: Literal["placet.location.class.v1"]
    data: LocatedData


class ContactedData(Frozen):
    """A message reached the customer, or they answered one."""

    channel: Channel
    purpose: Purpose
    answer: Literal["none", "opened", "accepted", "refused"] = "none"


class Contacted(CloudEvent):
    """`placet.customer.contacted.v1`."""

    type: Literal["placet.customer.contacted.v1"]
    data: ContactedData


class ScoredData(Frozen):
    """A customer answered a survey: NPS from 0 to 10, CSAT from 1 to 5."""

    survey: Literal["nps", "csat"]
    score: Annotated[StrictInt, Field(ge=0, le=10)]

    @model_validator(mode="after")
    def _on_its_scale(self) -> Self:
        if self.survey == "csat" and not 1 <= self.score <= MOST_CSAT:
            raise ValueError(f"a score of csat is from 1 to {MOST_CSAT}")
        return self


class Scored(CloudEvent):
    """`placet.survey.answered.v1`."""

    type: Literal["placet.survey.answered.v1"]
    data: ScoredData


class HouseholdData(Frozen):
    """A customer joined a household, or left it (null)."""

    household_id: CustomerId | None


class Household(CloudEvent):
    """`placet.household.changed.v1`."""

    type: Literal["placet.household.changed.v1"]
    data: HouseholdData


class KeyData(Frozen):
    """A key is the customer's, since a time if the source knows it; or (`held` false) it is theirs no longer."""

    key: Key
    held: StrictBool = True
    since: Moment | None = None


class KeyDeclared(CloudEvent):
    """`placet.key.declared.v1`."""

    type: Literal["placet.key.declared.v1"]
    data: KeyData


class CorrectionData(Frozen):
    """What an event said is not so: the state becomes what it would be without that event."""

    source: EventSource
    id: EventId
    reason: Word


class Correction(CloudEvent):
    """`placet.event.corrected.v1`."""

    type: Literal["placet.event.corrected.v1"]
    data: CorrectionData


Event = (
    BillIssued
    | BillDisputed
    | BillPaid
    | Recharged
    | BalanceAdjusted
    | Used
    | BalanceChecked
    | AppVisited
    | WalletPaid
    | Ticket
    | NetworkFault
    | Competitor
    | DeviceSeen
    | PlanChanged
    | Consent
    | Located
    | Contacted
    | Scored
    | Household
    | KeyDeclared
    | Described
    | ChurnScored
    | Correction
)
"""Any event that is understood."""

EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])
"""Reads one event from JSON, or from data."""

EVENT_TYPES: tuple[str, ...] = tuple(get_args(kind.model_fields["type"].annotation)[0] for kind in get_args(Event))
"""The types that are understood."""


def event_schema() -> dict[str, Any]:
    """Return the JSON schema of all kinds (JSON Schema 2020-12)."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described(EVENT.json_schema())}

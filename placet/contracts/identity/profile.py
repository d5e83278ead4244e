"""One view of a customer over billing, events and the record. Every field says where it is from, and how old it is."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StrictBool, StrictInt

from placet.contracts.base import CustomerId, Frozen, RunId

SectionName = Literal["billing", "live", "household", "consents", "decisions", "keys"]


class Origin(Frozen):
    """Where a field is from.

    Attributes:
        of: `billing`: what it answered a run. `events`: what systems sent. `record`: what runs did here.
        at: When billing was read, the newest of the events happened, or the run last changed.
        exact: Whether `at` is that time; False where its day alone is known.
        events: How many events it came from, where that is known.
        sources: The systems that sent the events, where they are known of this field.
        run_id: The run that asked billing, or that did it.
        simulated: Whether some of it is not real.
    """

    of: Literal["billing", "events", "record"]
    at: AwareDatetime
    exact: StrictBool = True
    events: StrictInt | None = None
    sources: tuple[str, ...] = ()
    run_id: RunId | None = None
    simulated: StrictBool = False


class ProfileField(Frozen):
    """One thing known.

    Attributes:
        name: What it is, as a code: `bill`, `consent`, `balance`.
        label: What it is, for people.
        value: What is known, in words; words of other systems in quotation marks.
        masked: Whether the value is a key that whoever asks may not see whole.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
    label: str
    value: str
    origin: Origin
    masked: StrictBool = False


class ProfileSection(Frozen):
    """What is known of one side of a customer; without fields, nothing is."""

    name: SectionName
    fields: tuple[ProfileField, ...]


class Profile(Frozen):
    """One customer.

    Attributes:
        keys_masked: Whether keys are shown masked, because whoever asks may not see them.
        sections: All sides, in one order.
    """

    customer_id: CustomerId
    as_of: AwareDatetime
    keys_masked: StrictBool
    sections: tuple[ProfileSection, ...]

"""The base of every message, and the identifiers that appear in all of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

from placet.contracts.text import NAME, is_plain, is_text, shortened, step


class Frozen(BaseModel):
    """Immutable data that may cross a boundary; an unknown field is an error, never a default."""

    # A validator is built when first used: a command uses few of the models that it imports.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


_SECRETS = frozenset({"api_key", "password", "secret", "secret_env", "token"})


class Validation(Protocol):
    """What a failed validation says of itself: pydantic's own error, and FastAPI's of a request."""

    def errors(self) -> Sequence[Any]:
        """Return the faults, the first first."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one value, for a person.

    Attributes:
        where: The names and places that lead to it, joined by dots; empty for the value as a whole.
        shown: The value, shortened; empty where none was given, or it is everything that was.
        said: What is expected.
    """

    where: str
    shown: str
    said: str

    def line(self) -> str:
        """Say it in one line: where, the value, what is expected."""
        if not self.where:
            return self.said
        return f"{self.where} {self.told()}" if self.shown else f"{self.where}: {self.said}"

    def told(self) -> str:
        """Say it where the place is told beside it: the value, what is expected."""
        return f"{self.shown}: {self.said}" if self.shown else self.said


def fault_of(error: Validation) -> Fault:
    """Return the first fault of a document."""
    return _fault(error.errors()[0])


def faults_of(error: Validation) -> Iterator[tuple[tuple[str | int, ...], Fault]]:
    """Yield all faults of a document, each with the names and places that lead to it."""
    for fault in error.errors():
        yield fault["loc"], _fault(fault)


def _fault(fault: Mapping[str, Any]) -> Fault:
    where, context = ".".join(step(str(part)) for part in fault["loc"]), fault.get("ctx", {})
    if fault["type"] == "missing":  # its input is all that is there
        return Fault(where, "", "it is missing, and must be there")
    if fault["type"] == "extra_forbidden":  # a misspelt name may be that of a secret
        return Fault(where, "", "there is no field of this name; check its spelling")
    if fault["type"] == "json_invalid":  # FastAPI names the character as a place, and calls the text an empty table
        return Fault("", "", f"it is not JSON: {context.get('error', 'it cannot be read')}")
    # Who writes a key where its name belongs must not find it in a log.
    names = [part for part in fault["loc"] if isinstance(part, str)]
    secret = _SECRETS & {*names, *(name.rpartition("_")[2] for name in names)}
    given = fault["input"]
    if isinstance(given, bytes) and not names[1:]:  # FastAPI has not read what is not said to be JSON
        return Fault(where, "", "it is not read as JSON; send it with Content-Type: application/json")
    shown = "(not shown)" if secret else shortened(_written(given), NAME)
    return Fault(where, shown, _said(fault, context))


def _written(given: Any) -> str:
    """Write a value as its author did, who may know nothing of Python."""
    if isinstance(given, BaseModel):
        return f"'{given}'"
    if isinstance(given, date | time):
        return str(given)
    return "nothing" if given is None else repr(given)


def _said(fault: Mapping[str, Any], context: Mapping[str, Any]) -> str:
    """Return what is expected, in plain words where we have them for what pydantic says."""
    form = _FORMS.get(context.get("pattern", ""))
    if form is not None:
        return f"not {form}"
    plain = _PLAIN.get(fault["type"])
    said: str = fault["msg"] if plain is None else plain.format_map(context)
    return said.removeprefix("Value error, ")


_PLAIN = {
    "too_short": "at least {min_length} must be given",
    "too_long": "at most {max_length} may be given",
    "string_too_short": "write at least {min_length} characters",
    "string_too_long": "write at most {max_length} characters",
    "greater_than": "it must be more than {gt}",
    "greater_than_equal": "it must be {ge} or more",
    "less_than": "it must be less than {lt}",
    "less_than_equal": "it must be {le} or less",
    "int_parsing": "write a whole number",
    "int_type": "write a whole number",
    "int_from_float": "write a whole number",
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "literal_error": "write {expected}",
    "string_type": "write a text",
    "list_type": "it must be a list",
    "tuple_type": "it must be a list",
    "dict_type": "it must be an object: names, each with its value",
    "model_type": "it must be an object: names, each with its value",
    "model_attributes_type": "it must be an object: names, each with its value",
    "date_from_datetime_parsing": "write a day, such as 2026-03-01",
    "date_parsing": "write a day, such as 2026-03-01",
    "date_type": "write a day, such as 2026-03-01",
    "datetime_from_date_parsing": "write a time, such as 2026-03-01T12:00:00Z",
    "datetime_parsing": "write a time, such as 2026-03-01T12:00:00Z",
    "datetime_type": "write a time, such as 2026-03-01T12:00:00Z",
    "timezone_aware": "write its time zone as well, such as 2026-03-01T12:00:00Z",
}
"""What a person is told for the kinds of fault they meet (`type` in pydantic's errors)."""


def first_fault(error: Validation) -> str:
    """Describe the first fault of a document in one line for a person: where, the value, what is expected."""
    return fault_of(error).line()


DIGEST_FORM = r"^[0-9a-f]{64}$"
Digest = Annotated[str, StringConstraints(pattern=DIGEST_FORM)]
"""SHA-256 in lower-case hexadecimal."""

CHURN_SOURCE = r"^(counts|[0-9a-f]{64})$"
"""Where runs take the probability of leaving from."""

_TENANT = r"^[a-z][a-z0-9-]{0,30}$"
_AGENT = r"^[a-z][a-z0-9_]{0,30}$"
CUSTOMER_FORM = r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$"
"""Of a customer id."""
_RUN = r"^run-[0-9a-f]{20}$"
NAME_OF_OURS = r"^[a-z][a-z0-9_-]{0,47}$"
_PERSON = r"^[a-z0-9][a-z0-9._@-]{0,63}$"
REASON_CODE = r"^[a-z][a-z0-9_]{0,47}$"
_FORMS = {
    _TENANT: "a tenant's name, such as 'demo': lower-case letters, digits and '-'",
    _AGENT: "an agent's name, such as 'retention': lower-case letters, digits and '_'",
    CUSTOMER_FORM: "a customer id, such as 'C00042': letters, digits and '_.:-'",
    _RUN: "a run id, such as `placet run list` shows",
    NAME_OF_OURS: "a short name, such as 'small-credits': lower-case letters, digits, '_' and '-'",
    REASON_CODE: "a code, such as 'goodwill_credit': lower-case letters, digits and '_'",
    DIGEST_FORM: "a SHA-256: 64 digits of 0-9 and a-f",
    CHURN_SOURCE: "`counts`, nor all 64 characters of a model's digest, as its file is called in front of .json",
    _PERSON: "a person's name, such as 'olga': lower-case letters, digits and '._@-'",
}
"""What a person is told instead of a regular expression."""

TenantId = Annotated[str, StringConstraints(pattern=_TENANT)]
AgentName = Annotated[str, StringConstraints(pattern=_AGENT)]
CustomerId = Annotated[str, StringConstraints(pattern=CUSTOMER_FORM)]
RunId = Annotated[str, StringConstraints(pattern=_RUN)]
SYSTEM_ACTORS = frozenset(
    {"agent", "integrator", "notifier", "person", "placet", "plugin", "policy", "reconciler", "unverified", "worker"}
)
"""What the record calls parts of the system: nobody may bear such a name."""


def _of_a_person(name: str) -> str:
    if name in SYSTEM_ACTORS:
        raise ValueError(f"{name!r} names a part of the system; people have names of their own")
    return name


PersonName = Annotated[str, StringConstraints(pattern=_PERSON), AfterValidator(_of_a_person)]
"""A named human or a named system, as enrolled; never a shared account."""


def _plain(text: str) -> str:
    if not is_plain(text):
        raise ValueError("it holds characters that cannot be seen, a line break, or spaces at its ends")
    return text


PLAIN = AfterValidator(_plain)
"""Permit no character that cannot be seen."""

ExternalId = Annotated[str, StringConstraints(min_length=1, max_length=80), PLAIN]
"""What another system calls a resource of its own: people compare it by eye, so nothing in it may be unseen."""

ExternalWord = Annotated[str, StringConstraints(max_length=80), PLAIN]
"""A short word of another system, such as a status, that people or rules compare."""


def _text(text: str) -> str:
    if not is_text(text):
        raise ValueError("it holds half a character (a lone surrogate), which no UTF-8 can carry")
    return text


Text = Annotated[str, AfterValidator(_text)]
"""Any text at all. Python's own JSON reader lets half a character into a `str` on which nothing else is asked."""

ReasonCode = Annotated[str, StringConstraints(pattern=REASON_CODE)]

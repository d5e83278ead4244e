"""What a browser posts: bounded, from a page of ours, and with the session's own token."""

import hmac
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import urlsplit

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from placet.contracts.money import Money, parse_money
from placet.contracts.text import NAME, shortened
from placet.errors import UsageError

MOST_FIELDS: Final = 20
MOST_DIGITS: Final = 6
LARGEST_PART: Final = 32 * 1024
_CODE: Final = "malformed"
_MALFORMED: Final = re.compile(r"malformed:? (?P<where>[a-z_]+(?:\.[a-z0-9_]+)*)?(?P<said>[ :].+|.+)", re.DOTALL)
"""How `placet.service.given` says that a value is malformed, and where."""
TOKEN_FIELD: Final = "form_token"  # noqa: S105 - the name of a field


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, each once.

    Attributes:
        fields: Texts, by name.
        files: Contents of files that were handed in, by name of the field.
        called: What those files are called where they come from; nobody vouches for it.
    """

    fields: Mapping[str, str]
    files: Mapping[str, bytes]
    called: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a field without the spaces around it; empty where it was left out."""
        return self.fields.get(name, "").strip()


class Filled(dict[str, str]):
    """What somebody filled in, to be shown again; what was not is empty."""

    def __missing__(self, _name: str) -> str:
        return ""

    @classmethod
    def of(cls, form: Form) -> Self:
        """Return the texts of a form."""
        return cls({name: value.strip() for name, value in form.fields.items() if name != TOKEN_FIELD})


def code_of(text: str) -> str:
    """Return a code as people may write it: `Goodwill credit` is `goodwill_credit`."""
    return "_".join(text.lower().replace("-", " ").split())


def days_of(form: Form, label: str, most: int, name: str = "days") -> int:
    """Return a number of days that somebody typed.

    Args:
        form: The form.
        label: What the field is called on the page.
        most: The largest number.
        name: The field.

    Raises:
        UsageError: it is no whole number from 1 to `most`.
    """
    typed = form.text(name)
    days = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= MOST_DIGITS else 0
    if not 1 <= days <= most:
        raise UsageError(f"{label}: write a whole number from 1 to {most}, not {shortened(typed, NAME)!r}.", code=_CODE)
    return days


def amount_of(typed: str, label: str) -> Money:
    """Return an amount that somebody typed into the field that the page calls `label`.

    Raises:
        UsageError: it is none.
    """
    try:
        return parse_money(typed)
    except ValueError as error:
        said = f"{error}" if typed else "it is empty; write it like '12.50 EUR'"
        raise UsageError(f"{label}: {said}.", code=_CODE) from error


@contextmanager
def in_labels(labels: Mapping[str, str]) -> Iterator[None]:
    """Say what is wrong with a value under the label that its field has on the page.

    Args:
        labels: What the page calls each field of the message that is made of the form.

    Raises:
        UsageError: as it was raised, in the words of the page.
    """
    try:
        yield
    except UsageError as error:
        found = _MALFORMED.fullmatch(str(error))
        if found is None:
            raise
        where, said = found["where"] or "", found["said"]
        label = labels.get(where.partition(".")[0])
        sentence = f"{label}: {said.strip()}" if label else f"{where}{said}"
        raise UsageError(f"{sentence[:1].upper()}{sentence[1:]}", code=error.code) from error


class NotFromHere(HTTPException):
    """A form that no page of ours sent."""

    def __init__(self, why: str) -> None:
        super().__init__(HTTPStatus.FORBIDDEN, why)


def check_origin(request: Request, public_url: str) -> None:
    """Refuse what another site, or no browser, made the request for.

    `Referrer-Policy: no-referrer` makes browsers send `Origin: null` with a form, so that `Sec-Fetch-Site` comes first.
    Browsers send it by https and to this machine; by plain http to another one nothing says where a form came from.

    Raises:
        NotFromHere: it is not from a page of this console.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site == "same-origin":
            return
        raise NotFromHere("the form was sent from another site")
    if request.headers.get("origin", "").lower() != _origin(request, public_url):
        raise NotFromHere("the browser does not say that a page of this console sent the form; open it by https")


def check_token(form: Form, expected: str) -> None:
    """Refuse a form that does not carry the session's token.

    Raises:
        NotFromHere: it does not.
    """
    if not hmac.compare_digest(form.fields.get(TOKEN_FIELD, "").encode(), expected.encode()):
        raise NotFromHere("the page that sent the form is of another session; open it again")


async def read_form(
    request: Request, largest: int = LARGEST_PART, longest: int = LARGEST_PART, most: int = MOST_FIELDS
) -> Form:
    """Read a form of at most `most` fields; `largest` bounds a file, `longest` each of its texts, in bytes.

    Raises:
        HTTPException: it is no form, too large, or names a field twice.
    """
    try:
        return await _read_form(request, largest, longest, most)
    except LookupError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the form is in an encoding that there is not") from error
    except ClientDisconnect as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "the form did not arrive whole") from error


async def _read_form(request: Request, largest: int, longest: int, most: int) -> Form:
    fields: dict[str, str] = {}
    files: dict[str, bytes] = {}
    called: dict[str, str] = {}
    async with request.form(max_files=1, max_fields=most, max_part_size=longest) as read:
        for name, value in read.multi_items():
            if name in fields or name in files:
                raise HTTPException(HTTPStatus.BAD_REQUEST, "the form names a field twice")
            if isinstance(value, UploadFile):
                content = await value.read(largest + 1)
                if len(content) > largest:
                    raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a file may have {largest} bytes at most")
                files[name], called[name] = content, value.filename or ""
            elif "\x00" in value:
                raise HTTPException(HTTPStatus.BAD_REQUEST, "the form has a NUL in a text")
            else:
                fields[name] = value
    return Form(fields, files, called)


def _origin(request: Request, public_url: str) -> str:
    if public_url:
        parts = urlsplit(public_url)
        return f"{parts.scheme}://{parts.netloc}".lower()
    return f"{request.url.scheme}://{request.headers.get('host', '')}".lower()

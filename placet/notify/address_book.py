"""Who is told of what, over which channel: the address book of an installation, valid by construction.

A TOML file, `version = 1`; without one the console alone is told:

    version = 1
    console_url = "https://placet.operator.example/console"  # optional: where people find a run, as `…/runs/RUN`

    [[email]]
    address = "retention-leads@operator.example"
    tenants = ["demo"]
    roles = ["retention_lead"]

    [[webhook]]
    name = "desk"
    url = "https://desk.operator.example/placet"
    secret_file = "desk.secret"                         # or secret_env = "DESK_WEBHOOK_SECRET"
    tenants = ["demo"]
    roles = ["retention_lead", "finance"]
    occasions = ["asked", "expired"]                    # optional; the default is all but "decided"

It holds no secret: each is named, and read by whoever sends.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, get_args
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from placet.contracts.base import Frozen, TenantId
from placet.contracts.notification import Channel, Occasion
from placet.contracts.people.approver import RoleName
from placet.toml_files import load_toml

USUAL_OCCASIONS: tuple[Occasion, ...] = tuple(name for name in get_args(Occasion) if name != "decided")
"""What an entry is told of unless it says otherwise: whatever asks something of a person, or can no longer."""

_TO_A_SHELL = re.compile(r"[!#$%&*/?^`{|}~]")


def mail_address(text: str) -> str:
    """Return `text` if it is a bare e-mail address in ASCII; its domain may be one that only a closed network knows.

    Raises:
        ValueError: it is not.
    """
    try:
        # Nothing is looked up; `.internal` and single labels are names of closed networks.
        validate_email(
            text,
            check_deliverability=False,
            globally_deliverable=False,
            allow_smtputf8=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
        )
    except EmailNotValidError as error:
        raise ValueError(f"it is not an e-mail address: {error}") from error
    if _TO_A_SHELL.search(text):
        raise ValueError("it is not an e-mail address that every mail server takes; use letters, digits and . _ + - =")
    return text


MailAddress = Annotated[str, Field(max_length=254), AfterValidator(mail_address)]
WebhookName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,47}$")]

_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")


def _web_address(url: str) -> str:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(f"it is not a web address: {error}") from error
    if not sound or _UNPRINTABLE.search(url):
        raise ValueError("it is not a web address; write it like 'https://desk.operator.example/placet'")
    if "@" in parts.netloc or parts.fragment:
        raise ValueError("it must hold no user, password or fragment; a webhook proves itself by its signature")
    return url


WebAddress = Annotated[str, Field(max_length=500), AfterValidator(_web_address)]


class Audience(Frozen):
    """What every entry says: of whose runs, as which roles, and on which occasions it is told."""

    tenants: Annotated[tuple[TenantId, ...], Field(min_length=1)]
    roles: Annotated[tuple[RoleName, ...], Field(min_length=1)]
    occasions: Annotated[tuple[Occasion, ...], Field(min_length=1)] = USUAL_OCCASIONS

    def hears(self, tenant: str, roles: Sequence[str], occasion: Occasion) -> str | None:
        """Return the first of `roles` as which this entry is told; None where it is not."""
        if tenant not in self.tenants or occasion not in self.occasions:
            return None
        return next((role for role in roles if role in self.roles), None)


class MailEntry(Audience):
    """An e-mail address."""

    address: MailAddress


class WebhookEntry(Audience):
    """An address that takes signed POSTs (standardwebhooks.com).

    Attributes:
        name: What listings and the record call it.
        secret_file: File with the signing secret, `whsec_` and base64; relative to the address book's folder.
        secret_env: Name of the environment variable that holds it.
    """

    name: WebhookName
    url: WebAddress
    secret_file: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    secret_env: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")] | None = None

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if (self.secret_file is None) == (self.secret_env is None):
            raise ValueError(f"webhook {self.name!r} needs either secret_file or secret_env")
        if self.secret_env is not None and self.secret_env.startswith("PLACET_"):
            raise ValueError(f"secret_env {self.secret_env!r} begins like a setting of Placet; name it otherwise")
        return self


@dataclass(frozen=True, slots=True)
class Recipient:
    """One of those who are told; `role` is the one that is asked, empty where nobody is."""

    channel: Channel
    name: str
    role: str


class AddressBook(Frozen):
    """Who is told of what.

    Attributes:
        console_url: Where people find a run, for the text; empty where there is no such place.
    """

    version: Literal[1]
    console_url: Annotated[str, AfterValidator(lambda url: url and _web_address(url).rstrip("/"))] = ""
    email: tuple[MailEntry, ...] = ()
    webhook: tuple[WebhookEntry, ...] = ()

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        twice = [name for name, count in Counter(entry.name for entry in self.webhook).items() if count > 1]
        if twice:
            raise ValueError(f"webhook {twice[0]!r} is listed twice")
        return self

    def recipients(self, tenant: str, roles: Sequence[str], occasion: Occasion) -> tuple[Recipient, ...]:
        """List who is told on `occasion`, which concerns `roles`.

        The console of each role comes first, then the entries, each once.
        """
        entries: list[tuple[Channel, str, Audience]] = [
            *(("email", entry.address, entry) for entry in self.email),
            *(("webhook", entry.name, entry) for entry in self.webhook),
        ]
        told: dict[tuple[Channel, str], Recipient] = {
            ("console", role): Recipient("console", role, role) for role in roles
        }
        for channel, name, entry in entries:
            role = entry.hears(tenant, roles, occasion)
            if role is not None:
                told.setdefault((channel, name), Recipient(channel, name, role))
        return tuple(told.values())


def load_address_book(path: Path | None) -> AddressBook:
    """Load the address book in `path`; without one, only the console is told.

    Raises:
        ConfigurationError: the file cannot be read, or something in it is wrong.
    """
    if path is None:
        return AddressBook(version=1)
    return load_toml(path, AddressBook, "address book")

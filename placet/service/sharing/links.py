"""The link to a walkthrough: what it says, and how it is told from what anybody else writes.

A link says which run of which tenant, until when, whether people are named, and a nonce that names the link on the
record. It is encrypted and authenticated with AES-SIV (RFC 5297), so that whoever has it learns no tenant and no run
from it: the page behind it names neither. AES-SIV needs no nonce of its own: the same link is the same text. The key is
derived by HKDF from the installation's own token, as those of the console's sessions are. The record holds all that a
link says: whoever reads the record cannot make one.
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from pydantic import AwareDatetime, Field, SecretStr, ValidationError

from placet.contracts.base import Frozen, RunId, TenantId
from placet.governance.signing.assertions import from_base64url, to_base64url
from placet.governance.signing.seals import seal_key

PATH: Final = "/console/walkthrough/"
"""Where the console shows what a link leads to."""

_FORM: Final = re.compile(
    r"([a-z][a-z0-9-]{0,30})\.([0-9a-f]{20})\.([0-9]{1,11})\.([0-9a-f]{32})\.(named|roles) *",
    re.ASCII,
)
_NAMED, _ROLES = "named", "roles"
_PADDED: Final = 104
"""Characters of what a link says: its length tells nothing of the tenant."""
_SEALED: Final = re.compile(r"[A-Za-z0-9_-]{160}", re.ASCII)
"""`_PADDED` and 16 bytes that authenticate them, in base64url."""

LinkId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Link(Frozen):
    """What a link says.

    Attributes:
        link_id: A nonce of 128 random bits, which names the link on the run's record.
        names: Whether the people who decided are named; their roles alone otherwise.
    """

    tenant: TenantId
    run_id: RunId
    expires_at: AwareDatetime
    link_id: LinkId
    names: bool


class LinkSeal:
    """Seals links, and knows the ones it sealed.

    Args:
        secret: The installation's own token: a new one ends all links.
    """

    def __init__(self, secret: SecretStr) -> None:
        self._siv = AESSIV(seal_key(secret, "walkthrough link"))

    def text_of(self, link: Link) -> str:
        """Return the link as text; the same link is the same text."""
        said = ".".join(
            (
                link.tenant,
                link.run_id.removeprefix("run-"),
                str(int(link.expires_at.timestamp())),
                link.link_id,
                _NAMED if link.names else _ROLES,
            )
        )
        return to_base64url(self._siv.encrypt(said.ljust(_PADDED).encode(), None))

    def read(self, text: str) -> Link | None:
        """Return what a link says; None where this installation did not seal it. Its time is not looked at."""
        # A text that is no link is deciphered as well: it must not be answered sooner than another one.
        sealed = from_base64url(text if _SEALED.fullmatch(text) else "A" * 160)
        try:
            shape = _FORM.fullmatch(self._siv.decrypt(sealed, None).decode())
            if shape is None:
                return None
            return Link(
                tenant=shape[1],
                run_id=f"run-{shape[2]}",
                expires_at=datetime.fromtimestamp(int(shape[3]), UTC),
                link_id=shape[4],
                names=shape[5] == _NAMED,
            )
        except (InvalidTag, ValidationError, ValueError, OverflowError):  # or a time beyond the calendar
            return None

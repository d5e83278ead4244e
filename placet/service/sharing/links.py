"""The link to a walkthrough: what it says, and the seal by which it is known.

A link says which run of which tenant, until when, whether people are named, and a nonce that names the link on the
record. Its HMAC-SHA-256 is made with a key that HKDF derives from the installation's own token, as those of the
console's sessions are. The record holds all of a link but the seal: whoever reads the record cannot make one.
"""

import base64
import hmac
import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AwareDatetime, Field, SecretStr, ValidationError

from placet.contracts.base import Frozen, RunId, TenantId
from placet.governance.signing.seals import seal_key

PATH: Final = "/console/walkthrough/"
"""Where the console shows what a link leads to."""

LONGEST: Final = 256
"""Of a link, in characters; what is longer is none."""

LinkId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]

_FORM: Final = re.compile(
    r"([a-z][a-z0-9-]{0,30})\.([0-9a-f]{20})\.([0-9]{1,11})\.([0-9a-f]{32})\.(named|roles)\.([A-Za-z0-9_-]{43})",
    re.ASCII,
)
_NAMED, _ROLES = "named", "roles"


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
        self._key = seal_key(secret, "walkthrough link")

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
        return f"{said}.{self._seal(said)}"

    def read(self, text: str) -> Link | None:
        """Return what a link says; None where this installation did not seal it. Its time is not looked at."""
        shape = _FORM.fullmatch(text) if len(text) <= LONGEST else None
        said = text.rpartition(".")[0] if shape is not None else ""
        # A text that is no link is sealed as well: it must not be answered sooner than another one.
        sealed = hmac.compare_digest(self._seal(said), shape[6] if shape is not None else "")
        if shape is None or not sealed:
            return None
        try:
            return Link(
                tenant=shape[1],
                run_id=f"run-{shape[2]}",
                expires_at=datetime.fromtimestamp(int(shape[3]), UTC),
                link_id=shape[4],
                names=shape[5] == _NAMED,
            )
        except (ValidationError, ValueError, OverflowError):  # a time beyond the calendar
            return None

    def _seal(self, said: str) -> str:
        sealed = hmac.digest(self._key, said.encode(), "sha256")
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

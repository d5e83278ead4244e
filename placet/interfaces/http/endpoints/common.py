"""What requests of several kinds have in common: who asks, signed documents, reasons."""

from typing import Annotated

from fastapi import Header

from placet.contracts.base import Frozen, PersonName
from placet.contracts.people.signed import Remark
from placet.governance.signing import dsse

Operator = Annotated[
    PersonName,
    Header(
        alias="X-Placet-Operator",
        description="The named human or system that asks. The bearer token authenticates the upstream system; "
        "until single sign-on this header is its word for who asks, and is kept on the record as such.",
    ),
]


# Built at once: FastAPI looks into the body of a request before pydantic would build it, and complains.
class Why(Frozen, defer_build=False):
    """Why something is done; kept on the record."""

    reason: Remark = ""


class Signed(dsse.Envelope, defer_build=False):
    """A document that somebody signed, as a DSSE envelope over an in-toto statement; `payload` and `sig` are base64."""


def text_of(envelope: Signed) -> str:
    """Return the text of a signed document, as it is kept.

    Raises:
        DecisionRefused: it is over something else than an in-toto statement.
    """
    dsse.check_payload_type(envelope)
    return envelope.model_dump_json()

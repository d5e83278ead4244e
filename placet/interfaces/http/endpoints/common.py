"""What requests of several kinds have in common: signed documents and reasons."""

from placet.contracts.base import Frozen
from placet.contracts.people.signed import Remark
from placet.governance.signing import dsse


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

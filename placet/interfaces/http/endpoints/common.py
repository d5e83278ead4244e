"""What requests of several kinds have in common: signed documents, reasons, how a strategy is named."""

from typing import Annotated, Final

from fastapi import Path
from pydantic import Field

from placet.contracts.base import Frozen
from placet.contracts.people.signed import Remark
from placet.governance.signing import dsse

_NAMED: Final = r"^([a-z][a-z0-9_]{0,47}|[0-9a-f]{8,64})$"
_CALLED: Final = "a strategy's name, or a version of it or the beginning of one with eight digits or more"

Wanted = Annotated[str, Path(pattern=_NAMED, description=_CALLED)]
StrategyNamed = Annotated[str, Field(pattern=_NAMED, description=_CALLED)]


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

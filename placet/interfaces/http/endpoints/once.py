"""`Idempotency-Key`: a request that starts something and is sent again under the same key starts it once.

The key is on the record with what it started, and stands for it for ever. The same key with another request is refused.
"""

from typing import Annotated, Final

from fastapi import Depends, Header, Request

from placet.contracts.run import RunKey
from placet.errors import UsageError

_NAME: Final = "Idempotency-Key"


def _key(
    request: Request,
    key: Annotated[
        RunKey | None,
        Header(
            alias=_NAME,
            description="The same key is the same request, however often it is sent: what it started is answered "
            "again. With another request it is 409.",
        ),
    ] = None,
) -> str | None:
    if len(request.headers.getlist(_NAME)) > 1:
        raise UsageError(f"the header {_NAME} stands twice", code="malformed")
    return key


OnceKey = Annotated[str | None, Depends(_key)]
"""The key of a request, for an endpoint that starts something; None where it has none."""


def run_key(header: str | None, body: str | None) -> str | None:
    """Return the key of a run: from the header or, as it may also be sent, from the body.

    Raises:
        UsageError: they differ.
    """
    if header is not None and body is not None and header != body:
        raise UsageError(f"{_NAME} is {header!r}, `key` is {body!r}; send one of them", code="malformed")
    return body if header is None else header

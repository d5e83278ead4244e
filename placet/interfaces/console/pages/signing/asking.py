"""Asking for a signature: what each kind of document owes, and the question that is kept until it is answered."""

from collections.abc import Callable
from typing import NamedTuple

from starlette.responses import RedirectResponse, Response

from placet.contracts.people.approver import EnrolledKey
from placet.errors import DecisionRefused, UsageError
from placet.interfaces.console.pages.signing.own import own_passkeys
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.prompts import Prompt
from placet.interfaces.console.views.statement import ToSign


class Kind(NamedTuple):
    """One kind of document that is signed here.

    Attributes:
        predicate: Its in-toto predicate type.
        area: Where access policy must permit to deliver it.
        shown: Returns how it is shown before it is signed, from the bytes that are signed.
        take: Hands in the envelope that was made of the browser's answer, and leads on.
        own: Whether what is signed is the signer's own affair, which access policy need not permit.
    """

    predicate: str
    area: str
    shown: Callable[[Asked, Prompt], ToSign]
    take: Callable[[Asked, Prompt, str], Response]
    own: Callable[[Asked, Prompt], bool] = lambda _asked, _prompt: False


def check_may_sign(asked: Asked, kind: Kind, prompt: Prompt) -> None:
    """Stop a signature that access policy does not permit to deliver.

    Raises:
        UsageError: code `forbidden`.
    """
    if not kind.own(asked, prompt):
        asked.require("deliver", kind.area)


def ask_to_sign(asked: Asked, statement: bytes, subject: str = "") -> Response:
    """Keep a statement for this session, and lead to the page that shows it.

    `subject` is what its kind needs beside the statement; it is sealed with it.
    """
    name = asked.parts.prompts.ask(asked.visitor.session, "sign", subject, statement)
    return RedirectResponse(f"{ROOT}/sign/{name}", 303)


def required_passkeys(asked: Asked) -> tuple[EnrolledKey, ...]:
    """Return the visitor's passkeys that may be used at this address.

    Raises:
        UsageError: code `no_passkey`; there are none.
    """
    keys = own_passkeys(asked)
    if not keys:
        raise UsageError(
            f"No passkey of {asked.visitor.name!r} that may be used at this address is enrolled. Sign with a key file, "
            "by the command that the page shows.",
            code="no_passkey",
        )
    return keys


def check_entitled(asked: Asked, check: Callable[[EnrolledKey], None]) -> None:
    """Say before anybody signs why it would not count; whoever takes the document asks again.

    Args:
        asked: Who would sign.
        check: Raises `DecisionRefused` where a signature with this key would not count.

    Raises:
        UsageError: the visitor has no passkey here.
        DecisionRefused: none of the visitor's passkeys would count.
    """
    refusals = []
    for key in required_passkeys(asked):
        try:
            check(key)
        except DecisionRefused as error:
            refusals.append(error)
        else:
            return
    raise DecisionRefused(f"{refusals[-1]}. Nothing was signed.", code=refusals[-1].code) from refusals[-1]

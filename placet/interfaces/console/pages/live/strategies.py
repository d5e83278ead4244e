"""Strategies: paste a text, read what it says, see what it would do to the base, or for one customer."""

from dataclasses import dataclass, field, replace
from typing import Any, Final, Self, get_args

from pydantic import TypeAdapter
from starlette.responses import Response

from placet.contracts.base import CustomerId
from placet.contracts.events.kinds import Channel
from placet.contracts.money import parse_money
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.text import one_line, spoken
from placet.decisioning.strategies.hints import Here
from placet.decisioning.strategies.packages import market_named, markets, package_named, packages, written
from placet.errors import DecisionRefused, GovernanceError, StorageError, UsageError
from placet.interfaces.console.forms import Form
from placet.interfaces.console.guards.body_limit import LARGER
from placet.interfaces.console.jobs import Busy
from placet.interfaces.console.pages.live.outcomes import estimated
from placet.interfaces.console.pages.live.planning import MOST_CUSTOMERS, SECONDS, Together, choices, compared, planned
from placet.interfaces.console.pages.live.published import listed
from placet.interfaces.console.pages.signing.own import own_passkeys
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.customers.decisions import decision_of
from placet.interfaces.console.views.customers.estimates import estimate_of
from placet.interfaces.console.views.customers.strategies import check_of, preview_of
from placet.interfaces.telling.strategy_example import EXAMPLE
from placet.service.cohorts import check_size
from placet.service.given import value_of
from placet.service.strategies.checking import check_text
from placet.service.strategies.deciding import decide_for
from placet.service.strategies.given import LONGEST, strategy_given
from placet.service.strategies.previewing import preview

LONGEST_BYTES: Final = LARGER["/console/strategies"]
"""Of a text as it is posted: what is too long to be read is shown again all the same."""
MOST_FIELDS: Final = 100
CHANNELS: Final = tuple((one, spoken(one).replace("ivr", "IVR").replace("sms", "SMS")) for one in get_args(Channel))
_USUAL: Final = "agent"
_PACKAGE_DAYS: Final = 90
"""On how many days a ready strategy runs, until somebody writes otherwise."""
_BY_TEXT: Final = frozenset({"preview", "decide", "compare", "estimate"})
"""What is asked by the text, and needs a sound one."""
BY_ITSELF: Final = "hx-request"
"""What htmx says of a request; it shows no answer that is an error."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed, to be shown again as it was."""

    text: str = ""
    customer_id: str = ""
    channel: str = _USUAL
    package: str = ""
    market: str = "us"
    monthly: str = ""
    name: str = ""
    together: Together = field(default_factory=Together)

    @classmethod
    def of(cls, form: Form) -> Self:
        """Return what the fields of the page say."""
        # Browsers end lines in two characters; a fault is told by the place in what was typed.
        text = form.fields.get("text", "").replace("\r\n", "\n")
        return cls(
            text,
            form.text("customer_id"),
            form.text("channel") or _USUAL,
            form.text("package"),
            form.text("market") or "us",
            form.text("monthly"),
            form.text("name"),
            Together.of(form),
        )


def show(asked: Asked) -> Response:
    """Show the form."""
    return _page(asked, Typed(), 200, {})


def ask(asked: Asked, form: Form) -> Response:
    """Check a text; preview it, decide by it for one customer, plan with it, or compare it."""
    typed, do = Typed.of(form), form.text("do")
    found: dict[str, Any] = {}
    status = 200
    try:
        if do == "package":
            typed = replace(typed, text=ready(asked, typed))
        status = _answer(asked, typed, do, found)
    except UsageError as error:
        found["fault"], status = str(error), 422
    except Busy as error:  # raised here, it would be a page of its own, without the text
        found["fault"], status = error.detail, error.status_code
    except (GovernanceError, StorageError) as error:
        found["fault"], status = f"The customers cannot be asked: {one_line(str(error))}", 503
    return _page(asked, typed, 200 if BY_ITSELF in asked.request.headers else status, found)


def _answer(asked: Asked, typed: Typed, do: str, found: dict[str, Any]) -> int:
    """Find what a button asks for; returns the status."""
    if typed.text.strip() or do != "plan":
        check_length(typed.text)
    if do == "plan":
        found |= planned(asked, typed.text, typed.together)
        return 200
    checked = check_text(typed.text, Here(asked.now, asked.parts.served.agents))
    if do not in _BY_TEXT or not checked.sound:
        found["check"] = check_of(checked, typed.text)
        if do in _BY_TEXT:
            found["fault"] = "It has an error, so that nothing can be asked by it."
            return 422
    elif do == "preview":
        found |= _preview(asked, typed, str(checked.digest))
    elif do == "estimate":
        found |= _estimate(asked, typed)
    elif do == "compare":
        found |= compared(asked, typed.text, typed.together)
    else:
        found |= _decide(asked, typed)
    return 200


def refused(asked: Asked, typed: Typed, said: str) -> Response:
    """Show the page with a text that the form cannot show, why, and what is wrong with the text."""
    found: dict[str, Any] = {"fault": said}
    if typed.text.strip() and len(typed.text) <= LONGEST:
        found["check"] = check_of(check_text(typed.text), typed.text)
    return _page(asked, typed, 422, found)


def to_begin_with() -> dict[str, Any]:
    """Return what a page needs that offers ready strategies."""
    return {"typed": Typed(), "packages": packages(), "markets": markets()}


def ready(asked: Asked, typed: Typed) -> str:
    """Return a ready strategy for a market; what somebody typed is never written over.

    Raises:
        UsageError: something was typed, or there is no such package or market, or it needs something else.
    """
    if typed.text.strip():
        raise UsageError("The text field is not empty: copy what is in it, and clear it first", code="malformed")
    package = package_named(typed.package)
    try:
        monthly = parse_money(typed.monthly) if typed.monthly else None
    except ValueError as error:
        raise UsageError(f"Monthly: {error}", code="malformed") from error
    market, name = market_named(typed.market), typed.name or package.name
    return written(package, market, name=name, monthly=monthly, first=asked.now.date(), days=_PACKAGE_DAYS)


def check_length(text: str) -> None:
    """Refuse a text that is empty, or longer than texts of requests are.

    Raises:
        UsageError: it is.
    """
    if not text.strip():
        raise UsageError("Strategy: it is empty; write or paste one", code="malformed")
    if len(text) > LONGEST:
        raise UsageError(
            f"Strategy: it has {len(text):,} characters, and at most {LONGEST:,} are read here; use `placet strategy`",
            code="malformed",
        )


def _strategy(typed: Typed) -> Strategy:
    return strategy_given(typed.text, "the button Check")


def _preview(asked: Asked, typed: Typed, digest: str) -> dict[str, Any]:
    served, strategy = asked.parts.served, _strategy(typed)
    check_size(served.database, served.tenant, MOST_CUSTOMERS, "placet strategy preview")
    found = asked.parts.jobs.ask(
        f"strategy {digest}",
        lambda: preview(served.database, served.tenant, strategy, asked.now),
        seconds=SECONDS,
    )
    if found is None:
        return {"working": "preview"}
    return {"preview": preview_of(found), "as_of": found.as_of, "digest": digest, "strategy": strategy}


def _estimate(asked: Asked, typed: Typed) -> dict[str, Any]:
    try:
        found = estimated(asked, _strategy(typed))
    except DecisionRefused as error:
        raise UsageError(str(error), code=error.code) from error
    return {"working": "estimate"} if found is None else {"estimate": estimate_of(found)}


def _decide(asked: Asked, typed: Typed) -> dict[str, Any]:
    served, strategy = asked.parts.served, _strategy(typed)
    customer_id = value_of(typed.customer_id, TypeAdapter(CustomerId), "Customer")
    channel = value_of(typed.channel, TypeAdapter[Channel](Channel), "Channel")
    found = decide_for(served.database, served.tenant, customer_id, [strategy], channel=channel, at=asked.now)
    return {
        "decision": decision_of(found, {strategy.name: strategy.title}),
        "customer_id": customer_id,
        "simulated": found.simulated,
    }


def refuse(asked: Asked, text: str, fault: str, drafted_by: str, reason: str) -> Response:
    """Show a text again, with why nobody may sign it."""
    checked = check_text(text, Here(asked.now, asked.parts.served.agents))
    found = {"fault": fault, "check": check_of(checked, text), "drafted_by": drafted_by, "reason": reason}
    return _page(asked, Typed(text), 422, found)


def _page(asked: Asked, typed: Typed, status: int, found: dict[str, Any]) -> Response:
    empty = dict.fromkeys(("check", "preview", "decision", "plan", "compared", "estimate"))
    flags = dict.fromkeys(("working", "planning"), False)
    values = {**empty, **flags, "drafted_by": "", "reason": "", "fault": "", **found}
    shown = listed(asked)
    return asked.page(
        "customers/strategies.html",
        status,
        typed=typed,
        longest=LONGEST,
        channels=CHANNELS,
        packages=packages(),
        markets=markets(),
        example=EXAMPLE,
        may_publish=asked.may("deliver", "strategies") and asked.may("deliver", "mandates"),
        can_sign=bool(own_passkeys(asked)),
        may_plan=choices(shown["published"]),
        **shown,
        **values,
    )

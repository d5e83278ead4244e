"""Rollouts: the list, one in full, starting one, holding it and ending it. Letting one go on is signed."""

from typing import Final, Literal
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from placet.contracts.strategies.rolling import RolloutAsked
from placet.errors import GovernanceError, PlacetError, UsageError
from placet.interfaces.console.forms import Form
from placet.interfaces.console.pages.signing.own import own_passkeys
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.views.customers.rollouts import listed_of, rollout_of
from placet.service.rollouts.ordering import record_start, stop_rollout
from placet.service.rollouts.showing import list_rollouts, show_rollout

_PAGE: Final = 20
_SURE: Final = "Tick the box that says that you mean it."


def show_all(asked: Asked) -> Response:
    """List the rollouts, the newest first."""
    served = asked.parts.served
    found = list_rollouts(
        served.database, served.tenant, served.policies_of, limit=_PAGE + 1, after=asked.query("after")
    )
    shown = [listed_of(one) for one in found[:_PAGE]]
    return asked.page(
        "customers/rollouts.html",
        rollouts=shown,
        following=urlencode({"after": shown[-1].version}) if len(found) > _PAGE else "",
        later=asked.query("after") is not None,
    )


def show(asked: Asked) -> Response:
    """Show one rollout: its stages, what its guard rails say, who decided what."""
    return _page(asked)


def start(asked: Asked, form: Form) -> Response:
    """Start the rollout of a published version, as the API does: the session's token or passkey vouches for who asked.

    Raises:
        UsageError: it is refused; the box was not ticked.
        UpstreamUnavailable: recorded, but Temporal did not start it; asking again starts it.
    """
    if not form.text("sure"):
        raise UsageError(_SURE)
    served = asked.parts.served
    served.engine.call(lambda engine: engine.require_ours())  # what it cannot take need not be recorded
    begun = record_start(
        served.database,
        tenant=served.tenant,
        wanted=form.text("strategy"),
        by=asked.visitor.name,
        policies=served.policies_of,
        channel=form.text("channel") or None,
        voucher=asked.visitor.voucher,
    )
    served.engine.call(lambda engine: engine.start_rollout(begun))
    return RedirectResponse(f"{ROOT}/rollouts/{begun.version}", 303)


def pause(asked: Asked, form: Form) -> Response:
    """Hold a rollout: nothing of it starts until an entitled person signs that it goes on."""
    return _stop(asked, form, "pause")


def abort(asked: Asked, form: Form) -> Response:
    """End a rollout for good."""
    return _stop(asked, form, "abort")


def refuse(asked: Asked, fault: str, reason: str) -> Response:
    """Show the rollout again, with why nothing was signed."""
    return _page(asked, fault, reason, "order")


def tell(asked: Asked, begun: RolloutAsked) -> bool:
    """Tell the workflow of a rollout; it finds out by itself where this fails, for the record counts."""
    try:
        asked.parts.served.engine.call(lambda engine: engine.tell_rollout(begun))
    except PlacetError:
        return False
    return True


def _stop(asked: Asked, form: Form, how: Literal["pause", "abort"]) -> Response:
    served, reason = asked.parts.served, form.text("reason")
    if not reason:
        return _page(asked, "Why: write the reason; whoever decides on it next reads it.", reason, how)
    if not form.text("sure"):
        return _page(asked, _SURE, reason, how)
    try:
        found = stop_rollout(
            served.database,
            tenant=served.tenant,
            wanted=_wanted(asked),
            how=how,
            by=asked.visitor.name,
            reason=reason,
            policies=served.policies_of,
            voucher=asked.visitor.voucher,
        )
    except (UsageError, GovernanceError) as error:
        return _page(asked, str(error), reason, how)
    tell(asked, found.row.asked)
    return RedirectResponse(f"{ROOT}/rollouts/{found.row.asked.version}", 303)


def _page(asked: Asked, fault: str = "", reason: str = "", tried: str = "") -> Response:
    served = asked.parts.served
    found = show_rollout(served.database, served.tenant, _wanted(asked), served.policies_of)
    return asked.page(
        "customers/rollout.html",
        422 if fault else 200,
        it=rollout_of(found),
        fault=fault,
        reason=reason,
        tried=tried,
        may_stop=asked.may("operate", "rollouts"),
        may_sign=asked.may("deliver", "rollouts"),
        can_sign=asked.may("deliver", "rollouts") and bool(own_passkeys(asked)),
        may_audit=asked.may("read", "record"),
    )


def _wanted(asked: Asked) -> str:
    wanted: str = asked.request.path_params["strategy"]
    return wanted

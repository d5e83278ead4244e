"""Sharing a run: the page on which somebody who is signed in makes and withdraws links of one run."""

from starlette.responses import RedirectResponse, Response

from placet.errors import UsageError
from placet.interfaces.console.forms import Form, days_of
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.views.walkthrough.words import LEFT_OUT
from placet.service.runs import find_run
from placet.service.sharing.links import PATH
from placet.service.sharing.walkthroughs import MOST_DAYS, USUAL_DAYS


def show(asked: Asked) -> Response:
    """List the links of a run, and offer to make one."""
    return _page(asked, "")


def share(asked: Asked, form: Form) -> Response:
    """Make a link."""
    try:
        asked.parts.walkthroughs.share(
            _run(asked),
            by=asked.visitor.name,
            days=days_of(form, "Days until it ends", MOST_DAYS),
            names=form.text("names") == "yes",
            voucher=asked.visitor.voucher,
            key=form.text("key") or None,
            now=asked.now,
        )
    except UsageError as error:
        if error.code != "malformed":
            raise
        return _page(asked, str(error), 422)
    return RedirectResponse(f"{ROOT}/runs/{_run(asked)}/walkthroughs", 303)


def withdraw(asked: Asked, _form: Form) -> Response:
    """Withdraw a link."""
    link_id = asked.request.path_params["link_id"]
    asked.parts.walkthroughs.withdraw(_run(asked), link_id, by=asked.visitor.name, voucher=asked.visitor.voucher)
    return RedirectResponse(f"{ROOT}/runs/{_run(asked)}/walkthroughs", 303)


def _page(asked: Asked, fault: str, status: int = 200) -> Response:
    made = asked.parts.walkthroughs.list(_run(asked))
    may_share = asked.may("operate", "walkthroughs")
    rows = [
        (
            one,
            f"{asked.address}{PATH}{asked.parts.walkthroughs.text_of(one)}"
            if may_share and one.stands(asked.now)
            else "",
        )
        for one in reversed(made)
    ]
    return asked.page(
        "runs/walkthroughs.html",
        status,
        run_id=_run(asked),
        links=rows,
        fault=fault,
        left_out=LEFT_OUT,
        most_days=MOST_DAYS,
        usual_days=USUAL_DAYS,
        may_share=may_share,
        may_withdraw=asked.may("withdraw", "walkthroughs"),
        key=f"{asked.visitor.name}-{asked.now.timestamp():.6f}",
    )


def _run(asked: Asked) -> str:
    return find_run(asked.parts.served.database, asked.request.path_params["run_id"], asked.parts.served.tenant).run_id

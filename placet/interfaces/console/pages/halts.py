"""Halts: what is stopped, stopping more, and letting it go on by a signature."""

import secrets
from typing import Final, get_args
from urllib.parse import urlencode

from starlette.responses import Response

from placet.contracts.people.halt import HaltScope
from placet.contracts.proposal import MutationKind
from placet.errors import UsageError
from placet.interfaces.console.forms import Form
from placet.interfaces.console.pages.signing.own import own_passkeys
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.common import MUTATIONS
from placet.service.documents.halts import place_halt_once

_PAGE: Final = 25


def show(asked: Asked) -> Response:
    """List the halts in force, and those that were lifted if they are asked for."""
    return _page(asked)


def place(asked: Asked, form: Form) -> Response:
    """Stop executions. When this returns, nothing that it is about starts to leave any more."""
    what, subject = form.text("what").partition(":")[::2]
    reason = form.text("reason")
    if what not in get_args(HaltScope):
        return _page(asked, "Choose what is to be stopped.", reason)
    if not form.text("sure"):
        return _page(asked, "Tick the box that says that you mean it.", reason, form.text("what"))
    served = asked.parts.served
    try:
        halt, leaving, _ = place_halt_once(
            served.database,
            key=f"console/{asked.visitor.name}/{form.text('key')}" if form.text("key") else None,
            tenant=served.tenant,
            scope=what,  # type: ignore[arg-type]
            subject=subject,
            by=asked.visitor.name,
            reason=reason,
            agents=served.agents,
            voucher=asked.visitor.voucher,
        )
    except UsageError as error:
        return _page(asked, str(error), reason, form.text("what"))
    if halt.lifted_at is not None:
        return _page(
            asked,
            "The halt that this form placed was lifted since, and stops nothing now. Stop it anew if you mean it.",
            reason,
            form.text("what"),
        )
    return asked.lead("/halts", "placed", str(len(leaving)))


def refuse_lift(asked: Asked, halt_id: str, why: str, reason: str) -> Response:
    """Show the page again, with why a halt is not lifted."""
    return _page(asked, lifting=(halt_id, why, reason))


def _page(
    asked: Asked,
    fault: str = "",
    reason: str = "",
    chosen: str = "",
    lifting: tuple[str, str, str] = ("", "", ""),
) -> Response:
    served, lifted = asked.parts.served, asked.query("which") == "all"
    with served.database.reading() as tx:
        found = tx.halts.list(served.tenant, lifted=lifted, after=asked.query("after"), limit=_PAGE + 1)
    placed = asked.note("placed")
    subjects = [
        ("tenant:", "Everything"),
        *((f"agent:{agent}", f"What {agent} proposes") for agent in served.agents),
        *((f"kind:{kind}", MUTATIONS[kind]) for kind in get_args(MutationKind)),
    ]
    return asked.page(
        "halts.html",
        422 if fault or lifting[0] else 200,
        halts=found[:_PAGE],
        following=urlencode({**({"which": "all"} if lifted else {}), "after": found[_PAGE - 1].halt_id})
        if len(found) > _PAGE
        else "",
        later=asked.query("after") is not None,
        lifted=lifted,
        subjects=subjects,
        kinds=MUTATIONS,
        key=secrets.token_hex(8),
        can_sign=asked.may("deliver", "halts") and bool(own_passkeys(asked)),
        may_halt=asked.may("operate", "halts"),
        fault=fault,
        lifting=lifting[0],
        lift_fault=lifting[1],
        lift_reason=lifting[2],
        reason=reason,
        chosen=chosen,
        leaving=None if placed is None else int(placed),
    )

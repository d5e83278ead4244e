"""Reversals: what was taken back, and asking for one. A reversal is a run of its own, which people decide."""

import secrets
from typing import Final
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from placet.contracts.proposal import Proposal
from placet.errors import GovernanceError, UsageError
from placet.interfaces.console.forms import Form
from placet.interfaces.console.pages.governance.tabs import governed
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.views.common import badge_of
from placet.service.reversals import request_reversal, reverse_run, why_not_reversible
from placet.service.runs import find_run
from placet.storage.records import RunRecord
from placet.storage.transaction import Transaction

_PAGE: Final = 25


def show_all(asked: Asked) -> Response:
    """List the runs that take another one back, newest first."""
    served = asked.parts.served
    with served.database.reading() as tx:
        found = tx.runs.reversals(served.tenant, after=asked.query("after"), limit=_PAGE + 1)
    shown = found[:_PAGE]
    return governed(
        asked,
        "reversals.html",
        reversals=[(run, badge_of(run.state)) for run in shown],
        following=urlencode({"after": shown[-1].run_id}) if len(found) > _PAGE else "",
        later=asked.query("after") is not None,
    )


def order(asked: Asked) -> Response:
    """Ask whether it is meant, and why. The key makes sending the form twice the same run."""
    return _order(asked, asked.query("run_id") or "", f"console-{secrets.token_hex(12)}")


def start(asked: Asked, form: Form) -> Response:
    """Ask for the reversal, as the API does: the token of the session vouches for who asked."""
    served, run_id, reason, key = asked.parts.served, form.text("run_id"), form.text("reason"), form.text("key")
    if not reason:
        return _order(asked, run_id, key, "Say why it is to be taken back.", reason)
    served.engine.call(lambda engine: engine.require_ours())  # what it cannot take need not be recorded
    try:
        recorded = request_reversal(
            served.database,
            run_id=run_id,
            tenant=served.tenant,
            requested_by=asked.visitor.name,
            reason=reason,
            voucher=asked.visitor.voucher,
            key=key or None,
        )
        started = served.engine.call(lambda engine: reverse_run(served.database, engine, recorded))
    except (GovernanceError, UsageError) as error:
        return _order(asked, run_id, key, str(error), reason)
    return RedirectResponse(f"{ROOT}/runs/{started.run_id}", 303)


def _order(asked: Asked, run_id: str, key: str, fault: str = "", reason: str = "") -> Response:
    record = find_run(asked.parts.served.database, run_id, asked.parts.served.tenant)
    why_not = why_not_reversible(asked.parts.served.database, record)
    with asked.parts.served.database.reading() as tx:
        did = _done(tx, record) if record.state == "executed" else ""
        earlier = tx.runs.reversals_of(record.run_id)[-_PAGE:]
    return governed(
        asked,
        "reverse.html",
        422 if fault else 200,
        run=record,
        did=did,
        badge=badge_of(record.state, taken_back=record.reversed_by),
        earlier=[(one, badge_of(one.state)) for one in earlier],
        key=key,
        fault=why_not or fault,
        shut=bool(why_not),
        reason=reason,
    )


def _done(tx: Transaction, record: RunRecord) -> str:
    """Return what the run did; empty where its proposal cannot be read any more."""
    if record.proposal is None:
        return ""
    try:
        return tx.artifacts.get_model(record.proposal, Proposal, tenant=record.tenant).mutation.describe()
    except (UsageError, GovernanceError):
        return ""

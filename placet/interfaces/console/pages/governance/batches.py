"""Deciding many at once: what was chosen with its sum, one signature on it, and what became of each."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, cast, get_args

from anyio import from_thread
from starlette.responses import RedirectResponse, Response

from placet.contracts.audit import tenant_stream
from placet.contracts.proposal import Proposal
from placet.errors import GovernanceError, PlacetError, UsageError
from placet.interfaces.console.forms import Form
from placet.interfaces.console.pages.inbox import MOST_TOGETHER
from placet.interfaces.console.pages.signing.own import own_passkeys
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.views.governance.batches import (
    LeftOut,
    Named,
    commands_for,
    lines_of,
    outcomes_of,
    total_of,
)
from placet.interfaces.console.views.governance.batches import named as named_run
from placet.service.deciding.batch_choice import BatchVerdict, PreparedBatch, parse_limits, prepare_batch
from placet.service.deciding.batches import SIGNED, MemberOutcome, read_shares
from placet.service.deciding.budget_room import rooms_for
from placet.service.deciding.decisions import pending_proposal
from placet.service.deciding.deliveries import Delivery
from placet.service.deciding.ends import Became, what_became
from placet.service.inbox import inbox_mark, parse_filter

_WAIT_SECONDS: Final = 10.0
_KEPT: Final = math.inf
YOURS: Final = "you asked for it, so that another person decides it"


class _Delivered(NamedTuple):
    outcomes: tuple[MemberOutcome, ...]
    left: tuple[tuple[str, str], ...]
    became: tuple[Became, ...] = ()


def choose(asked: Asked) -> Response:
    """Show what one signature would decide: each proposal, the sum, and the command that signs it."""
    verdict = _verdict(asked)
    run_ids = list(dict.fromkeys(asked.request.query_params.getlist("run")))
    if len(run_ids) == 1:
        return RedirectResponse(f"{ROOT}/runs/{run_ids[0]}", 303)
    fault, prepared, named = "", None, False
    gone: list[LeftOut] = []
    try:
        check_number(len(run_ids))
        waiting, gone = _still_waiting(asked, verdict, run_ids)
        prepared = _prepare(asked, verdict, waiting, everything=bool(asked.query("all")))
        named = bool(run_ids)
        if own := [one for one in prepared.choices if one.record.requested_by == asked.visitor.name]:
            gone += [LeftOut(name_of(asked, one.record.run_id), YOURS) for one in own]
            others = [one.record.run_id for one in prepared.choices if one not in own]
            prepared, named = _prepare(asked, verdict, others, everything=False), True
    except (UsageError, GovernanceError) as error:
        fault = str(error)
        prepared = None
    return _page(asked, verdict, named, prepared, fault, gone)


def hand_in(asked: Asked, form: Form) -> Response:
    """Take the file that the command wrote: the batch goes on the record, then each run gets its share."""
    served = asked.parts.served
    text = form.files.get("file", b"").decode("utf-8", "replace")
    if not text.strip():
        raise UsageError("No file was handed in: choose the one that `placet approve … --print` wrote.")
    return hand_over(asked, read_shares(served.database, served.tenant, text))


def hand_over(asked: Asked, shares: Mapping[str, str], left: Sequence[tuple[str, str]] = ()) -> Response:
    """Put a signed batch on the record, and deliver each run its share; lead to the page that says what became of it.

    Args:
        asked: Who hands it in.
        shares: What each run is sent, by run id; all of one batch.
        left: Runs that were chosen and left out, each with why.
    """
    served = asked.parts.served
    asked.parts.deliveries.check_room()
    delivery = Delivery.begin(served.database, served.tenant, shares)  # it verifies the signature
    loop = from_thread.run(_running_loop)

    async def deliver() -> tuple[MemberOutcome, ...]:
        try:
            engine = await served.engine.connected()
        except PlacetError as error:
            return delivery.failed(error)
        return await delivery.deliver(engine, _WAIT_SECONDS)

    async def became(outcomes: Sequence[MemberOutcome]) -> tuple[Became, ...]:
        counted_fully = [one.run_id for one in outcomes if one.code == "accepted" and not one.detail]
        return await what_became(served.database, counted_fully)

    def delivered() -> _Delivered:
        outcomes = asyncio.run_coroutine_threadsafe(deliver(), loop).result()
        ends = asyncio.run_coroutine_threadsafe(became(outcomes), loop).result()
        return _Delivered(outcomes, tuple(left), ends)

    asked.parts.deliveries.ask(f"batch {delivery.batch}", delivered, seconds=_WAIT_SECONDS)
    return RedirectResponse(f"{ROOT}/batches/{delivery.batch}", 303)


def outcome(asked: Asked) -> Response:
    """Show what became of each run's share; while they are delivered, that they are."""
    number = asked.request.path_params["number"]
    with asked.parts.served.database.reading() as tx:
        if tx.audit.find(tenant_stream(asked.parts.served.tenant), f"{SIGNED}.{number}") is None:
            raise UsageError("there is no such batch on the record", code="unknown_batch")
    key = f"batch {number}"
    known = asked.parts.deliveries.known(key)
    found = asked.parts.deliveries.ask(key, _nothing, seconds=_KEPT) if known else None
    return asked.page(
        "governance/batch_outcome.html",
        known=known,
        outcomes=None
        if found is None
        else outcomes_of(found.outcomes, lambda run_id: name_of(asked, run_id), found.became),
        left=[LeftOut(name_of(asked, run_id), why) for run_id, why in found.left] if found else (),
    )


def name_of(asked: Asked, run_id: str) -> Named:
    """Return a run as people call it; its id alone where there is no such run."""
    served = asked.parts.served
    with served.database.reading() as tx:
        record = tx.runs.get(run_id)
        if record is None or record.tenant != served.tenant:
            return Named(run_id)
        if record.proposal is None:
            return named_run(record, None)
        try:
            return named_run(record, tx.artifacts.get_model(record.proposal, Proposal, tenant=served.tenant))
        except (UsageError, GovernanceError):
            return named_run(record, None)  # erased, or damaged


async def _running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def _nothing() -> _Delivered:
    return _Delivered((), ())


def _verdict(asked: Asked) -> BatchVerdict:
    wanted = asked.query("verdict") or "approve"
    if wanted not in get_args(BatchVerdict):
        raise UsageError("A batch approves or rejects: choose one of them on the inbox.", code="malformed")
    return cast("BatchVerdict", wanted)


def _still_waiting(asked: Asked, verdict: BatchVerdict, run_ids: list[str]) -> tuple[list[str], list[LeftOut]]:
    """Return which of the chosen runs this person can decide now, and why each other is left out: a list may be old."""
    waiting, gone = [], []
    for run_id in run_ids:
        try:
            record, _, _ = pending_proposal(asked.parts.served.database, run_id, asked.parts.served.tenant, verdict)
        except (UsageError, GovernanceError) as error:
            gone.append(LeftOut(name_of(asked, run_id), str(error)))
        else:
            if record.requested_by == asked.visitor.name:
                gone.append(LeftOut(name_of(asked, run_id), YOURS))
            else:
                waiting.append(run_id)
    return waiting, gone


def _prepare(asked: Asked, verdict: BatchVerdict, run_ids: list[str], *, everything: bool) -> PreparedBatch:
    served = asked.parts.served
    if run_ids:
        return prepare_batch(served.database, served.tenant, verdict, parse_limits({}), run_ids)
    if not everything:
        raise UsageError("Nothing that was chosen waits for a decision of yours.", code="nothing")
    treatment, agent = asked.query("treatment"), asked.query("agent")
    limits = parse_limits({"agent": agent, "treatments": () if treatment is None else (treatment,)})
    waiting = parse_filter({"agent": agent, "treatments": limits.treatments, "to_decide": True})
    mark = inbox_mark(served.database, served.tenant, waiting, asked.now)
    check_number(int(mark.partition(".")[0]))
    mark = inbox_mark(served.database, served.tenant, parse_filter({"to_decide": True}), asked.now)
    if int(mark.partition(".")[0]) > MOST_TOGETHER * 10:
        raise UsageError("Too many wait to be gone through here; decide them with `placet approve --all`.")
    return prepare_batch(served.database, served.tenant, verdict, limits)


def check_number(number: int) -> None:
    """Refuse to decide more at once than a person can go through on a page.

    Raises:
        UsageError: code `too_many`.
    """
    if number > MOST_TOGETHER:
        raise UsageError(
            f"{number} would be decided, and this page lists {MOST_TOGETHER} at most: choose fewer, or decide them "
            "with `placet approve --all`, which lists every one as well.",
            code="too_many",
        )


def _page(
    asked: Asked,
    verdict: BatchVerdict,
    named: bool,
    prepared: PreparedBatch | None,
    fault: str,
    gone: list[LeftOut],
) -> Response:
    values: dict[str, Any] = {"lines": (), "commands": (), "left_out": (), "members": "", "budgets": ()}
    if prepared is not None:
        served = asked.parts.served
        rooms = rooms_for(served.database, served.tenant, [one.proposal for one in prepared.choices])
        values = {
            "lines": lines_of(prepared.choices),
            "total": total_of(prepared.choices),
            "members": " ".join(f"{one.run_id}:{one.digest}" for one in lines_of(prepared.choices)),
            "commands": commands_for(prepared, named=named),
            "budgets": [str(room) for room in rooms] if verdict == "approve" else (),
            "left_out": [LeftOut(name_of(asked, run_id), why) for run_id, why in prepared.left_out[:MOST_TOGETHER]],
        }
    return asked.page(
        "governance/batch.html",
        422 if fault else 200,
        verdict=verdict,
        prepared=prepared,
        fault=fault,
        gone=gone,
        can_sign=prepared is not None and asked.may("deliver", "batches") and bool(own_passkeys(asked)),
        **values,
    )

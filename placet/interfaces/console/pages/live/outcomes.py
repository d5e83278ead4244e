"""Outcomes of a strategy: what became of those whom it treated, as a file as well; what a changed one would bring."""

from typing import Any, Final

from starlette.responses import Response

from placet.contracts.outcomes.estimate import StrategyEstimate
from placet.contracts.outcomes.report import OutcomesReport
from placet.contracts.outcomes.windows import HORIZONS, Days
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.text import one_line
from placet.errors import DecisionRefused, GovernanceError, StorageError, UsageError
from placet.governance.signing.canonical import digest
from placet.interfaces.console.jobs import PATIENCE, Busy
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.customers.estimates import questions_of
from placet.interfaces.console.views.customers.outcomes import outcomes_of
from placet.interfaces.telling.estimates.changed import told as told_estimate
from placet.interfaces.telling.outcome_reports import report_as_csv, told
from placet.service.outcomes.decided import MOST_SERVED
from placet.service.outcomes.estimating import estimate
from placet.service.outcomes.questions import control_questions
from placet.service.outcomes.reporting import show_outcomes
from placet.service.strategies.publishing import find_published

_USUAL: Final[Days] = 30
_SECONDS: Final = 60.0
"""How long an answer is shown before decisions are made again."""


def show(asked: Asked) -> Response:
    """Show the outcomes of one strategy so many days after its customers entered."""
    days, fault, report = _days(asked), "", None
    served, wanted = asked.parts.served, asked.request.path_params["strategy"]
    with served.database.reading() as tx:
        found = find_published(tx, served.tenant, wanted, served.policies_of, asked.now)
    try:
        report = _report(asked, days)
    except UsageError as error:
        fault = one_line(str(error))
    except (GovernanceError, StorageError) as error:
        fault = f"No figure is shown: {one_line(str(error))}"
    return asked.page(
        "customers/outcomes.html",
        422 if fault else 200,
        it=None if report is None else outcomes_of(report),
        title=found.title or found.record.mandate.name,
        version=found.version,
        days=days,
        horizons=HORIZONS,
        fault=fault,
        **_questions(asked, found.version, days),
    )


def estimated(asked: Asked, changed: Strategy, *, patience: float = PATIENCE) -> StrategyEstimate | None:
    """Return what a changed text would bring, with its sentences; None while decisions are made again.

    Raises:
        UsageError, GovernanceError, StorageError, DecisionRefused: nothing can be estimated, and why.
        Busy: too much waits already.
    """
    served = asked.parts.served
    found = asked.parts.jobs.ask(
        f"estimate {digest(changed)}",
        lambda: estimate(
            served.database, served.tenant, changed, _USUAL, served.policies_of, asked.now, most=MOST_SERVED
        ),
        seconds=_SECONDS,
        patience=patience,
    )
    return None if found is None else told_estimate(found)


def would_bring(asked: Asked, changed: Strategy) -> str:
    """Say in one sentence, to whoever is about to sign it, what a text would bring; empty where none was rolled out."""
    try:
        found = estimated(asked, changed)
    except (UsageError, DecisionRefused) as error:
        if error.code in ("unknown_strategy", "unknown_rollout"):
            return ""
        return f"What it would bring cannot be said: {one_line(str(error))}"
    except (GovernanceError, StorageError) as error:
        return f"What it would bring cannot be said: {one_line(str(error))}"
    except Busy as error:
        return f"What it would bring is not estimated now: {error.detail}"
    if found is None:
        return "What it would bring is being estimated: load this page again in a moment"
    return found.said


def _questions(asked: Asked, version: str, days: Days) -> dict[str, Any]:
    """Return the standing questions for the page, or why they are not there."""
    served, fault, found = asked.parts.served, "", None
    try:
        found = asked.parts.jobs.ask(
            f"questions {version} {days}",
            lambda: control_questions(
                served.database, served.tenant, version, days, served.policies_of, asked.now, most=MOST_SERVED
            ),
            seconds=_SECONDS,
        )
    except (UsageError, GovernanceError, StorageError) as error:
        fault = one_line(str(error))
    except Busy as error:
        fault = error.detail
    if found is None and not fault:
        fault = "decisions are being made again: load the page again in a moment"
    return {"questions": () if found is None else questions_of(found), "questions_fault": fault}


def table(asked: Asked) -> Response:
    """Return all groups as a file of comma-separated values."""
    report = _report(asked, _days(asked))
    name = f"outcomes-{report.strategy}-{report.days}.csv"
    return Response(
        report_as_csv(report),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _report(asked: Asked, days: Days) -> OutcomesReport:
    served, wanted = asked.parts.served, asked.request.path_params["strategy"]
    return told(show_outcomes(served.database, served.tenant, wanted, days, served.policies_of, asked.now))


def _days(asked: Asked) -> Days:
    given = asked.query("days")
    return next((one for one in HORIZONS if str(one) == given), _USUAL)

"""Mandates: a draft that people review, and its signature by a passkey."""

from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from placet.contracts.customer import Declared
from placet.contracts.people.lasting import MOST_DAYS
from placet.contracts.people.mandate import CohortTest, Mandate
from placet.contracts.text import NAME, shortened
from placet.errors import ConfigurationError, DecisionRefused, UsageError
from placet.governance.authority.cohorts import fault
from placet.governance.signing.signed import document_statement, predicate_type, read_document
from placet.interfaces.console.forms import Filled, Form, amount_of, code_of, days_of, in_labels
from placet.interfaces.console.pages.governance.mandates import list_page
from placet.interfaces.console.pages.live.outcomes import would_bring
from placet.interfaces.console.pages.signing.asking import Kind, ask_to_sign, check_entitled
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.prompts import Prompt
from placet.interfaces.console.views.common import kind_in_words
from placet.interfaces.console.views.customers.published import publication_to_sign
from placet.interfaces.console.views.documents import mandate_to_sign
from placet.interfaces.console.views.statement import ToSign
from placet.service.documents.mandates import (
    NUMBER_TOO_LARGE,
    MandateDraft,
    check_may_sign,
    cohort_test,
    draft_mandate,
    mandate_of,
    of_another_kind,
    parse_draft,
    take_mandate,
)
from placet.service.strategies.publishing import kept_text, replaces

_LABELS: Final = {
    "name": "Name",
    "agent": "What proposes",
    "kinds": "Kind of change",
    "treatments": "Treatment",
    "cap": "At most for one customer",
    "period_days": "In how many days",
    "budget": "At most in all",
    "days": "Ends after how many days",
    "cohort": "For which customers",
}
"""What the form calls its fields."""


def draft(asked: Asked, form: Form) -> Response:
    """Give the draft as a file, for whoever reviews it and for whoever signs it."""
    try:
        drafted = _drafted(asked, form)
    except (UsageError, DecisionRefused) as error:
        return list_page(asked, str(error), filled=Filled.of(form))
    headers = {"Content-Disposition": f'attachment; filename="mandate-{drafted.name}.json"'}
    return Response(drafted.model_dump_json(indent=2) + "\n", media_type="application/json", headers=headers)


def ask(asked: Asked, form: Form) -> Response:
    """Read a draft, and ask for a signature on it."""
    try:
        statement = _statement(asked, form)
    except (UsageError, ConfigurationError, DecisionRefused) as error:
        return list_page(asked, str(error), signing=Filled.of(form))
    return ask_to_sign(asked, statement)


def _drafted(asked: Asked, form: Form) -> MandateDraft:
    agent = form.text("agent")
    treatment = code_of(form.text("treatment"))
    _check_known(asked, agent, (treatment,))
    now: datetime = asked.now.replace(microsecond=0)
    cap, budget = (amount_of(form.text(name), _LABELS[name]) for name in ("cap", "budget"))
    if cap.currency != budget.currency:
        raise UsageError(
            f"{_LABELS['cap']}: {cap} is in another currency than “{_LABELS['budget']}”, {budget}.", code="malformed"
        )
    if not 0 < cap.amount_minor <= budget.amount_minor:
        raise UsageError(
            f"{_LABELS['cap']}: write more than nothing, and no more than “{_LABELS['budget']}”, {budget}; not {cap}.",
            code="malformed",
        )
    with in_labels(_LABELS):
        drafted = draft_mandate(
            asked.parts.served.facts(agent),
            tenant=asked.parts.served.tenant,
            name=form.text("name"),
            drafted_by=asked.visitor.name,
            agent=agent,
            kinds=[form.text("kind")],
            treatments=[treatment],
            cohort=_cohort(asked, agent, form.text("cohort")),
            cap_per_customer=cap,
            period_days=days_of(form, _LABELS["period_days"], MOST_DAYS, "period_days"),
            budget=budget,
            valid_from=now,
            valid_until=now + timedelta(days=days_of(form, _LABELS["days"], MOST_DAYS)),
        )
    _check_kind(asked, drafted)
    return drafted


def _cohort(asked: Asked, agent: str, text: str) -> list[CohortTest]:
    """Read the tests on the customer, one a line.

    Raises:
        UsageError: a line is no test, or names a fact that there is not.
    """
    declared = asked.parts.served.facts(agent)
    return [_test(line.strip(), declared) for line in text.splitlines() if line.strip()]


def _test(line: str, declared: Declared) -> CohortTest:
    try:
        test = CohortTest.model_validate(cohort_test(line))
    except (UsageError, ValidationError) as error:
        if isinstance(error, UsageError) and error.code == NUMBER_TOO_LARGE:
            raise _no_test(line, "the number is too large") from error
        why = "write a fact, one of eq, ne, ge, le, in, and a value, like 'tenure_months ge 12'"
        raise _no_test(line, why) from error
    if (why_not := fault(test, declared)) is not None:
        raise _no_test(line, why_not)
    return test


def _no_test(line: str, why: str) -> UsageError:
    return UsageError(f"{_LABELS['cohort']}: {shortened(line, NAME)!r}: {why}.", code="malformed")


def _statement(asked: Asked, form: Form) -> bytes:
    served, text = asked.parts.served, form.files.get("file", b"").decode("utf-8", "replace")
    if not text.strip():
        raise UsageError("No file was chosen: it must be a draft of a mandate, as this page or the command wrote it.")
    drafted = _read(text, form.called.get("file", ""))
    if drafted.tenant != served.tenant:
        raise UsageError(f"the draft is of tenant {drafted.tenant!r}, and this is {served.tenant!r}", code="malformed")
    _check_known(asked, drafted.agent, drafted.treatments)
    declared, policies = served.facts(drafted.agent), served.policies_of(drafted.agent)
    mandate = mandate_of(drafted, declared, signer=asked.visitor.name, reason=form.text("reason"))
    check_entitled(asked, lambda key: check_may_sign(served.database, mandate, key, policies))
    return document_statement(mandate)


def _read(text: str, called: str) -> MandateDraft:
    """Read JSON, as this page writes it, or TOML, as people do; `called` is the file's name."""
    looks_like = "json" if text.lstrip().startswith("{") else "toml"
    ending = called.rpartition(".")[2].lower()
    return parse_draft(text, f"draft.{ending if ending in ('json', 'toml') else looks_like}")


def _check_known(asked: Asked, agent: str, treatments: tuple[str, ...]) -> None:
    if agent not in asked.parts.served.agents:
        raise UsageError(f"There is no agent {agent!r}.", code="unknown_agent")
    known = asked.parts.installed.treatments(agent)
    unknown = [one for one in treatments if known and one not in known]
    if unknown:
        raise UsageError(
            f"Treatment: {agent} has no treatment {unknown[0]!r}. It knows: {', '.join(known)}.",
            code="unknown_treatment",
        )


def _check_kind(asked: Asked, drafted: MandateDraft) -> None:
    """Refuse a treatment that is of another kind than the draft clears: it would clear nothing of it."""
    other = of_another_kind(asked.parts.installed.kinds(drafted.agent), drafted)
    if other is not None:
        (kind,) = drafted.kinds
        raise UsageError(
            f"{_LABELS['kinds']}: {other.treatment!r} of {drafted.agent} is of the kind “{kind_in_words(other.kind)}”, "
            f"not “{kind_in_words(kind)}”. Choose that kind, or another treatment.",
            code="other_kind",
        )


def _shown(asked: Asked, prompt: Prompt) -> ToSign:
    mandate: Mandate = read_document(prompt.asked, Mandate)
    served = asked.parts.served
    idle = not served.policies_of(mandate.agent).lets_commit(mandate.agent)
    if mandate.strategy is None:
        return mandate_to_sign(prompt.asked, mandate, idle=idle)
    # Read by the digest that is signed: whatever was posted beside it does not count.
    strategy, replaced = kept_text(served.database, mandate), replaces(served.database, mandate)
    brings = would_bring(asked, strategy)
    return publication_to_sign(prompt.asked, mandate, strategy, replaced, idle=idle, brings=brings)


def _take(asked: Asked, prompt: Prompt, envelope: str) -> Response:
    served, agent = asked.parts.served, read_document(prompt.asked, Mandate).agent
    record = take_mandate(
        served.database,
        envelope,
        tenant=served.tenant,
        policies=served.policies_of(agent),
        declared=served.facts(agent),
    )
    if record.mandate.strategy is not None:
        return RedirectResponse(f"{ROOT}/strategies/{record.mandate.strategy}", 303)
    return RedirectResponse(f"{ROOT}/governance/mandates/{record.mandate.document_id}", 303)


MANDATE: Final = Kind(predicate_type(Mandate), "mandates", _shown, _take)

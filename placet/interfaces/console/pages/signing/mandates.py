"""Mandates: a draft that people review, and its signature by a passkey."""

from datetime import datetime, timedelta
from typing import Final

from starlette.responses import RedirectResponse, Response

from placet.contracts.people.mandate import Mandate
from placet.errors import ConfigurationError, DecisionRefused, UsageError
from placet.governance.signing.signed import document_statement, predicate_type, read_document
from placet.interfaces.console.forms import Filled, Form, code_of, days_of
from placet.interfaces.console.pages.governance.mandates import list_page
from placet.interfaces.console.pages.signing.asking import Kind, ask_to_sign, check_entitled
from placet.interfaces.console.parts import ROOT, Asked
from placet.interfaces.console.prompts import Prompt
from placet.interfaces.console.views.documents import mandate_to_sign
from placet.interfaces.console.views.statement import ToSign
from placet.service.documents.mandates import (
    MandateDraft,
    check_may_sign,
    cohort_test,
    draft_mandate,
    mandate_of,
    parse_draft,
    take_mandate,
)


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
    cohort = [line for line in form.text("cohort").splitlines() if line.strip()]
    return draft_mandate(
        asked.parts.served.facts(agent),
        tenant=asked.parts.served.tenant,
        name=form.text("name"),
        drafted_by=asked.visitor.name,
        agent=agent,
        kinds=[form.text("kind")],
        treatments=[treatment],
        cohort=[cohort_test(line) for line in cohort],
        cap_per_customer=form.text("cap"),
        period_days=days_of(form, "period_days"),
        budget=form.text("budget"),
        valid_from=now,
        valid_until=now + timedelta(days=days_of(form)),
    )


def _statement(asked: Asked, form: Form) -> bytes:
    served, text = asked.parts.served, form.files.get("file", b"").decode("utf-8", "replace")
    if not text.strip():
        raise UsageError("No file was chosen: it must be a draft of a mandate, as this page or the command wrote it.")
    drafted = _read(text)
    if drafted.tenant != served.tenant:
        raise UsageError(f"the draft is of tenant {drafted.tenant!r}, and this is {served.tenant!r}", code="malformed")
    _check_known(asked, drafted.agent, drafted.treatments)
    declared, policies = served.facts(drafted.agent), served.policies_of(drafted.agent)
    mandate = mandate_of(drafted, declared, signer=asked.visitor.name, reason=form.text("reason"))
    check_entitled(asked, lambda key: check_may_sign(served.database, mandate, key, policies))
    return document_statement(mandate)


def _read(text: str) -> MandateDraft:
    """Read JSON, as this page writes it, or TOML, as people do."""
    return parse_draft(text, "draft.json" if text.lstrip().startswith("{") else "draft.toml")


def _check_known(asked: Asked, agent: str, treatments: tuple[str, ...]) -> None:
    if agent not in asked.parts.served.agents:
        raise UsageError(f"There is no agent {agent!r}.", code="unknown_agent")
    known = asked.parts.installed.treatments(agent)
    unknown = [one for one in treatments if known and one not in known]
    if unknown:
        raise UsageError(
            f"{agent} has no treatment {unknown[0]!r}. It knows: {', '.join(known)}.", code="unknown_treatment"
        )


def _shown(asked: Asked, prompt: Prompt) -> ToSign:
    mandate: Mandate = read_document(prompt.asked, Mandate)
    policies = asked.parts.served.policies_of(mandate.agent)
    return mandate_to_sign(prompt.asked, mandate, idle=not policies.lets_commit(mandate.agent))


def _take(asked: Asked, prompt: Prompt, envelope: str) -> Response:
    served, agent = asked.parts.served, read_document(prompt.asked, Mandate).agent
    record = take_mandate(
        served.database,
        envelope,
        tenant=served.tenant,
        policies=served.policies_of(agent),
        declared=served.facts(agent),
    )
    return RedirectResponse(f"{ROOT}/governance/mandates/{record.mandate.document_id}", 303)


MANDATE: Final = Kind(predicate_type(Mandate), "mandates", _shown, _take)

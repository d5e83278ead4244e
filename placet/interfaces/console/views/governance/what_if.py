"""What would become of a proposal, in sentences."""

from dataclasses import dataclass

from placet.contracts.text import NAME, WORDS, counted, one_line
from placet.governance.policy.authoring.gate_words import terms_in_words
from placet.governance.policy.authoring.why import Explained, Say
from placet.interfaces.console.views.common import Tone
from placet.service.reading.what_if import MandateSaid, PersonSaid, Supposed, WhatIf


@dataclass(frozen=True, slots=True)
class Because:
    """One policy that had a say: its author's words, and which of its conditions hold."""

    policy: str
    permits: bool
    where: str
    description: str
    failed: tuple[str, ...]
    held: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who could decide it, or not, and why."""

    name: str
    allowed: bool
    because: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer.

    Attributes:
        question: What was supposed.
        signing: Who must sign; empty where nobody is asked.
        mandates: What mandates in force would do, one sentence each.
        customer: What is known of the customer, in one sentence; empty where none was named.
    """

    question: str
    tone: Tone
    headline: str
    signing: str
    mandates: tuple[str, ...]
    people: tuple[Person, ...]
    because: tuple[Because, ...]
    customer: str


def answer_of(supposed: Supposed, found: WhatIf) -> Answer:
    """Return what would become of what was supposed."""
    treatment = supposed.treatment.replace("_", " ")
    what = f"{supposed.agent} proposes {treatment} for {supposed.cost}, in a run that {supposed.requested_by} asked for"
    tone, headline = _headline(found)
    return Answer(
        question=one_line(what),
        tone=tone,
        headline=headline,
        signing=_signing(found.proposing),
        mandates=tuple(_mandate(one) for one in found.mandates),
        people=tuple(_person(one) for one in sorted(found.people, key=lambda one: not one.allowed)),
        because=tuple(_because(say) for say in found.proposing.says),
        customer=_customer(supposed, found),
    )


def _headline(found: WhatIf) -> tuple[Tone, str]:
    if not found.proposing.allowed:
        why = one_line(found.proposing.detail, WORDS)
        return "bad", f"It would be denied: nobody is asked, and nothing happens. Policy says: {why}."
    clearing = next((one for one in found.mandates if one.clears), None)
    if clearing is not None:
        mandate = clearing.record.mandate
        return "good", f"Mandate {mandate.name}, which {mandate.signer} signed, clears it without a decision."
    if any(one.clears is None for one in found.mandates):
        return "waits", "A mandate may clear it, depending on the customer. Otherwise people decide."
    able, terms = sum(one.allowed for one in found.people), found.proposing.terms
    needed = (terms.quorum if terms is not None else None) or 1
    could = f"{counted(able, 'enrolled person', 'enrolled people')} could sign it"
    if able < needed:
        return "bad", f"It would be put before people, and expire: {could}, where {needed} must."
    return "waits", f"It would wait for people. {could}."


def _signing(proposing: Explained) -> str:
    if not proposing.allowed:
        return ""
    words = terms_in_words(proposing.terms) if proposing.terms is not None else ""
    return one_line((words or "whatever the application asks by itself").replace("_", " "), WORDS)


def _mandate(said: MandateSaid) -> str:
    mandate = said.record.mandate
    verdict = {True: "clears it, up to its cap", False: "does not clear it:", None: "may clear it,"}[said.clears]
    return one_line(f"Mandate {mandate.name} of {mandate.signer} {verdict} {said.because}.")


def _person(said: PersonSaid) -> Person:
    forbidden = [say.description or say.policy for say in said.explained.says if say.effect == "forbid" and say.applies]
    # Of the permits that fell short, the one that fell least short says what is missing.
    short = [
        [condition.words for condition in say.conditions if not condition.holds]
        for say in said.explained.says
        if say.effect == "permit" and not say.applies
    ]
    why = said.because
    if forbidden:
        why = f"forbidden: {'; '.join(forbidden)}"
    elif short and not said.explained.allowed:
        why = "; ".join(_missing(words, said.name) for words in min(short, key=len))
    return Person(one_line(said.name, NAME), said.allowed, one_line(why, WORDS))


def _missing(words: str, name: str) -> str:
    """Return what does not hold of somebody: `does not hold the role retention lead (holds finance)`."""
    about = f"the person ({name}) holds the role "
    if words.startswith(about):
        return f"does not hold the role {_plain(words.removeprefix(about))}"
    return f"it does not hold that {_plain(words)}"


def _because(say: Say) -> Because:
    failed, held = (tuple(_plain(one.words) for one in say.conditions if one.holds is holds) for holds in (False, True))
    name = one_line(say.policy.replace("-", " ").replace("_", " "), NAME)
    return Because(name, say.effect == "permit", say.where, say.description, failed, held)


def _plain(words: str) -> str:
    return one_line(words.replace("_", " "), WORDS)


def _customer(supposed: Supposed, found: WhatIf) -> str:
    if supposed.customer_id is None:
        return ""
    if found.customer is None:
        return f"Our record has no facts about customer {supposed.customer_id}: mandates were asked about any customer."
    return f"Mandates were asked about customer {supposed.customer_id}, as billing answered last."

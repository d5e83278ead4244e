"""Policy questions, answered by Cedar: default deny, `forbid` wins, and the deciding policies are named.

Invariants of every answer:
 (1) what no policy permits is denied; a `forbid` that holds outranks every `permit`;
 (2) no policy set, an invalid one, or a policy that fails to evaluate means no;
 (3) the answer names the policies that determined it by their `@id`, which each policy has and no two share;
 (4) a set is its files and the schema they speak: its digest is its version and the address of its text.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, Self

import cedarpy
from pydantic import ValidationError

from placet.contracts.gate import GateTerms
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.halt import Halt
from placet.contracts.people.mandate import Mandate
from placet.contracts.proposal import Proposal
from placet.errors import PolicyError
from placet.governance.policy.answer import PolicyAnswer
from placet.governance.policy.facts import IdentityFacts, StageFacts
from placet.governance.policy.question import (
    Action,
    Question,
    authorises,
    commits,
    decides,
    lifts,
    merges,
    promotes,
    proposes,
)
from placet.governance.policy.scope import actions, can_be, roles_in
from placet.governance.policy.source import PolicyFile, PolicySetDocument, one_line, parse, shipped_schema
from placet.governance.policy.terms import PermitTerms, combined, completed, may_ask, terms_of
from placet.governance.signing.canonical import canonical_bytes, sha256_hex

POLICY_SET_MEDIA_TYPE = "application/vnd.placet.policy-set+json"
"""Of `PolicySet.document` in the artifact store."""

_REMEMBERED: Final = 512
"""Answers that a set remembers: those of the runs that are under review and executed at a time."""


class PolicySet:
    """A validated, parsed policy set, never changed: a changed file is another set.

    Attributes:
        document: The set's files and schema in RFC 8785 form; kept as an artifact, it shows an auditor what was
            in force.
        digest: SHA-256 of `document`, in hexadecimal.
        policies: The policies in the order they are written.
        files: The files in order.
        kept_because: Why it answers although other files are in place, as every answer says; empty for a set in place.
        current: Whether the set speaks the schema of this version of Placet. One that does not can be read, and
            permits nothing.
    """

    def __init__(self, files: Sequence[PolicyFile], *, schema: str | None = None) -> None:
        """Parse and validate `files`; `schema` is given for a stored set only.

        Raises:
            PolicyError: a file does not parse, speaks about something the schema does not have, or has a policy
                without an `@id` of its own.
        """
        spoken = shipped_schema() if schema is None else schema
        try:
            self.policies, faults = parse(files, spoken)
            if faults:
                others = f" (and {len(faults) - 1} more; see `placet policy check`)" if len(faults) > 1 else ""
                raise PolicyError(f"the policy set is invalid: {faults[0]}{others}")
            self._handle = cedarpy.PolicySet.from_str("\n".join(policy.text for policy in self.policies))
            self._schema = cedarpy.Schema.from_str(spoken)
        except ValueError as error:
            raise PolicyError(f"the policy set cannot be read: {one_line(error)}") from error
        self._terms = {policy.id: terms_of(policy.node) for policy in self.policies if may_ask(policy.node)}
        self.files = tuple(files)
        self.kept_because = ""
        self.current = spoken == shipped_schema()
        # A run asks the same questions some nine times: an answer follows from the set and the question alone.
        self._answer = lru_cache(maxsize=_REMEMBERED)(self.evaluate)
        self.document = policy_document(files, spoken)
        self.digest = sha256_hex(self.document)

    @classmethod
    def from_document(cls, document: bytes) -> Self:
        """Read a set as it was stored.

        Raises:
            PolicyError: these bytes are no policy set.
        """
        try:
            stored = PolicySetDocument.model_validate_json(document)
        except ValidationError as error:
            raise PolicyError(f"the stored policy set cannot be read: {error.error_count()} faults") from error
        return cls(stored.files, schema=stored.cedar_schema)

    def lets_propose(self, agent: str) -> bool:
        """Return whether any policy could ever let this agent propose something."""
        return any(may_ask(policy.node) and can_be(policy.node.principal, "Agent", agent) for policy in self.policies)

    def lets_commit(self, agent: str) -> bool:
        """Return whether any permit could ever let a mandate clear something of this agent."""
        return any(
            policy.node.effect == "permit"
            and "commit" in actions(policy.node)
            and can_be(policy.node.principal, "Agent", agent)
            for policy in self.policies
        )

    def promoting(self, agent: str) -> tuple[str, ...]:
        """Return the permits that could ever let a stage of this agent's rollouts begin without a signature on it."""
        return tuple(
            policy.id
            for policy in self.policies
            if policy.node.effect == "permit"
            and "promote" in actions(policy.node)
            and can_be(policy.node.principal, "Agent", agent)
        )

    def roles_for(self, action: Action) -> tuple[str, ...]:
        """Return the roles that the permits for `action` name; there may be none."""
        permits = (one for one in self.policies if one.node.effect == "permit" and action in actions(one.node))
        return tuple(sorted({role for permit in permits for role in roles_in(permit.text)}))

    def asks(self, action: Action, person: EnrolledKey) -> str:
        """Say which roles policy asks for, and what a person who may not holds: a refusal's next step."""
        asked = " or ".join(self.roles_for(action)) or "none by name"
        held = f"{', '.join(person.roles) or 'none'}, up to {person.limit or 'nothing that costs'}"
        return f"role asked for: {asked}; {person.name} holds: {held}"

    def kept(self, because: str) -> Self:
        """Return the same set for the time that the files in place are invalid; every answer says so."""
        same = copy(self)
        same.kept_because = f"policy set {self.digest[:12]} is kept, {because}"
        return same

    def may_propose(self, proposal: Proposal) -> PolicyAnswer:
        """Ask whether the proposal's agent may put this mutation before a person."""
        return self.ask(proposes(proposal))

    def may_commit(self, proposal: Proposal) -> PolicyAnswer:
        """Ask whether the proposal's agent is pre-authorised to commit this mutation without a person."""
        return self.ask(commits(proposal))

    def may_decide(self, person: EnrolledKey, proposal: Proposal) -> PolicyAnswer:
        """Ask whether the holder of this key may decide this proposal; a key without a limit may decide nothing."""
        return self.ask(decides(person, proposal))

    def may_authorise(self, person: EnrolledKey, mandate: Mandate) -> PolicyAnswer:
        """Ask whether the holder of this key may sign this mandate.

        Proposals within it then need no decision each.
        """
        return self.ask(authorises(person, mandate))

    def may_lift(self, person: EnrolledKey, halt: Halt) -> PolicyAnswer:
        """Ask whether the holder of this key may lift this halt."""
        return self.ask(lifts(person, halt))

    def may_promote(self, stage: StageFacts) -> PolicyAnswer:
        """Ask whether this stage of a rollout may begin without a person's signature on it."""
        return self.ask(promotes(stage))

    def may_merge(self, person: EnrolledKey, identity: IdentityFacts) -> PolicyAnswer:
        """Ask whether the holder of this key may merge two customers, or split them."""
        return self.ask(merges(person, identity))

    def gate_terms(self, answer: PolicyAnswer, defaults: GateTerms) -> GateTerms:
        """Return what is asked of people before what `answer` permits to propose: the strictest of all its permits.

        Args:
            answer: What this set said to `may_propose`.
            defaults: The application's, for what the permits leave open.

        Raises:
            PolicyError: the answer is no, or the permits contradict each other; nobody can be asked, so the caller
                denies.
        """
        return completed(self.permit_terms(answer), defaults)

    def permit_terms(self, answer: PolicyAnswer) -> PermitTerms:
        """Return what the permits behind `answer` themselves ask for.

        Raises:
            PolicyError: as of `gate_terms`.
        """
        unknown = [policy for policy in answer.policies if policy not in self._terms]
        if not answer.allowed or not answer.policies or unknown:
            raise PolicyError(f"no permit of this set lets it be proposed, so that nobody is asked: {answer.detail}")
        return combined({policy: self._terms[policy] for policy in answer.policies})

    def ask(self, question: Question) -> PolicyAnswer:
        """Answer any of the questions."""
        answer = self._answer(question)
        return replace(answer, detail=f"{answer.detail} ({self.kept_because})") if self.kept_because else answer

    def evaluate(self, question: Question) -> PolicyAnswer:
        """Let Cedar answer, whatever was answered before; it does not say whether the set is a kept one."""
        if not self.current:
            return PolicyAnswer(False, (), "the policy set speaks another schema than this version of Placet")
        return self.answer_to(*question.request())

    def answer_to(self, request: dict[str, Any], entities: list[dict[str, Any]]) -> PolicyAnswer:
        """Let Cedar answer a question as it is written, by the schema that the set speaks."""
        try:
            result = cedarpy.is_authorized(request, self._handle, entities, self._schema)
        except ValueError as error:
            return PolicyAnswer(False, (), f"evaluation failed: {one_line(error)}")
        diagnostics = result.diagnostics
        named = diagnostics.id_annotations_by_reason
        deciding = tuple(sorted(named.get(reason, reason) for reason in diagnostics.reasons))
        if diagnostics.errors:
            # Cedar leaves out a policy that fails; left out, a `forbid` would not forbid.
            return PolicyAnswer(False, deciding, f"evaluation failed: {one_line(diagnostics.errors[0])}")
        if result.allowed:
            return PolicyAnswer(True, deciding, "permitted")
        return PolicyAnswer(False, deciding, "forbidden" if deciding else "no policy permits it")


def policy_document(files: Sequence[PolicyFile], schema: str | None = None) -> bytes:
    """Return the bytes that stand for a set of files, valid or not; their SHA-256 is the set's version."""
    spoken = shipped_schema() if schema is None else schema
    return canonical_bytes(PolicySetDocument(cedar_schema=spoken, files=tuple(files)))

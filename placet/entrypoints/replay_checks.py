"""What an auditor derives again from a history: digests, signatures, and the approvals that the effect needed."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from placet.contracts.batch import BatchMember
from placet.contracts.decision import AcceptedDecision
from placet.contracts.gate import Gate
from placet.contracts.proposal import Proposal
from placet.contracts.run import ExecuteInput
from placet.errors import DecisionRefused
from placet.governance import dsse
from placet.governance.amendments import amended
from placet.governance.batches import check_bounds, decision_id, is_batched, read_batched
from placet.governance.canonical import digest, sha256_hex
from placet.governance.quorum import suffices
from placet.governance.statement import parse_statement
from placet.interfaces.history import RunHistory

Faults = Iterator[str]


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the proposal, the agent's own or an approver's, with the gate before it."""

    proposal: Proposal
    gate: Gate


class HistoryCheck:
    """Checks one history; `versions` are the proposals in it by the digest that was derived again.

    Args:
        facts: The decoded history.
        keys: Public keys by key id that the auditor brings; signatures are verified where there are any.
    """

    def __init__(self, facts: RunHistory, keys: Mapping[str, bytes]) -> None:
        self._facts, self._keys = facts, keys
        self._signalled = {sha256_hex(text.encode()): text for text in facts.envelopes}
        self.versions: dict[str, Version] = {}
        self.accepted: dict[str, AcceptedDecision] = {
            decision.envelope_digest: decision for review in facts.reviews for decision in review.decisions
        }

    def faults(self) -> Faults:
        """Everything that does not hold."""
        yield from self._proposals()
        for decision in self.accepted.values():
            yield from self._decision(decision)
        for effect in self._facts.effects:
            yield from self._effect(effect)

    def _proposals(self) -> Faults:
        proposed, gate = self._facts.proposed, self._facts.gate
        if proposed is None or proposed.proposal is None or gate is None:
            return
        yield from self._version(proposed.digest, Version(proposed.proposal, gate))
        for review in self._facts.reviews:
            if review.amended is not None and review.amended.digest not in self.versions:
                one = review.amended
                yield from self._version(one.digest, Version(one.proposal, one.gate))

    def _version(self, said: str | None, version: Version) -> Faults:
        derived = digest(version.proposal)
        self.versions[derived] = version
        if derived != said:
            yield f"the proposal hashes to {derived}, the history says {said}"

    def _decision(self, decision: AcceptedDecision) -> Faults:
        """What the signed envelope contradicts of what the workflow was told it says."""
        name = f"decision {decision.envelope_digest}"
        text = self._signalled.get(decision.envelope_digest)
        if text is None:
            yield f"accepted {name} was never signalled"
            return
        try:
            if is_batched(text):
                yield from self._batched(name, text, decision)
            else:
                yield from self._single(name, text, decision)
        except (DecisionRefused, ValueError) as error:
            yield f"{name} is no decision signed by a key that was given: {error}"

    def _single(self, name: str, text: str, decision: AcceptedDecision) -> Faults:
        envelope = dsse.parse(text)
        statement = parse_statement(base64.b64decode(envelope.payload))
        self._signature(envelope)
        said = statement.predicate
        if statement.proposal_digest not in self.versions or statement.proposal_digest != decision.proposal:
            yield f"{name} is about {statement.proposal_digest}, not {decision.proposal}"
        signed = (said.verdict, said.approver, said.decision_id, envelope.signatures[0].keyid)
        if signed != (decision.verdict, decision.approver, decision.decision_id, decision.key_id):
            yield f"{name} was signed as {signed[:2]}, the workflow was told {(decision.verdict, decision.approver)}"
        if said.amendment is not None:
            before = self.versions.get(said.amendment.amends)
            if before is None or digest(amended(before.proposal, said.amendment, said.approver)) != decision.proposal:
                yield f"{name} does not make proposal {decision.proposal} of the one it amends"

    def _batched(self, name: str, text: str, decision: AcceptedDecision) -> Faults:
        member = BatchMember(run_id=self._facts.run_id, proposal=decision.proposal)
        batch, envelope = read_batched(text, member)
        self._signature(envelope)
        version = self.versions.get(decision.proposal)
        if version is None:
            yield f"{name} is about {decision.proposal}, which was never pending"
            return
        check_bounds(batch.bounds, version.proposal)
        own_id = decision_id(batch.document_id, self._facts.run_id)
        signed = (batch.verdict, batch.signer, own_id, batch.root, envelope.signatures[0].keyid)
        if signed != (decision.verdict, decision.approver, decision.decision_id, decision.batch, decision.key_id):
            yield f"{name} was signed as {signed[:2]}, the workflow was told {(decision.verdict, decision.approver)}"

    def _signature(self, envelope: dsse.Envelope) -> None:
        if self._keys:
            dsse.verify(envelope, self._keys.get(envelope.signatures[0].keyid, b""))

    def _effect(self, effect: ExecuteInput) -> Faults:
        version = self.versions.get(effect.proposal)
        if version is None:
            yield f"proposal {effect.proposal} was executed, and is none that was pending"
            return
        if version.gate.clearance is not None and not effect.decisions:
            return  # the mandate's signature is on the record, under the digest the gate names
        approvals = [self.accepted[one] for one in effect.decisions if one in self.accepted]
        about = [one for one in approvals if one.proposal == effect.proposal]
        if len(about) != len(effect.decisions) or not suffices(version.gate, about):
            yield f"proposal {effect.proposal} was executed without the accepted approvals it needs"

"""Bending a recorded history as an insider could who holds the payload key, and whatever other keys they stole."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHistory
from temporalio.converter import WorkflowSerializationContext

from placet.contracts.people.decision import AcceptedDecision, DecisionPredicate
from placet.contracts.proposal import Proposal
from placet.engine.payload_codec import ENCODING, PayloadEncryption
from placet.engine.payload_keys import PayloadKeys
from placet.governance.approvals import sign_decision
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.keys import key_id_of, public_bytes
from placet.replay import Verdict, judge
from tests.replay.record import PAYLOAD_KEY, RECORDED

KEY = PayloadKeys((bytes.fromhex(PAYLOAD_KEY),))
Json = dict[str, Any]
Change = Callable[[Any], Any]
"""Changes a decrypted value in place, or returns another one."""


class Signer:
    """Somebody with a key."""

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()
        self.public = public_bytes(self.private.public_key())
        self.key_id = key_id_of(self.public)


@dataclass
class Said:
    """A signed decision, and what the workflow is to be told of it."""

    envelope: Any
    accepted: Json

    @property
    def digest(self) -> str:
        """Of the envelope."""
        return str(self.accepted["envelope_digest"])


@dataclass
class Forgery:
    """One recorded history, to be bent. Signals, reviews and steps are numbered from 0 in the order they came."""

    ending: str
    document: Json = field(init=False)

    def __post_init__(self) -> None:
        self.document = json.loads((RECORDED / f"{self.ending}.json").read_text())

    @property
    def events(self) -> list[Json]:
        """The events, in JSON form."""
        return list(self.document["history"]["events"])

    @property
    def run_id(self) -> str:
        """The recorded run."""
        return str(self.document["workflowId"])

    @property
    def proposal(self) -> Json:
        """The agent's own proposal."""
        return dict(self.answered("propose")[0]["proposal"])

    def answered(self, name: str) -> list[Any]:
        """What the steps called `name` answered."""
        return [opened(raw, self.run_id) for raw in self._answers(name)]

    def signals(self) -> list[Any]:
        """What was signalled."""
        return [opened(raw, self.run_id) for raw in self._signals()]

    def answer(self, name: str, change: Change, number: int = -1) -> "Forgery":
        """Change what a step answered."""
        self._bend(list(self._answers(name))[number], change)
        return self

    def ask(self, name: str, change: Change) -> "Forgery":
        """Change what a step was asked."""
        for event in self.events:
            scheduled = event.get("activityTaskScheduledEventAttributes")
            if scheduled is not None and scheduled["activityType"]["name"] == name:
                self._bend(scheduled["input"]["payloads"][0], change)
        return self

    def signal(self, number: int, value: Any) -> "Forgery":
        """Replace what a signal brought."""
        self._bend(list(self._signals())[number], lambda _: value)
        return self

    def request(self, change: Change) -> "Forgery":
        """Change the request."""
        self._bend(self.events[0]["workflowExecutionStartedEventAttributes"]["input"]["payloads"][0], change)
        return self

    def result(self, change: Change) -> "Forgery":
        """Change the result."""
        self._bend(self.events[-1]["workflowExecutionCompletedEventAttributes"]["result"]["payloads"][0], change)
        return self

    def seal_for(self, run_id: str) -> "Forgery":
        """Seal everything for another run, under whose name the history is exported."""
        old, new = codec(self.run_id), codec(run_id)
        for raw in _sealed(self.document):
            if _payload(raw).metadata["encoding"] == ENCODING:
                (sealed,) = asyncio.run(new.encode(asyncio.run(old.decode([_payload(raw)]))))
                _write(raw, sealed)
        self.document["workflowId"] = run_id
        return self

    def accept(self, number: int, *decisions: Said, **more: Any) -> "Forgery":
        """Let review `number` have counted `decisions`; `more` replaces other parts of its answer."""
        told = {"decisions": [one.accepted for one in decisions], **more}
        return self.answer("review_decisions", lambda value: {**value, **told}, number)

    def execute(self, *decisions: Said, proposal: str | None = None) -> "Forgery":
        """Let the effect have been asked for on `decisions`, and the result say so too."""
        told: Json = {"decisions": [one.digest for one in decisions]}
        if proposal is not None:
            told["proposal"] = proposal
        self.ask("execute", lambda value: {**value, **told})
        return self.result(lambda value: {**value, **told})

    def say(self, by: str, signer: Signer, verdict: str = "approve", **bent: Any) -> Said:
        """A decision signed as `by`, at the time of the recorded one, unless `bent` says otherwise."""
        template = self._template()
        proposal = bent.pop("proposal", template["proposal"])
        predicate = DecisionPredicate.model_validate(
            {
                "tenant": "demo",
                "run_id": self.run_id,
                "verdict": verdict,
                "approver": by,
                "decided_at": template["decided_at"],
                "decision_id": sha256_hex(f"{by}/{verdict}/{proposal}".encode())[:32],
                "reason": "seen",
                **bent,
            }
        )
        text = sign_decision(predicate, proposal, signer.private, signer.key_id)
        accepted = AcceptedDecision(
            verdict=predicate.verdict,
            approver=by,
            key_id=signer.key_id,
            decision_id=predicate.decision_id,
            decided_at=predicate.decided_at,
            reason=predicate.reason,
            proposal=proposal,
            roles=("retention_lead",),
            envelope_digest=sha256_hex(text.encode()),
        )
        return Said(json.loads(text), accepted.model_dump(mode="json"))

    def _bend(self, raw: Json, change: Change) -> None:
        sealing = codec(self.run_id)
        (plain,) = asyncio.run(sealing.decode([_payload(raw)]))
        value = json.loads(plain.data)
        changed = change(value)
        plain.data = json.dumps(value if changed is None else changed).encode()
        (sealed,) = asyncio.run(sealing.encode([plain]))
        _write(raw, sealed)

    def at(self) -> datetime:
        """When the recorded decision was signed."""
        return datetime.fromisoformat(self._template()["decided_at"])

    def history(self) -> WorkflowHistory:
        """As it now stands."""
        return WorkflowHistory.from_json(self.document["workflowId"], self.document["history"])

    def verdict(self, *signers: Signer, payload_key: PayloadKeys = KEY, **more: Any) -> Verdict:
        """What an auditor finds who trusts the keys of `signers`."""
        keys = {signer.key_id: signer.public for signer in signers}
        return asyncio.run(judge(self.history(), payload_key, keys, **more))

    def faults(self, *signers: Signer, **more: Any) -> list[str]:
        """The faults alone."""
        return self.verdict(*signers, **more).faults

    def _template(self) -> Json:
        return next(dict(one) for answer in self.answered("review_decisions") for one in answer["decisions"])

    def _signals(self) -> Iterator[Json]:
        for event in self.events:
            signalled = event.get("workflowExecutionSignaledEventAttributes")
            if signalled is not None:
                yield signalled["input"]["payloads"][0]

    def _answers(self, name: str) -> Iterator[Json]:
        for event in self.events:
            completed, marker = (
                event.get("activityTaskCompletedEventAttributes"),
                event.get("markerRecordedEventAttributes"),
            )
            if completed is not None:
                scheduled = self.events[int(completed["scheduledEventId"]) - 1]
                kind = scheduled["activityTaskScheduledEventAttributes"]["activityType"]["name"]
                raw = completed["result"]["payloads"][0]
            elif marker is not None:
                kind = json.loads(_payload(marker["details"]["data"]["payloads"][0]).data)["activity_type"]
                raw = marker["details"]["result"]["payloads"][0]
            else:
                continue
            if kind == name:
                yield raw


def codec(run_id: str) -> PayloadEncryption:
    """What seals and opens the payloads of one recorded run."""
    return PayloadEncryption(KEY).with_context(WorkflowSerializationContext(namespace="", workflow_id=run_id))


def opened(raw: Json, run_id: str) -> Any:
    """The value in a payload of an exported history."""
    (plain,) = asyncio.run(codec(run_id).decode([_payload(raw)]))
    return json.loads(plain.data)


def unsealed(part: Json, run_id: str) -> Json:
    """The same history with every payload of ours in the plain, which takes no key to write."""
    for raw in _sealed(part):
        if _payload(raw).metadata["encoding"] != ENCODING:
            continue
        (plain,) = asyncio.run(codec(run_id).decode([_payload(raw)]))
        _write(raw, plain)
    return part


def amended_document(proposal: Json, **change: Any) -> Json:
    """A proposal's document with parts changed, checked to be one."""
    return Proposal.model_validate({**proposal, **change}).model_dump(mode="json")


def _sealed(part: Any) -> Iterator[Json]:
    if isinstance(part, dict) and isinstance(part.get("metadata"), dict) and "encoding" in part["metadata"]:
        yield part
    elif isinstance(part, dict | list):
        for inner in part.values() if isinstance(part, dict) else part:
            yield from _sealed(inner)


def _payload(raw: Json) -> Payload:
    metadata = {name: base64.b64decode(value) for name, value in raw["metadata"].items()}
    return Payload(metadata=metadata, data=base64.b64decode(raw.get("data", "")))


def _write(raw: Json, payload: Payload) -> None:
    raw["metadata"] = {name: base64.b64encode(value).decode() for name, value in payload.metadata.items()}
    raw["data"] = base64.b64encode(payload.data).decode()

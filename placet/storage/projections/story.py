"""What the entries of one run lead to: its state, its digests, its effects, decisions and uses of mandates.

Each kind of entry has one function that says what follows from it. What an entry needs before it and does not have is a
fault of the record itself: somebody wrote a state without what leads to it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

from placet.contracts.audit import AFTER_THE_END, ENDED
from placet.contracts.people.decision import YES, phase_of
from placet.contracts.run import RunState, states_before
from placet.governance.approvals import CLOCK_SKEW
from placet.storage.projections.rows import Entry

_NEEDS: Final[dict[str, str | tuple[str, ...]]] = {
    "run.started": "run.requested",
    "run.ended": "run.requested",
    "analyse.completed": "run.started",
    "query_billing.completed": "analyse.completed",
    "propose.completed": "query_billing.completed",
    "approve.opened": "propose.completed",
    "approve.decided": "approve.opened",
    "approve.amended": "approve.opened",
    "mandate.charged": "execute.intended",
    "mandate.released": ("mandate.consumed", "mandate.charged"),
    "execute.intended": "approve.opened",
    "execute.sending": "execute.intended",
    "execute.settled": "execute.intended",
    "execute.failed": "execute.intended",
    "execute.refused": "execute.intended",
    "execute.unknown": "execute.intended",
    "approve.settled": "run.parked",
    "run.parked": "approve.opened",
}


@dataclass
class Story:
    """One run as its entries tell it, so far.

    Attributes:
        gate: The verdict of the gate.
        asked: The proposal that people were asked about last, and its gate; where a mandate cleared it, what they
            would have been asked.
        answered_at: Since when nobody is missing; None while somebody is.
    """

    run_id: str
    request: dict[str, object] = field(default_factory=dict)
    state: RunState = "analysing"
    code: str | None = None
    detail: str = ""
    digests: dict[str, object] = field(
        default_factory=lambda: dict.fromkeys(("assessment", "evidence", "proposal", "decision"))
    )
    receipt: object = None
    gate: str | None = None
    asked: tuple[str, Mapping[str, Any]] | None = None
    answered_at: datetime | None = None
    effects: dict[str, dict[str, object]] = field(default_factory=dict)
    decisions: dict[str, dict[str, object]] = field(default_factory=dict)
    uses: dict[str, dict[str, object]] = field(default_factory=dict)
    settlement: Entry | None = None
    kinds: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether the run's end is on record."""
        return ENDED in self.kinds

    def tell(self, entry: Entry) -> None:
        """Take the next entry."""
        if self.over and entry.kind not in AFTER_THE_END:
            self.faults.append(f"{entry.kind!r} follows the end of the run")
        needed = _NEEDS.get(entry.kind, ())
        either = (needed,) if isinstance(needed, str) else needed
        if either and self.kinds.isdisjoint(either):
            said = " or ".join(repr(one) for one in either)
            self.faults.append(f"{entry.kind!r} stands there without {said} before it")
        self.kinds.add(entry.kind)
        follow = _FOLLOW.get(entry.kind)
        if follow is None:
            return
        try:
            follow(self, entry)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self.faults.append(f"{entry.kind!r} cannot be read: {type(error).__name__} {error}")

    def move(
        self, state: RunState, code: str | None = None, detail: str = "", answered_at: datetime | None = None
    ) -> None:
        """Move on, as `RunRepository.set_state` does."""
        if self.state in states_before(state):
            self.state, self.code, self.detail, self.answered_at = state, code, detail, answered_at

    def said(self, verdict: str) -> bool:
        """Return whether a decision with this verdict was accepted on the pending proposal."""
        pending = self.digests["proposal"]
        return any(one["verdict"] == verdict and one["proposal"] == pending for one in self.decisions.values())


def _requested(story: Story, entry: Entry) -> None:
    body = entry.body
    story.request = {
        "customer_id": body["customer_id"],
        "agent": body["agent"],
        "key": body["key"],
        "requested_by": entry.actor,
        "requested_at": entry.at,
        "reverses": body.get("reverses"),
        "strategy": body.get("strategy"),
        "channel": body.get("channel"),
        "step": body.get("step"),
    }


def _started(story: Story, entry: Entry) -> None:
    asked = entry.body["request"]
    started = {
        name: datetime.fromisoformat(asked[name]) if name == "requested_at" else asked[name]
        for name in ("customer_id", "agent", "key", "requested_by", "requested_at", "reverses")
    }
    started |= {name: asked.get(name) for name in ("strategy", "channel", "step")}
    for name, value in story.request.items():
        if started[name] != value:
            story.faults.append(f"it was started with {name} {started[name]!r}, and requested with {value!r}")
    story.request = story.request or started


def _completed(name: str, state: RunState) -> Callable[[Story, Entry], None]:
    def follow(story: Story, entry: Entry) -> None:
        if entry.body[name] is not None:
            story.digests[name] = entry.body[name]
            story.move(state)

    return follow


def _opened(story: Story, entry: Entry) -> None:
    if entry.body["proposal"] != story.digests["proposal"]:
        story.faults.append(f"the gate was opened for {entry.body['proposal']!r}, which is not what was proposed")
    story.gate = entry.body["gate"]["verdict"]
    if story.gate in ("human", "cleared"):
        story.asked = (entry.body["proposal"], entry.body["gate"])
    if story.gate == "human":
        story.move("awaiting_decision")


def _amended(story: Story, entry: Entry) -> None:
    if entry.body["amends"] != story.digests["proposal"]:
        story.faults.append(f"{entry.body['amends']!r} was amended, which is not what was pending")
    story.digests["proposal"] = entry.body["proposal"]
    story.asked = (entry.body["proposal"], entry.body["gate"])
    story.move("awaiting_decision")


def _accepted(story: Story, entry: Entry) -> None:
    body, settles = entry.body, entry.kind == "approve.settled"
    if body["proposal"] != story.digests["proposal"]:
        story.faults.append(f"{entry.actor} decided {body['proposal']!r}, which is not what was pending")
    phase = phase_of(body["verdict"])
    if settles != (phase == "settle"):
        story.faults.append(f"{entry.kind!r} is about verdict {body['verdict']!r}, which is not given there")
    earlier = [one for one in story.decisions.values() if (one["phase"], one["proposal"]) == (phase, body["proposal"])]
    copied = ("verdict", "key_id", "reason", "delegated_by", "delegation_id", "batch", "proposal", "decision_id")
    story.decisions[body["envelope"]] = {
        **{name: body[name] for name in copied},
        "approver": entry.actor,
        "phase": phase,
        "place": len(earlier) + 1,
        "roles": " ".join(body["roles"]),
        "decided_at": datetime.fromisoformat(body["decided_at"]),
    }
    story.digests["decision"] = body["envelope"]
    missing = body["missing"]
    detail = f"{missing} more must approve" if missing else ""
    story.move("unknown_outcome" if settles else "awaiting_decision", None, detail, None if missing else entry.at)
    if settles:
        story.settlement = entry


def _lapsed(story: Story, _: Entry) -> None:
    story.answered_at = None


def _intended(story: Story, entry: Entry) -> None:
    body = entry.body
    approvals = {
        envelope
        for envelope, one in story.decisions.items()
        if one["proposal"] == body["proposal"] and one["verdict"] in YES
    }
    if body["proposal"] != story.digests["proposal"]:
        story.faults.append(f"{body['proposal']!r} was to be executed, which is not what was pending")
    if story.gate == "human" and not (body["envelopes"] and approvals.issuperset(body["envelopes"])):
        story.faults.append("it was to be executed without accepted approvals of that proposal")
    if story.gate == "cleared" and body["proposal"] not in story.uses:
        story.faults.append("it was to be executed without a mandate that cleared that proposal")
    if story.gate not in ("human", "cleared"):
        story.faults.append("it was to be executed although no gate let it pass")
    story.effects[body["effect_key"]] = {
        "proposal": body["proposal"],
        "status": "open",
        "code": None,
        "receipt": None,
        "resolved_by": None,
        "sends": 0,
    }
    story.move("executing")


def _counted(requests: int) -> Callable[[Story, Entry], None]:
    def follow(story: Story, entry: Entry) -> None:
        effect = story.effects[entry.body["effect_key"]]
        effect["sends"] = int(str(effect["sends"])) + requests

    return follow


def _settled(story: Story, entry: Entry) -> None:
    receipt = entry.body["receipt"]
    story.effects[receipt["effect_key"]].update(status="settled", receipt=receipt)
    if not story.over:
        story.receipt = receipt
        story.move("executed")


def _came_to(status: str) -> Callable[[Story, Entry], None]:
    def follow(story: Story, entry: Entry) -> None:
        code = "unknown_outcome" if status == "unknown" else entry.body["code"]
        story.effects[entry.body["effect_key"]].update(status=status, code=code)

    return follow


def _parked(story: Story, entry: Entry) -> None:
    for effect in story.effects.values():
        if effect["status"] == "open":
            effect.update(status="unknown", code="unknown_outcome")
    story.move("unknown_outcome", entry.body["code"], entry.body["detail"])


def _consumed(story: Story, entry: Entry) -> None:
    body = entry.body
    story.uses[body["proposal"]] = {
        "mandate_id": body["mandate_id"],
        "amount_minor": body["consumed"]["amount_minor"],
        "used_at": entry.at,
        "released_at": None,
    }


def _released(story: Story, entry: Entry) -> None:
    story.uses[entry.body["proposal"]]["released_at"] = entry.at


def _ended(story: Story, entry: Entry) -> None:
    body = entry.body
    state = cast("RunState", body["state"])
    settled_yes = story.settlement is not None and story.settlement.body["verdict"] == "confirm_executed"
    led_to = {
        "executed": "execute.settled" in story.kinds or settled_yes,
        "rejected": story.said("reject"),
        "denied": story.gate == "denied" or "execute.refused" in story.kinds,
        "expired": story.gate == "human" and not _before_its_gate_closed(story, entry),
        "no_action": "propose.completed" in story.kinds and story.digests["proposal"] is None,
        "halted": "execute.refused" in story.kinds,
        "cancelled": "run.cancel_requested" in story.kinds,
    }
    if not led_to.get(state, True):
        story.faults.append(f"it ended as {state!r}, and nothing on its record leads there")
    if story.settlement is not None:
        for effect in story.effects.values():
            if effect["status"] == "unknown":
                code = "confirmed_executed" if settled_yes else "confirmed_not_executed"
                by = story.settlement.actor
                effect.update(status="settled" if settled_yes else "failed", code=code, resolved_by=by)
                if settled_yes:
                    effect.pop("receipt")  # a person's word, which the entry of their settlement holds
    story.state, story.code, story.detail, story.answered_at = state, body["code"], body["detail"], None


def _before_its_gate_closed(story: Story, entry: Entry) -> bool:
    if story.asked is None:
        return False
    return entry.at + CLOCK_SKEW < datetime.fromisoformat(str(story.asked[1]["expires_at"]))


_FOLLOW: Final[dict[str, Callable[[Story, Entry], None]]] = {
    "run.requested": _requested,
    "run.started": _started,
    "analyse.completed": _completed("assessment", "querying"),
    "query_billing.completed": _completed("evidence", "proposing"),
    "propose.completed": _completed("proposal", "proposing"),
    "approve.opened": _opened,
    "approve.amended": _amended,
    "approve.decided": _accepted,
    "approve.settled": _accepted,
    "approve.lapsed": _lapsed,
    "mandate.charged": _consumed,
    "mandate.consumed": _consumed,
    "mandate.released": _released,
    "execute.intended": _intended,
    "execute.sending": _counted(1),
    "execute.not_sent": _counted(-1),
    "execute.settled": _settled,
    "execute.failed": _came_to("failed"),
    "execute.refused": _came_to("failed"),
    "execute.unknown": _came_to("unknown"),
    "run.parked": _parked,
    "run.ended": _ended,
}

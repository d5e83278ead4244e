"""The story of a run, step by step, made of redacted facts alone.

Its reader has never seen the system: each step says what happens in it at all, and then what happened in this run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from placet.contracts.run import END_STATES
from placet.contracts.text import counted
from placet.contracts.times import moment
from placet.interfaces.console.views.common import Badge, badge_of
from placet.interfaces.console.views.evidence import Chart, Point
from placet.interfaces.console.views.walkthrough import words
from placet.interfaces.console.views.walkthrough.redaction import (
    Asked,
    Decided,
    Lately,
    Offered,
    Redacted,
    Seen,
    Weighed,
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        about: What happens in this step of any run.
        said: What happened in this one, a sentence each.
        charts: Shares in per cent.
        weighed: The candidates, where this step weighed them.
    """

    number: int
    title: str
    about: str
    at: datetime | None
    said: tuple[str, ...]
    charts: tuple[Chart, ...] = ()
    weighed: tuple[Weighed, ...] = ()


@dataclass(frozen=True, slots=True)
class Walkthrough:
    """The whole story."""

    badge: Badge
    lead: str
    standing: str
    steps: tuple[Step, ...]
    left_out: tuple[str, ...]
    simulated: bool


def tell(told: Redacted, *, names: bool, verified: bool) -> Walkthrough:
    """Return the story.

    Args:
        told: What may be told.
        names: Whether the link names people.
        verified: Whether the chain of the run's entries was verified for this view.
    """
    ends, going = (words.ENDS_BACK, words.UNDER_WAY_BACK) if told.reverses else (words.ENDS, words.UNDER_WAY)
    steps = (
        _requested(told),
        _analysed(told),
        _read(told),
        _proposed(told),
        _decided(told),
        _executed(told),
        _stopped(told),
    )
    reached = [step for step in steps if step is not None]
    return Walkthrough(
        badge=badge_of(told.state, taken_back="run.reversed" in told.at),
        lead=ends.get(told.state, going),
        standing=words.STATES[told.state in END_STATES],
        steps=tuple(
            Step(number, step.title, step.about, step.at, step.said, step.charts, step.weighed)
            for number, step in enumerate([*reached, _proved(told, verified=verified)], 1)
        ),
        left_out=words.LEFT_OUT if names else (*words.LEFT_OUT, words.WHO),
        simulated=told.seen is not None and told.seen.simulated,
    )


def _requested(told: Redacted) -> Step:
    what = "to take back what an earlier run had done" if told.reverses else "to look at one customer"
    return Step(
        0,
        "A run was asked for",
        "A run is one piece of work of an agent about one customer. A person or a system of the operator asks for it.",
        told.at.get("run.requested"),
        (f"Somebody who may do so asked {what}. Who it was is on the record.",),
    )


def _analysed(told: Redacted) -> Step | None:
    at = told.at.get("analyse.completed")
    if at is None:
        return None
    if told.reverses:
        return Step(
            0,
            "It looked at what the earlier run had done",
            "What is to be taken back is read from the record. No model is asked, and no risk is assessed.",
            at,
            ("It found the change, and what the operator's system had answered to it.",),
        )
    said = [f"It found the risk that the customer leaves to be {words.RISKS[told.risk]}."] if told.risk else []
    if told.models:
        where = "inside the operator's own network" if told.models_inside else "partly outside the operator's network"
        said.append(f"Language models were asked {counted(told.models, 'time')} in this run, {where}.")
    else:
        said.append("No language model was asked.")
    return Step(
        0,
        "The agent looked at the customer's history",
        "The agent asks a language model how likely the customer is to leave, and which billing data it wants to see. "
        "The model decides nothing.",
        at,
        tuple(said),
    )


def _read(told: Redacted) -> Step | None:
    at = told.at.get("query_billing.completed")
    if at is None:
        return None
    reads = [said for read, said in words.READS.items() if read in told.reads]
    listed = ", ".join(reads[:-1]) + (" and " if len(reads) > 1 else "") + reads[-1] if reads else "nothing"
    said = [f"It read {listed}, in {counted(told.requests, 'request')}."]
    return Step(
        0,
        "It read billing, and could change nothing there",
        "The agent may read only what a list allows. The connection itself refuses everything else.",
        at,
        (*said, *(() if told.seen is None else _traits(told.seen, told.reads))),
        () if told.seen is None else _charts(told.seen),
    )


def _traits(seen: Seen, reads: Sequence[str]) -> tuple[str, ...]:
    said = [f"The customer has been with the operator for {seen.tenure}."]
    said += [f"Their {name.replace('_', ' ')}: {value.replace('_', ' ')}." for name, value in seen.traits]
    # Of what was not read, nobody can say how much there is.
    held = [counted(seen.products, "product")] if "products" in reads else []
    held += [counted(seen.balances, "balance")] if "balances" in reads else []
    if held:
        said.append(f"They hold {' and '.join(held)}.")
    given = f"something {counted(seen.given_before, 'time')}" if seen.given_before else "nothing"
    said.append(f"In the months before, the operator's agents had given them {given}.")
    if seen.state is not None:
        said.append(_lately(seen.state))
    return tuple(said)


def _lately(state: Lately) -> str:
    if not state.events:
        return "No event of this customer had been recorded, so that billing alone counted."
    found = "; ".join(state.stood_out) or "nothing that stood out"
    not_real = ", some of them simulated" if state.simulated else ""
    return f"From {counted(state.events, 'recorded event')}{not_real}, as of {moment(state.as_of)}, it knew: {found}."


def _charts(seen: Seen) -> tuple[Chart, ...]:
    charts = [_chart("Bills", "% of the largest", seen.bills)] if seen.bills else []
    charts += [_chart(words.KINDS[kind], "% of the busiest month", months) for kind, months in seen.usage if months]
    return tuple(charts)


def _chart(title: str, unit: str, shares: Sequence[int]) -> Chart:
    points = tuple(Point(str(number), f"{share} %", str(share)) for number, share in enumerate(shares, 1))
    return Chart(title, unit, "Share, oldest first", points)


def _proposed(told: Redacted) -> Step | None:
    at = told.at.get("propose.completed")
    if at is None:
        return None
    if told.reverses:
        return _proposed_back(told, at)
    said = []
    if told.leaving_in_ten:
        said.append(f"Of customers like this one, {told.leaving_in_ten} leave: counts say so, not a model.")
    fell = sum(not one.eligible for one in told.weighed)
    if told.weighed:
        said.append(
            f"{counted(len(told.weighed), 'possibility', 'possibilities')} were weighed; {fell} fell by a rule."
        )
    if told.first is not None:
        said.append(f"It proposed {_offered(told.first)}")
    else:
        said.append("What it proposed cannot be read any more." if told.proposed else "It proposed nothing.")
    return Step(
        0,
        "It weighed what could be done, and proposed at most one change",
        "Arithmetic computes what each possibility is expected to be worth, and which rules rule it out. The model may "
        "only choose among those that are left.",
        at,
        tuple(said),
        weighed=told.weighed,
    )


def _proposed_back(told: Redacted, at: datetime) -> Step:
    if told.first is not None:
        said = f"It proposed {_offered(told.first)}"
    elif told.proposed:
        said = "What it proposed cannot be read any more."
    else:
        said = "It proposed nothing: it cannot be taken back."
    return Step(
        0,
        "It proposed to take the change back",
        "The exact opposite of the earlier change is computed from the record and from what billing says now. "
        "No model is asked.",
        at,
        (said,),
        weighed=told.weighed,
    )


def _offered(offered: Offered) -> str:
    """Return a change with its price, to the end of the sentence."""
    price = f" It {'takes' if offered.takes else 'costs'} {offered.cost}" if offered.cost is not None else ""
    taken = " from the customer" if price and offered.takes else ""
    return f"{words.CHANGES[offered.change]}.{price}{taken}{'.' if price else ''}"


def _decided(told: Redacted) -> Step | None:
    if told.gate is None:
        return None
    said = [_asked(told.gate)]
    said += [_decision(one) for one in told.decided]
    if "approve.amended" in told.at and told.last is not None:
        said.append(f"What was changed became {_offered(told.last)}")
    refused = told.counts.get("approve.refused", 0)
    if refused:
        said.append(f"{counted(refused, 'decision')} did not count, and the record says why.")
    if told.state == "awaiting_decision":
        said.append("Another person must decide still." if told.decided else "Nobody has decided yet.")
    return Step(
        0,
        words.GATES[told.gate.verdict] if told.state != "awaiting_decision" else "People are asked to decide",
        "Nothing is changed before people who may decide sign exactly this change, each with a key of their own. "
        "A signature over one change counts for no other.",
        told.decided[-1].at if told.decided else told.gate.at,
        tuple(said),
    )


def _asked(gate: Asked) -> str:
    if gate.verdict == "denied":
        return "The operator's policy forbade the change."
    if gate.verdict == "cleared":
        return "A mandate that a person had signed before, with a budget and an end, covered the change."
    roles = " or ".join(role.replace("_", " ") for role in gate.roles)
    return f"Policy asked for {counted(gate.quorum, 'approval')} of: {roles}."


def _decision(one: Decided) -> str:
    roles = " and ".join(role.replace("_", " ") for role in one.roles) or "person who may decide"
    article = "An" if roles[0] in "aeiou" else "A"
    who = f"{one.name} ({roles})" if one.name else f"{article} {roles}"
    return f"{who} {words.VERDICTS.get(one.verdict, 'decided')}."


def _executed(told: Redacted) -> Step | None:
    at = next(
        (
            told.at[kind]
            for kind in ("execute.settled", "execute.failed", "execute.refused", "execute.unknown")
            if kind in told.at
        ),
        None,
    )
    if at is None:
        return None
    if "execute.settled" in told.at:
        sent = told.counts.get("execute.sending", 0)
        over = f" over the interface {told.api}" if told.api else ""
        said = [
            f"The change was sent to the operator's commerce system{over}. {words.CONFIRMED.get(told.confirmed_by, '')}"
        ]
        said.append(
            "It was sent once."
            if sent <= 1
            else f"It was sent {sent} times because an answer was lost, and happened once: it was looked for first."
        )
        if "run.reversed" in told.at:
            said.append("Later it was taken back, by a run of its own that people decided on as well.")
    elif "execute.unknown" in told.at:
        said = ["No answer came, and it could not be found out whether the change happened. A person must look."]
    elif "execute.refused" in told.at:
        said = ["Everything was checked again just before, something no longer held, and nothing was sent."]
    else:
        said = ["The change failed, and nothing happened."]
    return Step(
        0,
        "It was checked again, and carried out",
        "Immediately before anything is sent, the signatures, the policy and the customer's state are checked again.",
        at,
        tuple(said),
    )


def _stopped(told: Redacted) -> Step | None:
    """Say where a run ended that did not get to its end, and by which code of ours."""
    if told.state not in ("failed", "cancelled", "halted") or "run.ended" not in told.at:
        return None
    reached = [kind for kind in words.DOING if kind in told.at]
    where = words.DOING[reached[-1]] if reached else "while it looked at the customer's history"
    why = f" The reason on the record is “{told.ended.replace('_', ' ')}”." if told.ended else ""
    return Step(
        0,
        "It ended before its end",
        "What cannot be done safely is not done: the run ends, and the record says why.",
        told.at["run.ended"],
        (f"It was {words.STOPPED[told.state]} {where}.{why}",),
    )


def _proved(told: Redacted, *, verified: bool) -> Step:
    entries = counted(told.entries, "entry", "entries")
    checked = (
        "For this page each was computed again: none was changed, left out or put in between."
        if verified
        else "They are too many to be computed again for this page; `placet audit verify` does."
    )
    return Step(
        0,
        "What the record proves",
        "Each step writes an entry that cannot be changed afterwards: it holds the fingerprint of the entry before it.",
        told.at.get("run.ended"),
        (
            f"The record of this run has {entries} so far. {checked}",
            f"The newest one's fingerprint begins with {told.head[:12]}. The operator's record must show the same.",
            "An auditor verifies the signatures and the whole log offline, without trusting the operator.",
        ),
    )

"""The decision for one customer, with every reason."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import prod
from typing import Final

from placet.contracts.events.kinds import Channel
from placet.contracts.money import Money
from placet.contracts.proposal import Reason
from placet.contracts.strategies.decision import Fell, NextBestAction, Weighed
from placet.contracts.strategies.treatment import Staying
from placet.contracts.strategies.written import WHOLE, share_in_words
from placet.contracts.text import shortened
from placet.decisioning.assignment.shares import Assignment, assign
from placet.decisioning.cohorts.flattening import Row
from placet.decisioning.next_best_action.candidates import Prepared, Ready, true_of
from placet.decisioning.next_best_action.exploring import choose, probabilities
from placet.decisioning.next_best_action.worth import ONE, STATE, cost, value

_LONGEST: Final = 160
_ORDER: Final[Mapping[Fell | None, int]] = {
    None: 0, "outranked": 1, "value": 2, "contact": 3, "suitable": 4, "applicable": 5, "eligible": 6, "arm": 7,
    "step": 8, "rollout": 9, "control_group": 10, "currency": 11, "cohort": 12,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Valued:
    """A candidate that passed all hurdles; `worth` is None where nothing says how likely they leave."""

    candidate: Prepared
    cost: int
    worth: int | None


def decide(
    ready: Sequence[Ready], row: Row, *, as_of: datetime, state_version: int, channel: Channel, at: datetime
) -> NextBestAction:
    """Return what would be done for a customer, and why nothing else.

    Args:
        ready: All strategies that may speak, of `prepare` for this channel and time; asked on one ground.
        row: The customer's state, or what else that ground is.
        as_of: What the row is as of.
        state_version: How many events it stands on.
        channel: Where they would be told.
        at: The time that quiet hours were asked of.
    """
    customer_id, known = str(row["customer_id"]), (ready[0].live.ground if ready else STATE).known
    first = [condition for one in ready for condition in one.first]
    if len(ready) == 1:  # all of one strategy is asked at once: another question costs more than its conditions
        first += _conditions(ready[0].candidates)
    holds = true_of(row, first, known)
    fallen, open_ = list[Weighed](), list[tuple[Ready, Assignment]]()
    for one in ready:
        found = _before_rules(one, customer_id, holds)
        if isinstance(found, Assignment):
            open_.append((one, found))
        else:
            fell, reason = found
            fallen += [_weighed(candidate, fell, reason) for candidate in one.candidates]
    if len(ready) > 1:
        asked = [candidate for one, _ in open_ if one.closed is None for candidate in one.candidates]
        holds = true_of(row, list(_conditions(asked)), known)
    valued = list[_Valued]()
    for one, assignment in open_:
        for candidate in one.candidates:
            fall = _fall(one, candidate, assignment, holds)
            if fall is None:
                valued.append(_value(candidate, row))
            else:
                fallen.append(_weighed(candidate, *fall))
    without = _without_room(valued, customer_id)
    fallen += [_told(one, row, holds, "value", why) for one in valued if (why := without.get(_name(one))) is not None]
    valued = [one for one in valued if _name(one) not in without]
    best, probability = _chosen(valued, customer_id)
    weighed = [*fallen, *_ranked(valued, best, row, holds)]
    return NextBestAction(
        customer_id=customer_id,
        as_of=as_of,
        state_version=state_version,
        simulated=row["simulated"] is True,
        channel=channel,
        at=at,
        probability=probability,
        weighed=tuple(sorted(weighed, key=_order)),
    )


def _order(one: Weighed) -> tuple[int, int, str]:
    return _ORDER[one.fell], -(one.value.amount_minor if one.value else 0), one.strategy


def _before_rules(one: Ready, customer_id: str, first: Mapping[str, bool]) -> tuple[Fell, Reason] | Assignment:
    """Return where all candidates of a strategy fall, or how the customer was drawn."""
    strategy = one.live.strategy
    if not first[strategy.cohort]:
        return "cohort", _reason("not_in_cohort", f"is not in its cohort: {strategy.cohort}")
    if not first[one.currency]:
        return "currency", _reason("other_currency", f"pays in another currency than {strategy.market.currency}")
    drawn = assign(strategy.name, customer_id, holdout_bp=strategy.holdout, weights=one.live.weights)
    if drawn.held_out:
        said = f"is in the control group of {share_in_words(strategy.holdout)}, which is never treated"
        return "control_group", _reason("control_group", said)
    if not drawn.treated_at(one.live.reached):
        so_far = f"it has reached {share_in_words(one.live.reached)} so far"
        nobody = "nobody is treated by it now: its rollout is held, or was ended"
        return "rollout", _reason("not_reached", so_far if one.live.reached else nobody)
    return drawn


def _conditions(candidates: Sequence[Prepared]) -> Iterator[str]:
    for candidate in candidates:
        yield from (hurdle.condition for hurdle in candidate.hurdles)
        yield from (because.when for because in candidate.treatment.because)


def _fall(one: Ready, candidate: Prepared, drawn: Assignment, holds: Mapping[str, bool]) -> tuple[Fell, Reason] | None:
    at = one.live.at
    if at is not None and candidate.treatment.code not in at.gives:
        return "step", _reason(at.code, at.said)
    if one.closed is not None:
        return "contact", _reason(one.closed.code, one.closed.said)
    if candidate.arms and drawn.arm not in candidate.arms:
        return "arm", _reason("other_arm", f"is in arm {drawn.arm}, which does not get it")
    for hurdle in candidate.hurdles:
        if not holds[hurdle.condition]:
            return hurdle.fell, _reason(hurdle.code, hurdle.said)
    return None


def _value(candidate: Prepared, row: Row) -> _Valued:
    strategy, treatment, ground = candidate.live.strategy, candidate.treatment, candidate.live.ground
    spends, leaving = ground.spends(row), row[ground.leaving]
    costs = cost(treatment.action, spends, ONE)
    unknown = isinstance(treatment.value, Staying) and leaving is None
    worth = None if unknown else value(strategy, treatment, spends, leaving, costs, ground.certain)
    return _Valued(candidate, costs, worth)


def _name(one: _Valued) -> str:
    return one.candidate.live.strategy.name


def _offered(valued: Sequence[_Valued]) -> dict[str, list[_Valued]]:
    """Return what each strategy has for a customer that gains something."""
    offered: dict[str, list[_Valued]] = {}
    for one in valued:
        if _no_gain(one) is None:
            offered.setdefault(_name(one), []).append(one)
    return offered


def _choice(theirs: Sequence[_Valued], customer_id: str) -> tuple[_Valued, int] | None:
    """Return what one strategy chooses among what it has, and with which probability."""
    by_code = {one.candidate.treatment.code: one for one in theirs}
    worth = {code: one.worth or 0 for code, one in by_code.items()}
    choice = choose(theirs[0].candidate.live.strategy, customer_id, worth)
    return None if choice is None else (by_code[choice.treatment], choice.probability)


def _without_room(valued: Sequence[_Valued], customer_id: str) -> dict[str, Reason]:
    """Return the strategies whose choice their budget has no room for: their run would propose nothing."""
    found = dict[str, Reason]()
    for name, theirs in _offered(valued).items():
        choice, room = _choice(theirs, customer_id), theirs[0].candidate.live.room
        if choice is not None and room is not None and choice[0].cost > room:
            picked = choice[0]
            what = f"{picked.candidate.treatment.title} takes {_money(picked, picked.cost)}"
            found[name] = _reason("over_budget", f"its budget has {_money(picked, room)} left, and {what}")
    return found


def _chosen(valued: Sequence[_Valued], customer_id: str) -> tuple[_Valued | None, int]:
    """Return what is done, and with which probability: each strategy chooses one, and the one worth most is done."""
    offered = _offered(valued)
    sent = [one for theirs in offered.values() if (one := _choice(theirs, customer_id)) is not None]
    if not sent:
        return None, WHOLE
    best, probability = max(sent, key=lambda one: _worth(one[0]))
    name = _name(best)
    beaten = (_beaten(theirs, best) for other, theirs in offered.items() if other != name)
    return best, max(round(probability * prod(beaten)), 1)


def _beaten(offered: Sequence[_Valued], by: _Valued) -> float:
    """Return with which probability what another strategy would choose is worth less than what is done."""
    strategy = offered[0].candidate.live.strategy
    order = sorted(offered, key=_worth, reverse=True)
    chances = probabilities(strategy, len(order))
    return sum(chance for one, chance in zip(order, chances, strict=True) if _worth(one) < _worth(by)) / WHOLE


def _worth(one: _Valued) -> tuple[int, int]:
    return one.worth or 0, -one.candidate.number


def _ranked(valued: Sequence[_Valued], best: _Valued | None, row: Row, holds: Mapping[str, bool]) -> Iterator[Weighed]:
    for one in valued:
        against = _no_gain(one)
        if against is not None:
            yield _told(one, row, holds, "value", against)
        elif one is best:
            yield _told(one, row, holds, None, _why_chosen(one, valued))
        else:
            yield _told(one, row, holds, "outranked", _why_outranked(one, best))


def _why_chosen(best: _Valued, valued: Sequence[_Valued]) -> Reason:
    gains = f"is expected to gain {_money(best, best.worth)} after its cost"
    of_it = [one for one in valued if one.candidate.live is best.candidate.live and _no_gain(one) is None]
    if _worth(best) == max(map(_worth, of_it)):
        return _reason("worth_most", gains)
    share = share_in_words(best.candidate.live.strategy.explore)
    return _reason("explored", f"was drawn by chance among what passes, as for {share} of customers; {gains}")


def _why_outranked(one: _Valued, best: _Valued | None) -> Reason:
    if best is None:
        return _reason("outranked", "nothing is done")
    title, amount = best.candidate.treatment.title, _money(best, best.worth)
    if _worth(best) < _worth(one):
        return _reason("outranked", f"{title} was drawn by chance to be tried: {amount}")
    return _reason("outranked", f"{title} is expected to gain more: {amount}")


def _no_gain(one: _Valued) -> Reason | None:
    most = one.candidate.treatment.action.at_most
    if one.candidate.treatment.action.kind == "adjust_balance" and one.cost == 0:
        return _reason("nothing_to_give", "spends too little in a month for a credit that is a share of it")
    if one.cost > most.amount_minor:
        return _reason("above_cap", f"would cost {_money(one, one.cost)}, more than {most}")
    if one.worth is None:
        return _reason("no_score", "nothing says how likely they leave: no score in 90 days")
    if one.worth <= 0:
        moves = f"lose {_money(one, -one.worth)}" if one.worth < 0 else "gain nothing"
        return _reason("no_gain", f"is expected to {moves} at a cost of {_money(one, one.cost)}")
    return None


def _told(one: _Valued, row: Row, holds: Mapping[str, bool], fell: Fell | None, reason: Reason) -> Weighed:
    treatment = one.candidate.treatment
    because = tuple(Reason(code=each.code, detail=each.says) for each in treatment.because if holds[each.when])
    ground = one.candidate.live.ground
    churn = row[ground.leaving]
    leaving = churn * WHOLE // ground.certain if isinstance(churn, int) else None
    staying = isinstance(treatment.value, Staying)
    chance = leaving if isinstance(treatment.value, Staying) else treatment.value.chance
    currency = one.candidate.live.strategy.market.currency
    return _weighed(one.candidate, fell, reason).model_copy(
        update={
            "because": because,
            "chance": chance,
            "chance_of": None if chance is None else "leaving" if staying else "taking_up",
            "cost": Money(amount_minor=one.cost, currency=currency),
            "value": None if one.worth is None else Money(amount_minor=one.worth, currency=currency),
        }
    )


def _weighed(candidate: Prepared, fell: Fell | None, reason: Reason) -> Weighed:
    return Weighed(
        strategy=candidate.live.strategy.name,
        version=candidate.live.version,
        treatment=candidate.treatment.code,
        title=candidate.treatment.title,
        fell=fell,
        reason=reason,
    )


def _money(one: _Valued, minor: int | None) -> str:
    return str(Money(amount_minor=minor or 0, currency=one.candidate.live.strategy.market.currency))


def _reason(code: str, said: str) -> Reason:
    return Reason(code=code, detail=shortened(said, _LONGEST))

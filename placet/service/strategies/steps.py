"""The steps of the first 90 days: what each asks of the record, and what to do where it is not done."""

from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

from placet.contracts.strategies.written import WHOLE, share_in_words
from placet.contracts.text import counted
from placet.service.strategies.standing import Rolled, Standing

_TWO: Final = 2
_THREE: Final = 3
_HALF: Final = WHOLE // 2


class Done(NamedTuple):
    """How far a step is, and what shows it."""

    state: Literal["done", "partly", "open"]
    found: str


class Step(NamedTuple):
    """A step: `ask` derives how far it is."""

    code: str
    title: str
    ask: Callable[[Standing], Done]
    todo: str
    page: str
    command: str


def _judged(number: int, wanted: int, found: str) -> Done:
    return Done("done" if number >= wanted else "partly" if number else "open", found)


def _events(standing: Standing) -> Done:
    return _judged(standing.base, 1, f"events of {counted(standing.base, 'customer')} are known")


def _people(standing: Standing) -> Done:
    people = standing.people
    roles = " or ".join(people.roles) or "no role by name"
    found = f"{_people_in_words(len(people.deciding))}, {len(people.publishing)} of them as {roles}, who may publish"
    if people.publishing and len(people.deciding) >= _TWO:
        return Done("done", found)
    return Done("partly" if people.deciding else "open", found)


def _published(standing: Standing) -> Done:
    names = [one.record.mandate.name for one in standing.in_force]
    if names:
        return Done("done", f"{counted(len(names), 'strategy', 'strategies')} in force: {_listed(names)}")
    signed = len(standing.published)
    if signed:
        return Done(
            "partly", f"none is in force; {counted(signed, 'version')} {'was' if signed == 1 else 'were'} signed"
        )
    return Done("open", "no strategy was ever signed")


def _control(standing: Standing) -> Done:
    texts = standing.texts
    if not texts:
        return Done("open", "no strategy is in force, so nobody is kept apart")
    small = [one for one in standing.rolled if one.published.in_force and one.control < _wanted(one)]
    said = "kept apart: " + _listed([f"{share_in_words(one.holdout)} of {one.name}" for one in texts])
    if small:
        first = small[0]
        return Done(
            "partly",
            f"{said}; the control group of {first.name} has {counted(first.control, 'customer')}, and its guard rails "
            f"want {_wanted(first):,}",
        )
    without = [one.name for one in texts if not one.holdout]
    if without:
        return Done("partly", f"without a control group: {_listed(without)}")
    return Done("done", said)


def _wanted(one: Rolled) -> int:
    return max((rail.sample for rail in one.strategy.rollout.guard_rails), default=0)


def _started(standing: Standing) -> Done:
    names = [one.name for one in standing.rolled]
    found = f"{counted(len(names), 'rollout')} started: {_listed(names)}" if names else "no rollout was started"
    return _judged(len(names), 1, found)


def _given(standing: Standing) -> Done:
    many = sum(one.executed for one in standing.rolled)
    return _judged(many, 1, f"{counted(many, 'run')} of rollouts gave a customer something")


def _watched(standing: Standing) -> Done:
    # What was replaced, or ended for good, is watched no more: it counts where nothing goes on.
    going_on = [one for one in standing.rolled if one.going_on] or standing.rolled
    looked = [one for one in going_on if one.look is not None]
    passed = [one.name for one in looked if one.look is not None and one.look.outcome == "passed"]
    if passed:
        return Done("done", f"all guard rails passed at the newest look: {_listed(passed)}")
    if looked:
        return Done("partly", f"the newest look at {_listed([one.name for one in looked])} did not pass yet")
    return Done("open", "no look at a guard rail is on the record")


def _stopped(standing: Standing) -> Done:
    stops = standing.stops
    if stops.lifted:
        return Done("done", f"{counted(stops.placed, 'stop')} on record, {stops.lifted} let go on again by a signature")
    if stops.placed:
        return Done("partly", f"{counted(stops.placed, 'stop')} on record, none let go on again yet")
    return Done("open", "nothing was ever stopped here, so nobody knows that it works")


def _promoted(standing: Standing) -> Done:
    names = [one.name for one in standing.rolled if one.stands.stage > 0]
    found = f"beyond the first stage: {_listed(names)}" if names else "every rollout is in its first stage, or none is"
    return _judged(len(names), 1, found)


def _half(standing: Standing) -> Done:
    return _reached(standing, _HALF)


def _whole(standing: Standing) -> Done:
    return _reached(standing, WHOLE)


def _reached(standing: Standing, share: int) -> Done:
    furthest = max(standing.rolled, key=lambda one: one.stands.reached, default=None)
    if furthest is None or not furthest.stands.reached:
        return Done("open", "nobody is reached by a rollout now")
    found = f"the furthest one, {furthest.name}, reaches {share_in_words(furthest.stands.reached)} of its cohort"
    return Done("done" if furthest.stands.reached >= share else "partly", found)


def _outcomes(standing: Standing) -> Done:
    known = standing.outcomes_known()
    found = f"known of {_listed(known)}" if known else "no outcome after 30 days is known yet"
    return _judged(len(known), 1, found)


def _several(standing: Standing) -> Done:
    many = len(standing.in_force)
    return _judged(many, _THREE, f"{counted(many, 'strategy', 'strategies')} in force")


def _listed(found: Sequence[str]) -> str:
    """Name the first of several, each once, and say how many more there are."""
    names = tuple(dict.fromkeys(found))
    more = len(names) - _THREE
    return ", ".join(names[:_THREE]) + (f" and {more} more" if more > 0 else "")


def _people_in_words(many: int) -> str:
    return counted(many, "person", "people") + (" is enrolled" if many == 1 else " are enrolled")


_SHOW: Final = "placet rollout show NAME"
CHOOSE: Final = (
    Step("events", "Events of customers come in", _events, "let your systems send what happens to customers, or try "
         "simulated events", "cohorts", "placet state ingest FILE"),
    Step("people", "Two people or more may decide, one of them may publish", _people, "enrol an approver; whoever "
         "writes a strategy may not sign it", "approvers", "placet keys enroll NAME --role ROLE --as ADMINISTRATOR"),
    Step("published", "A strategy is chosen and signed", _published, "begin with a ready strategy, preview it, and let "
         "somebody sign it", "strategies", "placet strategy publish FILE --as NAME --drafted-by NAME"),
)  # fmt: skip
PILOT: Final = (
    Step("control", "A control group is kept apart, large enough to tell", _control, "give the strategy a control "
         "group, or a wider cohort", "strategies", "placet strategy preview FILE"),
    Step("started", "A rollout is under way", _started, "start the rollout of a published strategy; its publisher "
         "may not", "rollouts", "placet rollout start NAME --by NAME"),
    Step("given", "Customers were given something", _given, "decide what waits in the inbox, or let policy commit "
         "small amounts", "inbox", "placet inbox"),
    Step("watched", "All guard rails passed", _watched, "let the stage be watched for its days; a look is taken "
         "once a day", "rollouts", _SHOW),
    Step("stopped", "A stop was tried, and let go on again", _stopped, "pause a rollout or place a halt, and let "
         "somebody entitled lift it", "halts", "placet rollout pause NAME --by NAME --reason TEXT"),
)  # fmt: skip
SCALE: Final = (
    Step("promoted", "A further stage was signed", _promoted, "sign the next stage when the guard rails pass",
         "rollouts", "placet rollout promote NAME --as NAME"),
    Step("half", "A rollout reaches half of its cohort", _half, "sign further stages", "rollouts", _SHOW),
    Step("outcomes", "What came of it after 30 days is known", _outcomes, "wait until members were watched for 30 days",
         "rollouts", _SHOW),
    Step("several", "Three strategies are in force", _several, "add the next journey, and plan them together",
         "strategies", "placet strategy plan FILE…"),
    Step("whole", "A rollout reaches everybody in its cohort", _whole, "sign the last stage", "rollouts", _SHOW),
)  # fmt: skip

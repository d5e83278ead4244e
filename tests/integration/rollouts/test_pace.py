"""A stage is reached no faster than its strategy says, and a rollout whose publication is altered is not denied."""

from datetime import timedelta

import pytest

from placet.contracts.run import RunRequest
from placet.errors import UsageError
from placet.service.rollouts.showing import show_rollout
from tests.support.databases import disarm, outsider
from tests.support.strategies.published import Shop
from tests.support.strategies.rolling import Rolling, everybody, started


def test_an_hour_has_as_many_runs_as_was_signed_spread_over_it(crowded: Shop) -> None:
    rolling = started(crowded, everybody(("per_hour: 100000", "per_hour: 6")))
    _take_down(rolling)
    assert rolling.stand().wait_seconds == 600
    assert [_batch(rolling) for _ in range(8)] == [1, 1, 1, 1, 1, 0, 0, 0], "with the one that was started first"
    assert rolling.stand().wait_seconds == 30
    rolling.later += timedelta(hours=1, minutes=1)
    assert _batch(rolling) == 1, "who waited has their turn"


def test_a_rate_that_leaves_no_time_between_runs_starts_several_at_once(crowded: Shop) -> None:
    rolling = started(crowded, everybody(("per_hour: 100000", "per_hour: 7200")))
    rolling.stand()
    assert rolling.stand().wait_seconds == 2
    assert _batch(rolling) == 4


def test_a_rollout_whose_publication_is_altered_is_not_said_to_be_unknown(crowded: Shop, database_url: str) -> None:
    rolling = started(crowded, everybody())
    disarm(database_url, "mandate")
    with outsider(database_url) as run:
        run("UPDATE mandate SET budget_minor = budget_minor + 1")
    with pytest.raises(UsageError) as refused:
        show_rollout(crowded.database, "demo", rolling.of.name, rolling.policies)
    assert refused.value.code == "strategy_altered"
    assert "1 publication of those on record" in str(refused.value)
    assert "nothing of it executes. `placet audit verify` says what" in str(refused.value)
    stood = rolling.stand()
    assert (stood.phase, stood.wait_seconds) == ("closed", 300)


def _take_down(rolling: Rolling) -> None:
    rolling.stand()
    assert _batch(rolling) == 1


def _batch(rolling: Rolling) -> int:
    requests = rolling.steps.batch(rolling.asked)
    rolling.steps.note(rolling.asked, requests)
    rolling.over(one.run_id for one in requests if isinstance(one, RunRequest))
    return len(requests)

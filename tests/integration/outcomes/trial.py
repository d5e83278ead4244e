"""A rollout of which the truth is known: simulated customers, of whom the treated spend more from the start on."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from placet.contracts.outcomes.report import OutcomeGroup, OutcomesReport
from placet.contracts.outcomes.windows import Days
from placet.contracts.strategies.rollout import Measure
from placet.service.cohorts import fold_all
from placet.service.outcomes.counting import count_all
from placet.service.outcomes.entering import RolledOut, rolled_out
from placet.service.outcomes.reporting import report_of, show_outcomes
from placet.service.outcomes.verifying import DerivedAgain, derive_again
from placet.service.state.taking import take_events
from placet.storage.database import Database
from tests.support.databases import STOCKS
from tests.support.strategies.published import HELD, IN_BOTH, IN_SMALL, NOT_REACHED, SPENT_MINOR, Shop, draw
from tests.support.strategies.rolling import Rolling, everybody, started

MANY: Final = 520
MEMBERS: Final = tuple(f"S{number:05}" for number in range(MANY))
EVERYBODY: Final = (*MEMBERS, IN_BOTH, IN_SMALL, NOT_REACHED, HELD)
"""With the customers of the sandbox, who are in the cohort as well."""
GAIN_MINOR: Final = 1_500
"""What a treated customer recharges more in 30 days: the truth."""


def lot(customer: str, about: str) -> float:
    """Return a number from 0 to 1 that is chance for whoever does not know the digest."""
    return int(hashlib.sha256(f"{about}/{customer}".encode()).hexdigest()[:12], 16) / 16**12


def habit(customer: str) -> int:
    """Return what a customer recharges in 30 days as a rule, in minor units."""
    return round(2_000 + 6_000 * lot(customer, "habit")) if customer in MEMBERS else SPENT_MINOR


def event(customer: str, kind: str, at: datetime, name: str, data: dict[str, Any]) -> bytes:
    """Return an event of a simulated customer."""
    values = {
        "specversion": "1.0",
        "id": f"{name}-{customer}",
        "source": "simulated",
        "type": f"placet.{kind}.v1",
        "subject": f"customer:{customer}",
        "time": at.isoformat(),
        "data": data,
    }
    return json.dumps(values).encode()


def recharge(customer: str, at: datetime, name: str, minor: int) -> bytes:
    """Return a recharge."""
    return event(customer, "balance.recharged", at, name, {"amount": {"amount_minor": minor, "currency": "USD"}})


@dataclass
class Trial:
    """A rollout, of which outcomes are counted."""

    rolling: Rolling
    began: datetime

    @property
    def database(self) -> Any:
        return self.rolling.shop.database

    @property
    def it(self) -> RolledOut:
        with self.database.reading() as tx:
            return rolled_out(tx, "demo", self.rolling.asked.version)

    def at(self, days: float) -> datetime:
        """Return the time so many days after the rollout began."""
        return self.began + timedelta(days=days)

    def take(self, texts: Sequence[bytes], *, at: datetime) -> None:
        """Take events in at a time."""
        taken = take_events(self.database, "demo", texts, now=at, oldest=at - timedelta(days=400))
        assert taken.refused == ()

    def treated(self, customer: str) -> bool:
        return not draw(self.rolling.of, customer).held_out

    def entered(self, share: int = 6_000) -> list[str]:
        return [one for one in EVERYBODY if draw(self.rolling.of, one).rollout_bucket < share]

    def live(self, *, gain: int = GAIN_MINOR, customers: Iterable[str] = EVERYBODY) -> None:
        """Let a month pass, in which the treated recharge more, and the control group complains more."""
        texts = []
        for one in customers:
            noise = round(800 * (lot(one, "after") - 0.5))
            more = gain if self.treated(one) else 0
            texts.append(recharge(one, self.at(5), "after", habit(one) + noise + more))
            if lot(one, "complains") < (0.10 if self.treated(one) else 0.30):
                ticket = {"ticket_id": f"T-{one}", "status": "opened", "topic": "bill"}
                texts.append(event(one, "support.ticket", self.at(9), "ticket", ticket))
        self.take(texts, at=self.at(10))

    def count(self, days: float = 40) -> int:
        """Let time pass, and count what is due."""
        return count_all(self.database, "demo", self.at(days))

    def report(self, days: Days = 30, *, later: float = 41) -> OutcomesReport:
        return report_of(self.database, "demo", self.it, days, self.at(later))

    def shown(self, days: Days = 30, *, later: float = 41) -> OutcomesReport:
        policies = self.rolling.policies
        return show_outcomes(self.database, "demo", self.rolling.of.name, days, policies, self.at(later))

    def verify(self, days: Days = 30) -> DerivedAgain:
        return derive_again(self.database, "demo", self.it, days)


def group(report: OutcomesReport, name: str = "all") -> OutcomeGroup:
    """Return a group of a report."""
    return next(one for one in report.groups if one.name == name)


def found(report: OutcomesReport, measure: Measure, name: str = "all") -> Any:
    """Return the uplift of a measure."""
    return next(one.found for one in group(report, name).measures if one.measure == measure)


def begun(shop: Shop, *edits: tuple[str, str]) -> Trial:
    """Return a rollout at its first stage, of the customers of `month_before`."""
    rolling = started(shop, everybody(*edits))
    rolling.stand()
    rolling.steps.batch(rolling.asked)
    return Trial(rolling, datetime.now(UTC))


def _month_before(database: Database) -> None:
    now = datetime.now(UTC)
    texts = [recharge(one, now - timedelta(days=12), "before", habit(one)) for one in MEMBERS]
    take_events(database, "demo", texts, now=now, oldest=now - timedelta(days=400))
    fold_all(database, "demo")


STOCKS["month_before"] = _month_before


@pytest.fixture(autouse=True)
def month_before() -> None:
    """Let what the customers did a month before be known."""


@pytest.fixture
def trial(shop: Shop) -> Trial:
    """Return such a rollout with four in ten of its cohort in the control group."""
    return begun(shop, ("holdout: 20 %", "holdout: 40 %"))

"""The simulated customers of the bench: as many as its stage treats, a control group and whom a later stage has."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from itertools import count, cycle
from pathlib import Path
from typing import Final

from placet.contracts.strategies.strategy import Strategy
from placet.decisioning.assignment.shares import assign
from placet.service.state.taking import take_events
from placet.storage.database import Database

_MONTHLY: Final = (3_000, 4_000, 5_500)
"""What customers spend in a month, in minor units: amounts that differ show an effect that went to somebody else."""
_BATCH: Final = 5_000
_COMPARED: Final = 1_000


@dataclass(frozen=True, slots=True)
class Crowd:
    """Simulated customers, by where they are drawn.

    Attributes:
        treated: Those of the first stage.
        others: The control group, and those whom a later stage would reach: nobody of them may get anything.
    """

    treated: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def everybody(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.treated, *self.others)


def draw_crowd(strategy: Strategy, customers: int) -> Crowd:
    """Name customers until the first stage treats so many of them."""
    treated, others = list[str](), list[str]()
    for number in count(1):
        customer = f"B{number:07d}"
        drawn = assign(strategy.name, customer, holdout_bp=strategy.holdout, weights={})
        group = treated if drawn.treated_at(strategy.rollout.stages[0]) else others
        group.append(customer)
        if len(treated) == customers:
            break
    return Crowd(tuple(treated), tuple(others))


def compared() -> tuple[str, ...]:
    """Return the customers whose runs people decide: nobody of the cohort."""
    return tuple(f"P{number:07d}" for number in range(1, _COMPARED + 1))


def write_customers(home: Path, crowd: Crowd) -> Path:
    """Write the sandbox's file of these customers: rows of its sample who are likely to leave, under other ids."""
    sample = resources.files("placet.sandbox").joinpath("data/telco_customers.csv")
    with sample.open(encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        columns, rows = list(reader.fieldnames or ()), [row for row in reader if _at_risk(row)]
    path = home / "customers.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for customer, row in zip((*crowd.everybody, *compared()), cycle(rows), strict=False):
            writer.writerow({**row, "customer_id": customer})
    return path


def let_recharge(database: Database, crowd: Crowd, now: datetime) -> None:
    """Let all of them recharge and agree to marketing, some days ago."""
    texts = list(_events(crowd, now))
    for first in range(0, len(texts), _BATCH):
        take_events(database, "demo", texts[first : first + _BATCH], now=now, oldest=now - timedelta(days=400))


def _events(crowd: Crowd, now: datetime) -> Iterator[bytes]:
    for number, customer in enumerate(crowd.everybody):
        amount = {"amount_minor": 3 * _MONTHLY[number % len(_MONTHLY)], "currency": "USD"}
        said = (
            ("balance.recharged", {"amount": amount}, 48),
            ("consent.changed", {"purpose": "marketing", "given": True}, 72),
        )
        for kind, data, hours in said:
            event = {
                "specversion": "1.0",
                "id": f"{kind}-{customer}",
                "source": "bench",
                "type": f"placet.{kind}.v1",
                "subject": f"customer:{customer}",
                "time": (now - timedelta(hours=hours)).isoformat(),
                "data": data,
            }
            yield json.dumps(event).encode()


def _at_risk(row: dict[str, str]) -> bool:
    young = 2 <= int(row["tenure"]) <= 12  # noqa: PLR2004 - months
    return row["contract"] == "Month-to-month" and row["internet_service"] == "Fiber optic" and young

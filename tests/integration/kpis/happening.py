"""What happens to customers in tests of kept key figures, drawn by hypothesis, and the comparison with one pass."""

import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from placet.contracts.people.merge import MergeRecord
from placet.errors import DecisionRefused, UsageError
from placet.service.cohorts import fold_all
from placet.service.kpis.book import Book
from placet.service.kpis.kept import anew_report, differences, kept_report
from placet.service.kpis.refreshing import refresh, refresh_some
from placet.service.state.erasing import erase_customer
from placet.service.state.taking import take_events
from placet.storage.database import Database
from tests.integration.state.sending import recharge
from tests.integration.state.test_merging import People

START = datetime(2026, 3, 1, 23, 58, tzinfo=UTC)
SEGMENTS = (None, "family", "late_recharger", "multi_product", "active_prepaid", "postpaid", "dormant")


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


CUSTOMER = st.integers(0, 6)
HAPPENS = st.one_of(
    st.tuples(st.just("recharge"), CUSTOMER, st.integers(-1, 2000), st.sampled_from(["USD", "EUR"])),
    st.tuples(st.just("moves"), CUSTOMER, st.integers(0, 2)),
    st.tuples(st.just("orders"), CUSTOMER, st.integers(0, 3)),
    st.tuples(st.just("answers"), CUSTOMER, st.integers(0, 10)),
    st.tuples(st.just("merges"), CUSTOMER, CUSTOMER),
    st.tuples(st.just("splits")),
    st.tuples(st.just("erases"), CUSTOMER),
    st.tuples(st.just("sleeps"), st.integers(1, 50)),
    st.tuples(st.just("folds")),
    st.tuples(st.just("steps"), st.integers(1, 3)),
    st.tuples(st.just("refreshes")),
    st.tuples(st.just("fails")),
    st.tuples(st.just("compares")),
)


_DOES = {"merges": "merge"}
"""`merges` is what there are."""


@dataclass
class Happening:
    """A tenant to whose customers things happen."""

    database: Database
    people: People
    prefix: str
    now: datetime = START
    merges: list[MergeRecord] = field(default_factory=list)
    sent: int = 0

    def id(self, number: int) -> str:
        return f"{self.prefix}{number}"

    def do(self, what: tuple[Any, ...]) -> None:
        getattr(self, _DOES.get(what[0], what[0]))(*what[1:])

    def send(self, number: int, kind: str, data: dict[str, Any], hours: int = 0) -> None:
        self.sent += 1
        at = self.now + timedelta(minutes=4) if hours < 0 else self.now - timedelta(hours=hours)
        text = recharge(
            self.sent,
            id=f"{self.prefix}-{self.sent}",
            subject=f"customer:{self.id(number)}",
            type=f"placet.{kind}.v1",
            data=data,
            time=at.isoformat(),
        )
        oldest = self.now - timedelta(days=400)
        taken = take_events(self.database, "demo", [text], now=self.now, oldest=oldest)
        assert taken.accepted == 1, taken

    def recharge(self, number: int, hours: int, currency: str) -> None:
        self.send(number, "balance.recharged", {"amount": {"amount_minor": 500, "currency": currency}}, hours)

    def moves(self, number: int, household: int) -> None:
        self.send(number, "household.changed", {"household_id": f"h{household}" if household else None})

    def orders(self, number: int, product: int) -> None:
        data = {"product_id": f"p{product}", "line": "mobile", "offering_id": "o" if product else None}
        self.send(number, "plan.changed", data)

    def answers(self, number: int, score: int) -> None:
        self.send(number, "survey.answered", {"survey": "nps", "score": score})

    def splits(self) -> None:
        if self.merges:
            self.people.split(self.merges.pop())

    def erases(self, number: int) -> None:
        with contextlib.suppress(UsageError):  # of whom nothing is known
            erase_customer(self.database, "demo", self.id(number), by="olga", reason="asked", now=self.now)
        self.now += timedelta(seconds=1)

    def sleeps(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    def folds(self) -> None:
        fold_all(self.database, "demo")

    def steps(self, limit: int) -> None:
        refresh_some(self.database, "demo", self.now, limit)

    def fails(self) -> None:
        """Have a step end before its transaction does, as when its process is killed."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Book, "close", _killed)
            with contextlib.suppress(KeyboardInterrupt):
                refresh_some(self.database, "demo", self.now, 2)

    def refreshes(self) -> None:
        assert refresh(self.database, "demo", self.now)

    def compares(self) -> None:
        self.folds()
        for segment in SEGMENTS:
            kept = kept_report(self.database, "demo", segment, self.now)
            anew = anew_report(self.database, "demo", segment, self.now)
            assert differences(kept, anew) == ()
            assert kept.counted_at is not None
            assert anew.model_copy(update={"counted_at": kept.counted_at}) == kept

    def merge(self, kept: int, other: int) -> None:
        if kept == other:
            return
        try:
            self.merges.append(self.people.merge(self.id(kept), self.id(other)))
        except DecisionRefused:
            return

"""Say what retention would erase, and erase it: on the record, in batches, any of which may be the last.

Each batch of documents is one transaction: the list of their digests is kept, `retention.applied` names the list, the
documents go. A process that dies in between leaves whole batches; the next one finds the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from placet.errors import UsageError
from placet.governance.retention import APPLIED, COMPLETED, Erasable, Going, Periods
from placet.storage.database import Database
from placet.storage.retention.erasing import BATCH, Eraser, Size, erase_notices, size_of, size_of_notices
from placet.storage.retention.survey import survey
from placet.storage.transaction import Transaction

CLASSES: tuple[Erasable, ...] = ("evidence", "proposal")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What would go, or went, of each class of documents, and of the notifications."""

    documents: Mapping[Erasable, Size]
    notices: Size

    @property
    def nothing(self) -> bool:
        """Whether it is nothing at all."""
        return not self.notices.count and not any(size.count for size in self.documents.values())


def would_erase(database: Database, tenant: str, periods: Periods, now: datetime) -> Outcome:
    """Return what `apply_retention` would erase now; nothing is changed."""
    with database.snapshot() as tx:
        going = survey(tx, tenant, periods, now)
        sizes = {kind: size_of(tx, tenant, _of(going, kind)) for kind in CLASSES}
        notices = _notices(tx, tenant, periods, now)
    oldest = {kind: min((one.since for one in going.values() if one.kind == kind), default=None) for kind in CLASSES}
    return Outcome({kind: Size(size.count, size.size, oldest[kind]) for kind, size in sizes.items()}, notices)


def apply_retention(database: Database, tenant: str, periods: Periods, *, by: str, now: datetime) -> Outcome:
    """Erase what no run needs any more, and put on the record what went.

    Raises:
        UsageError: code `no_period`; nothing is set, so that everything is kept.
        GovernanceError: code `audit_broken`; an entry cannot be read, and nothing was erased.
    """
    if not periods.anything:
        raise UsageError(
            "no period is set, so that everything is kept; set PLACET_RETAIN_EVIDENCE_DAYS, "
            "PLACET_RETAIN_PROPOSALS_DAYS or PLACET_RETAIN_NOTICES_DAYS",
            code="no_period",
        )
    with database.reading() as tx:
        seen = tx.audit.settled(tenant)
    with database.snapshot() as tx:
        going = survey(tx, tenant, periods, now)
        due = _notices(tx, tenant, periods, now)
    eraser = Eraser(tenant, seen)
    act = _Act(database, tenant, periods, by, now)
    documents = {kind: act.documents(eraser, kind, going) for kind in CLASSES}
    outcome = Outcome(documents, replace(due, count=act.notices()))
    with database.transaction() as tx:
        counts = {kind: size.count for kind, size in documents.items()}
        body = {"periods": _days(periods), "erased": counts, "notices": outcome.notices.count}
        tx.record_act(tenant, COMPLETED, by, now, now.isoformat(), body)
    return outcome


@dataclass(frozen=True, slots=True)
class _Act:
    database: Database
    tenant: str
    periods: Periods
    by: str
    now: datetime

    def documents(self, eraser: Eraser, kind: Erasable, going: Mapping[str, Going]) -> Size:
        digests = _of(going, kind)
        batches = (digests[first : first + BATCH] for first in range(0, len(digests), BATCH))
        erased = [self._batch(eraser, kind, batch, going) for batch in batches]
        oldest = min((one.oldest for one in erased if one.oldest is not None), default=None)
        return Size(sum(one.count for one in erased), sum(one.size for one in erased), oldest)

    def _batch(self, eraser: Eraser, kind: Erasable, digests: list[str], going: Mapping[str, Going]) -> Size:
        with self.database.transaction() as tx:
            sizes = eraser.lock(tx, digests)
            if not sizes:
                return Size(0, 0)
            went = Size(len(sizes), sum(sizes.values()), min(going[digest].since for digest in sizes))
            body = {
                "class": kind,
                "list": eraser.keep_list(tx, list(sizes)),
                "count": went.count,
                "bytes": went.size,
                "days": self.periods.classes[kind],
                "given_days": self.periods.given,
                "cut_off": (self.now - timedelta(days=self.periods.classes[kind] or 0)).isoformat(),
            }
            what = f"{self.now.isoformat()}.{body['list']}"
            entry = tx.record_act(self.tenant, APPLIED, self.by, self.now, what, body)
            eraser.erase(tx, list(sizes), entry.seq)
        return went

    def notices(self) -> int:
        if self.periods.notices is None:
            return 0
        before, total = self.now - timedelta(days=self.periods.notices), 0
        while True:
            with self.database.transaction() as tx:
                went = erase_notices(tx, self.tenant, before)
            total += went
            if went < BATCH:
                return total


def _notices(tx: Transaction, tenant: str, periods: Periods, now: datetime) -> Size:
    if periods.notices is None:
        return Size(0, 0)
    return size_of_notices(tx, tenant, now - timedelta(days=periods.notices))


def _of(going: Mapping[str, Going], kind: Erasable) -> list[str]:
    return sorted(digest for digest, one in going.items() if one.kind == kind)


def _days(periods: Periods) -> dict[str, Any]:
    return {"notices": periods.notices, "given": periods.given, **{kind: periods.classes.get(kind) for kind in CLASSES}}

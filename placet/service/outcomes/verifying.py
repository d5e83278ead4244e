"""Deriving outcomes again: from the members that the record has, and from the events that are kept, row by row.

- The members are those whose digest the record has: none is missing, none was put in, none was altered.
- The rows are those that were counted, batch by batch.
- Each row says what the events say that had arrived by the moment it was counted. Of a window from which retention has
  taken events since, and of whoever was erased, that cannot be asked any more.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from placet.contracts.audit import tenant_stream
from placet.contracts.base import Frozen
from placet.contracts.outcomes.windows import Days, MemberOutcome
from placet.decisioning.state.aggregate import time_of
from placet.decisioning.windows.sealing import digest_of, seal_of
from placet.gate.strategies.members import DRAWN
from placet.governance.policy.set import PolicySet
from placet.service.outcomes.counting import AT_ONCE, entered, sealed
from placet.service.outcomes.entering import RolledOut, entry_of, rolled_out
from placet.service.outcomes.measuring import Entered, outcomes_of
from placet.service.outcomes.reading import all_outcomes, batches_of
from placet.service.rollouts.enrolling import all_members, members_digest
from placet.service.state.erasing import ERASED
from placet.service.strategies.publishing import find_published
from placet.storage.database import Database
from placet.storage.strategies.outcomes import Member

_MOST_TOLD: Final = 50
_MOST_DRAWINGS: Final = 10_000
_SAID: Final = ("after", "before", "given", "unknown", "entered_us")
_PAGE: Final = 500


class DerivedAgain(Frozen):
    """What came of deriving outcomes again.

    Attributes:
        same: Rows that say what the events say.
        gone: Rows that cannot be derived any more: their customer was erased, or events were taken away by retention.
        faults: What is not as it should be, each in one line; the first fifty.
        more: Faults beyond those.
    """

    same: int
    gone: int
    faults: tuple[str, ...]
    more: int


def derive_again(database: Database, tenant: str, it: RolledOut, days: Days) -> DerivedAgain:
    """Derive the outcomes of a version at one horizon again.

    Raises:
        StorageError: a row cannot be read.
        GovernanceError: code `audit_broken`; an entry is not what was written.
    """
    check = _Check(database, tenant, it, days)
    faults = [*check.members(), *check.rows()]
    return DerivedAgain(
        same=check.counts["same"],
        gone=check.counts["gone"],
        faults=tuple(faults[:_MOST_TOLD]),
        more=max(len(faults) - _MOST_TOLD, 0),
    )


class _Check:
    def __init__(self, database: Database, tenant: str, it: RolledOut, days: Days) -> None:
        self._database, self._tenant, self._it, self._days = database, tenant, it, days
        self._erased = set(_erased(database, tenant))
        self._known: dict[str, Member] = {}
        self.counts: Counter[str] = Counter()

    def members(self) -> Iterator[str]:
        """Compare the members with the record."""
        taken = self._taken_down()
        if taken is None:
            yield "no entry says who was taken down for this rollout: its members cannot be compared with the record"
        else:
            at, many, digest = taken
            found, made = members_digest(self._database, self._tenant, self._it.version, at)
            if (found, made) != (many, digest):
                yield f"the record has {many:,} members of {digest[:16]}, the table has {found:,} of {made[:16]}"
        for member in all_members(self._database, self._tenant, self._it.version):
            self._known[member.customer_id] = member
            if member.erased and member.customer_id not in self._erased:
                yield f"member {member.customer_id} is without what was noted of them, and nobody erased them"
            elif not sealed(self._it, member):
                yield f"member {member.customer_id} was altered since they were taken down"

    def _taken_down(self) -> tuple[datetime, int, str] | None:
        found = None
        with self._database.reading() as tx:
            for number in range(1, _MOST_DRAWINGS + 1):
                entry = entry_of(tx, self._tenant, f"{DRAWN}.{self._it.version}.{number}")
                if entry is None:
                    break
                found = entry.at, int(entry.body["so_far"]), str(entry.body["seals"])
        return found

    def rows(self) -> Iterator[str]:
        """Compare the rows with their batches, and with the events."""
        seals: dict[int, list[tuple[str, str]]] = defaultdict(list)
        page: list[MemberOutcome] = []
        for row in all_outcomes(self._database, self._tenant, self._it.version, self._days):
            seals[row.batch].append((row.customer_id, row.seal))
            page.append(row)
            if len(page) == _PAGE:
                yield from self._page(page)
                page = []
        yield from self._page(page)
        for batch in batches_of(self._database, self._tenant, self._it.version, self._days):
            rows = seals.pop(batch.number, [])
            if digest_of(rows) != batch.digest:
                yield f"batch {batch.number} has {len(rows):,} rows, not those {batch.members:,} that were counted"
        for number in sorted(seals):
            yield f"batch {number} has {len(seals[number]):,} rows, and the record has no such batch"

    def _page(self, rows: Sequence[MemberOutcome]) -> Iterator[str]:
        again = {one.customer_id: one for one in self._derived(rows)}
        for row in rows:
            name = f"customer {row.customer_id}"
            if row.nonce is None:
                if row.customer_id in self._erased:
                    self.counts["gone"] += 1
                else:
                    yield f"{name} is without what was counted of them, and nobody erased them"
            elif seal_of(self._it.version, row) != row.seal:
                yield f"{name} was altered since they were counted"
            elif (other := again.get(row.customer_id)) is None:
                yield f"{name} was counted, and is no member who entered"
            elif all(getattr(row, name) == getattr(other, name) for name in _SAID):
                self.counts["same"] += 1
            elif other.unknown in ("erased", "gone", "removed") or other.given is None:
                self.counts["gone"] += 1
            else:
                yield f"{name}: the events say {_told(other)}, and {_told(row)} was counted"

    def _derived(self, rows: Sequence[MemberOutcome]) -> Iterator[MemberOutcome]:
        """Yield what the events say of the members of some rows, as of the moments at which those were counted."""
        counted: dict[int, list[Member]] = defaultdict(list)
        for row in rows:
            if (member := self._known.get(row.customer_id)) is not None:
                counted[row.counted_us].append(member)
        for until_us, members in counted.items():
            found: list[Entered] = entered(self._it, members)
            for first in range(0, len(found), AT_ONCE):
                with self._database.reading() as tx:
                    some = found[first : first + AT_ONCE]
                    yield from outcomes_of(tx, self._tenant, self._it, self._days, some, until_us)


def _told(one: MemberOutcome) -> str:
    if one.unknown is not None or one.after is None:
        return f"nothing ({one.unknown})"
    before = "not known" if one.before is None else f"{one.before.spend}/{one.before.marks}"
    given = "not known" if one.given is None else str(one.given)
    entered_at = time_of(one.entered_us).isoformat(timespec="seconds")
    return f"{one.after.spend}/{one.after.marks} after, {before} before, {given} given, entered {entered_at}"


def _erased(database: Database, tenant: str) -> Iterator[str]:
    """Yield the customers whom the record has as erased."""
    after = 0
    with database.reading() as tx:
        while page := tx.audit.of_kind(tenant_stream(tenant), ERASED, after=after):
            yield from (str(entry.body.get("customer_id")) for entry in page)
            after = page[-1].seq


def verify_outcomes(
    database: Database, tenant: str, wanted: str, days: Days, policies: Callable[[str], PolicySet]
) -> DerivedAgain:
    """Derive the outcomes of a published strategy again, by its name, or a version or the beginning of one.

    Raises:
        UsageError: code `unknown_strategy`, `unknown_rollout`.
        StorageError, GovernanceError: as `derive_again`.
    """
    with database.reading() as tx:
        found = find_published(tx, tenant, wanted, policies, datetime.now(UTC))
        it = rolled_out(tx, tenant, found.version)
    return derive_again(database, tenant, it, days)

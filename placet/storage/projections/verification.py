"""Compares every projection of a tenant with its record, in one pass. What is not covered: docs/threat-model.md.

 (1) each run: its entries are told as a story, a page of runs at a time, and its rows compared with it; the documents
     that its entries name are there, or an entry says that retention erased them;
 (2) what a run rests on was not taken away before, as the order of the entries shows;
 (3) rows about runs that have no record at all;
 (4) keys, delegations, mandates, halts and controls, with the tenant's own stream; counters of passkeys, among
     themselves;
 (5) rollouts and their members: who was drawn, by the digests on the record; who came in, by name;
 (6) where customers are in strategies of several steps.
It believes the entries; that they are those that were written is for `placet.storage.log.verification` to show, in the
same snapshot.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from placet.contracts.audit import ENDED
from placet.errors import GovernanceError
from placet.storage.log.tree import LOWEST_POSITION
from placet.storage.projections.counters import check_counters
from placet.storage.projections.documents import Mention, check_documents, mentions
from placet.storage.projections.finding import DIFFERS, Finding
from placet.storage.projections.journey_rows import check_journeys
from placet.storage.projections.order import Withdrawn, is_sending, kind_of
from placet.storage.projections.rollout_rows import check_rollouts
from placet.storage.projections.rows import Entry, ProjectionRows
from placet.storage.projections.run_rows import CHECKS, check_asked
from placet.storage.projections.story import Story
from placet.storage.projections.tenant_rows import KEPT, check_kept, check_spent
from placet.storage.tables import RUN
from placet.storage.transaction import Transaction


def verify_projections(tx: Transaction, tenant: str) -> Iterator[Finding]:
    """Yield each difference between the tables and the record of `tenant`.

    Args:
        tx: A snapshot.
        tenant: Whose.
    """
    rows = tx.projections
    yield from _runs(tx, tenant)
    for table, _ in CHECKS:
        for run_id in rows.strays(table, tenant):
            yield Finding(table.name, run_id, "there is a row, and nothing on the record of that run")
    for kept in KEPT:
        yield from check_kept(rows, tenant, kept)
    yield from check_spent(rows, tenant)
    yield from check_counters(rows, tenant)
    yield from check_rollouts(tx, tenant)
    yield from check_journeys(tx, tenant)


def check_projections(tx: Transaction, tenant: str) -> None:
    """Make sure that the tables say what the record led to.

    Raises:
        GovernanceError: code `projection_differs`, naming the first difference and how many more there are.
    """
    findings = verify_projections(tx, tenant)
    first = next(findings, None)
    if first is None:
        return
    more = sum(1 for _ in findings)
    others = f"; {more} more differ" if more else ""
    raise GovernanceError(f"the tables of tenant {tenant!r} differ from the record: {first}{others}", code=DIFFERS)


def _runs(tx: Transaction, tenant: str) -> Iterator[Finding]:
    rows, after = tx.projections, LOWEST_POSITION
    withdrawn = Withdrawn(rows, tenant)
    while page := rows.run_streams(tenant, after):
        run_ids = [stream for _, stream in page]
        told = {run_id: Story(run_id) for run_id in run_ids}
        named: list[Mention] = []
        ended: dict[str, int] = {}
        sends: list[Entry] = []
        for run_id, entries in groupby(rows.entries(run_ids), key=lambda entry: entry.stream):
            for entry in entries:
                told[run_id].tell(entry)
                named += mentions(entry)
                yield from withdrawn.used(entry)
                if is_sending(entry):
                    sends.append(entry)
                if entry.kind == ENDED:
                    ended[run_id] = entry.position
        for story in told.values():
            yield from (Finding("record", story.run_id, fault) for fault in story.faults)
        for table, check in CHECKS:
            found = rows.of_runs(table, run_ids)
            for run_id, story in told.items():
                yield from check(tenant, story, found[run_id])
        yield from check_documents(tx, tenant, named, ended)
        documents = _proposals(rows, tenant, told)
        yield from _asked(rows, told, documents)
        agents = {run_id: story.request.get("agent") for run_id, story in told.items()}
        yield from withdrawn.sent(sends, agents, {run_id: kind_of(each) for run_id, each in documents.items()})
        after = page[-1][0]


def _proposals(rows: ProjectionRows, tenant: str, told: Mapping[str, Story]) -> dict[str, dict[str, Any]]:
    """Return by run the proposal that people were asked about; leave out those no longer kept."""
    digests = {story.run_id: story.asked[0] for story in told.values() if story.asked is not None}
    documents = rows.documents(tenant, set(digests.values()))
    return {run_id: documents[digest] for run_id, digest in digests.items() if digest in documents}


def _asked(
    rows: ProjectionRows, told: Mapping[str, Story], documents: Mapping[str, dict[str, Any]]
) -> Iterator[Finding]:
    found = rows.of_runs(RUN, list(told))
    for run_id, story in told.items():
        yield from check_asked(story, found[run_id], documents.get(run_id))

"""Finds the documents that no run needs any more, from the record of every run.

One pass over the runs, oldest first. Of a run that began within the shortest period only the entries that name
documents are read; of an older one, all entries, unless everything it named is gone already. What grows with the
installation is this reading, which is a part of what `audit verify` reads; what is held in memory are the digests of
what would go.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

from placet.contracts.audit import ENDED
from placet.errors import GovernanceError
from placet.governance.log.chain import BROKEN
from placet.governance.retention import NAMING, Choice, Going, Named, Periods, Standing, documents_named
from placet.governance.reversals import REQUESTED
from placet.storage.log.tree import LOWEST_POSITION
from placet.storage.projections.rows import Entry, ProjectionRows
from placet.storage.projections.story import Story
from placet.storage.tables import ARTIFACT
from placet.storage.transaction import Transaction


def survey(tx: Transaction, tenant: str, periods: Periods, now: datetime) -> dict[str, Going]:
    """Return the documents of `tenant` that may go, by digest.

    Args:
        tx: A snapshot.
        tenant: Whose.
        periods: How long what is kept.
        now: The caller's clock.

    Raises:
        GovernanceError: code `audit_broken`; an entry cannot be read, so that nobody knows what its run needs.
    """
    choice, rows, after = Choice(periods, now), tx.projections, LOWEST_POSITION
    if periods.shortest is None:
        return {}
    newest_old = tx.audit.position_before(tenant, now - timedelta(days=periods.shortest))
    while page := rows.run_streams(tenant, after):
        named = names(rows, [stream for _, stream in page])
        old = {stream: named.pop(stream) for position, stream in page if position <= newest_old}
        there = _there(rows, tenant, old)
        for stream, standing in standings(rows, list(there)).items():
            choice.tell(there[stream], standing)
        for several in named.values():
            choice.tell_last(several)
        after = page[-1][0]
    return choice.going


def _there(rows: ProjectionRows, tenant: str, named: dict[str, list[Named]]) -> dict[str, list[Named]]:
    """Return the documents that are there still, without the runs that have none."""
    digests = sorted({digest for several in named.values() for _, digest in several})
    there = rows.present(ARTIFACT, "digest", tenant, digests) if digests else set()
    left = {stream: [one for one in several if one[1] in there] for stream, several in named.items()}
    return {stream: several for stream, several in left.items() if several}


def names(rows: ProjectionRows, run_ids: Sequence[str]) -> dict[str, list[Named]]:
    """Return the documents that each run's record names.

    Raises:
        GovernanceError: code `audit_broken`; an entry cannot be read.
    """
    named: dict[str, list[Named]] = {run_id: [] for run_id in run_ids}
    for entry in rows.entries(run_ids, NAMING):
        named[entry.stream] += _named(entry)
    return named


def _named(entry: Entry) -> list[Named]:
    try:
        return list(documents_named(entry.kind, entry.body))
    except (KeyError, TypeError, AttributeError) as error:
        raise GovernanceError(
            f"{entry.kind!r} of {entry.stream!r} cannot be read ({type(error).__name__}): "
            "nothing is erased until `placet audit verify` passes",
            code=BROKEN,
        ) from error


def standings(rows: ProjectionRows, run_ids: Sequence[str]) -> dict[str, Standing]:
    """Return what the record says of each run."""
    found: dict[str, Standing] = {}
    taken_back: dict[str, list[str]] = {}
    for run_id, entries in groupby(_entries(rows, run_ids), key=lambda entry: entry.stream):
        story, since = Story(run_id), datetime.min.replace(tzinfo=UTC)
        for entry in entries:
            story.tell(entry)
            since = max(since, entry.at)
            if entry.kind == REQUESTED:
                taken_back.setdefault(run_id, []).append(str(entry.body.get("reversal")))
        sent = {str(one["status"]) for one in story.effects.values() if one["status"] != "open" or one["sends"]}
        # A record whose entries do not lead to one another is for `audit verify` to explain: nothing goes meanwhile.
        over = story.over and not story.faults
        found[run_id] = Standing(over, since, gave=bool(sent - {"failed"}), doubtful=bool(sent & {"open", "unknown"}))
    reversals = [one for several in taken_back.values() for one in several]
    ended = {entry.stream for entry in _entries(rows, reversals, [ENDED])}
    for run_id, several in taken_back.items():
        if not ended.issuperset(several):
            found[run_id] = replace(found[run_id], reversing=True)
    return found


def _entries(rows: ProjectionRows, streams: Sequence[str], kinds: Sequence[str] | None = None) -> Iterator[Entry]:
    return rows.entries(streams, kinds) if streams else iter(())

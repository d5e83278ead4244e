"""Documents that the record of a run names, and that are neither there nor erased under an entry that says so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from placet.governance.retention import documents_named
from placet.storage.projections.finding import Finding
from placet.storage.projections.rows import Entry
from placet.storage.tables import ARTIFACT
from placet.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Mention:
    """That an entry names a document."""

    digest: str
    run_id: str
    kind: str
    position: int


def mentions(entry: Entry) -> list[Mention]:
    """Return what an entry names; an entry that cannot be read is a fault of its run's story."""
    try:
        named = list(documents_named(entry.kind, entry.body))
    except (KeyError, TypeError, AttributeError):
        return []
    return [Mention(digest, entry.stream, entry.kind, entry.position) for _, digest in named]


def check_documents(tx: Transaction, tenant: str, named: list[Mention], ended: Mapping[str, int]) -> Iterator[Finding]:
    """Yield a finding for each document that is gone, unless an entry erased it after all runs that name it were over.

    Args:
        tx: A snapshot.
        tenant: Whose.
        named: What the entries name.
        ended: The position of the end of each run that is over.
    """
    digests = sorted({one.digest for one in named})
    gone = set(digests) - (tx.projections.present(ARTIFACT, "digest", tenant, digests) if digests else set())
    erased = tx.erasures.of(tenant, sorted(gone))
    for one in named:
        if one.digest not in gone:
            continue
        by = erased.get(one.digest)
        if by is None or by.position < one.position:
            detail = f"{one.kind!r} of {one.run_id} names it, it is gone, and no entry says that retention erased it"
            yield Finding("artifact", one.digest[:16], detail)
        elif one.run_id not in ended or by.position < ended[one.run_id]:
            detail = f"{one.kind!r} of {one.run_id} names it, and it was {by} before that run was over"
            yield Finding("artifact", one.digest[:16], detail)

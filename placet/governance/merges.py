"""When two customer ids may be made one person, and when that may be undone. Pure rules.

Invariants, in the order they are checked, after those of every signed document (`placet.governance.signing.signed`):
 (1) it was signed not long ago, with a reason: who signs has looked at what is known of both now;
 (2) an id that is merged into another is merged into one only, and nothing is merged into it: so there are no chains
     and no circles, and a person is one id with at most `MOST_MERGED` others;
 (3) a merge is undone once, by a split that names it and was signed after it.
Whether policy entitles the signer is the caller's to ask.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from placet.contracts.people.merge import Merge, MergeRecord, Split
from placet.contracts.people.signed import SignedDocument
from placet.contracts.times import moment
from placet.errors import DecisionRefused
from placet.governance.approvals import CLOCK_SKEW

MERGED: Final = "customer.merged"
SPLIT: Final = "customer.split"
"""Kinds of the entries on the tenant's stream; the id of the merge follows in the step key."""

MERGE_VALIDITY: Final = timedelta(hours=1)
"""How long a signature may wait to be delivered."""

MOST_MERGED: Final = 8
"""Ids that one person may have beside the one they keep."""


def check_merge(merge: Merge, standing: Iterable[MergeRecord], now: datetime) -> None:
    """Check that `merge` may be put in force at `now`, if policy entitles its signer.

    Args:
        merge: The one to be taken; it may be among `standing`.
        standing: The merges in force that name one of its ids.
        now: The time.

    Raises:
        DecisionRefused: code `no_reason`, `stale`, `already_merged` or `too_many`.
    """
    _check_fresh(merge, now)
    others = [one.merge for one in standing if one.merge.document_id != merge.document_id]
    for other in others:
        if other.merged_id in (merge.customer_id, merge.merged_id) or other.customer_id == merge.merged_id:
            raise DecisionRefused(
                f"{other.merged_id!r} is merged into {other.customer_id!r} already, and a person's ids are merged into "
                "one of them; name that one, or split first",
                code="already_merged",
            )
    if len(others) >= MOST_MERGED:
        raise DecisionRefused(
            f"{len(others)} ids are merged into {merge.customer_id!r} already, and no more than {MOST_MERGED} may be",
            code="too_many",
        )


def check_split(split: Split, found: MergeRecord | None, now: datetime) -> MergeRecord:
    """Check that `split` may undo a merge at `now`, if policy entitles its signer; return the merge.

    Raises:
        DecisionRefused: code `no_reason`, `stale`, `unknown_merge`, `already_split` or `predates_merge`.
    """
    _check_fresh(split, now)
    if found is None or (found.merge.tenant, found.merge.document_id) != (split.tenant, split.merge_id):
        raise DecisionRefused(f"no merge {split.merge_id!r} of tenant {split.tenant!r}", code="unknown_merge")
    if found.split_at is not None:
        raise DecisionRefused(f"it was split by {found.split_by} at {moment(found.split_at)}", code="already_split")
    if split.signed_at < found.taken_at - CLOCK_SKEW:
        raise DecisionRefused(f"signed at {moment(split.signed_at)}, before the merge", code="predates_merge")
    return found


def _check_fresh(document: SignedDocument, now: datetime) -> None:
    if not document.reason.strip():
        raise DecisionRefused("it needs a reason: whoever undoes it reads it", code="no_reason")
    if now - document.signed_at > MERGE_VALIDITY:
        raise DecisionRefused(
            f"signed at {moment(document.signed_at)}, over {MERGE_VALIDITY} ago; look again and sign again",
            code="stale",
        )

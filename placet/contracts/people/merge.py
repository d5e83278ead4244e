"""Merges: two customer ids are one person, until a split says that they are not."""

from typing import Literal, Self

from pydantic import AwareDatetime, model_validator

from placet.contracts.base import CustomerId, Digest, Frozen, PersonName
from placet.contracts.people.signed import Nonce, SignedDocument

Change = Literal["merge", "split"]


class Merge(SignedDocument):
    """What an entitled person signs, so that two ids are read as one person.

    Attributes:
        customer_id: The id that the person keeps.
        merged_id: The id that is the same person.
        drafted_by: Who found that they are; four eyes apply to it as to a mandate.
    """

    customer_id: CustomerId
    merged_id: CustomerId
    drafted_by: PersonName

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.customer_id == self.merged_id:
            raise ValueError(f"{self.customer_id!r} is one id; a merge names two")
        return self


class Split(SignedDocument):
    """What an entitled person signs to undo one merge.

    Attributes:
        merge_id: The merge, by its document id.
        drafted_by: Who found that they are two people.
    """

    merge_id: Nonce
    drafted_by: PersonName


class MergeRecord(Frozen):
    """A merge as it stands.

    Attributes:
        document: Digest of the signed document in the artifact store.
        key_id: The key that signed it.
        split: Digest of the signed document that undid it; None while it is in force.
    """

    merge: Merge
    document: Digest
    key_id: Digest
    taken_at: AwareDatetime
    split_by: PersonName | None = None
    split_at: AwareDatetime | None = None
    split: Digest | None = None

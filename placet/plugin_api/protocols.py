"""What the activities ask of the two roles, whoever wrote the plugin that fills them."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from placet.contracts.base import Digest, Frozen
from placet.contracts.billing import Balance, Bill, CustomerProfile, HeldProduct, Usage
from placet.contracts.proposal import AdjustBalance, OrderProduct, Precondition


class Confirmation(Frozen):
    """The other system's own statement that the effect exists there.

    Attributes:
        external_id: Identifier of the record there.
        api: The API that stated it.
        confirmed_by: `response` to the mutation itself, or a later `read_back`.
    """

    external_id: str
    api: str
    response_sha256: Digest
    confirmed_by: Literal["response", "read_back"]


Figures = Mapping[tuple[str, str], str | int]
"""Current values by (precondition name, subject)."""


@runtime_checkable
class ReadPlugin(Protocol):
    """The role `billing`.

    Facts about one customer, in our words. Every method may raise the read errors of the tree.
    """

    def customer(self, customer_id: str) -> CustomerProfile:
        """The customer. Raises `NotFound` with code `unknown_customer` for an unknown one."""

    def products(self, customer_id: str) -> tuple[HeldProduct, ...]:
        """Products the customer holds."""

    def bills(self, customer_id: str, months: int) -> tuple[Bill, ...]:
        """The last `months` bills, newest first."""

    def balances(self, customer_id: str) -> tuple[Balance, ...]:
        """Buckets that hold money."""

    def usage(self, customer_id: str, months: int) -> tuple[Usage, ...]:
        """Usage of the last `months` months that have any, newest first."""

    def observe(self, preconditions: Sequence[Precondition]) -> Figures:
        """Current values of the figures that `preconditions` name.

        Raises `NotFound` when a subject is gone.
        """


@runtime_checkable
class MutatePlugin(Protocol):
    """The role `commerce`.

    The only place a mutation happens. The caller owns the gate, the ledger and the retries.
    """

    def perform(
        self, mutation: AdjustBalance | OrderProduct, effect_key: Digest, *, timeout_seconds: float
    ) -> Confirmation:
        """Cause the effect once, marked with `effect_key`.

        Call it only when the ledger says that no earlier attempt is open, or after `read_back` returned None.

        Raises:
            OutcomeUnknown: Sent, and no answer says what became of it; `read_back` may tell.
            UpstreamUnavailable: Certainly not done; trying again is sound.
            UpstreamRejected: Certainly not done; the other system said no.
            NotFound: Certainly not done; the bucket or offering is not known.
            PluginError: Certainly not done; the mutation cannot be expressed there (`bad_mutation`).
        """

    def read_back(
        self, mutation: AdjustBalance | OrderProduct, effect_key: Digest, *, timeout_seconds: float
    ) -> Confirmation | None:
        """Whether the effect marked with `effect_key` exists; None means that it certainly does not.

        Raises:
            UpstreamUnavailable: The system cannot say now; ask again.
            UpstreamRejected: With code `effect_failed`, it was recorded and certainly not done. With any
                other code (`duplicate_effect`, `effect_mismatch`, `unreadable_answer`, …) a person must look.
        """

"""What the activities ask of the two roles, whoever wrote the plugin that fills them."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from pydantic import AwareDatetime, SecretStr

from placet.contracts.base import Digest, Frozen
from placet.contracts.billing import Balance, Bill, HeldProduct, Usage
from placet.contracts.customer import CustomerProfile
from placet.contracts.proposal import Mutation, Precondition


class Confirmation(Frozen):
    """The other system's own statement that the effect exists there.

    Attributes:
        external_id: Identifier of the record there.
        api: The API that stated it.
        confirmed_by: `response` to the mutation itself, or a later `read_back`.
        key_shown: Whether the record shows the effect's key, well enough to be found again by it.
    """

    external_id: str
    api: str
    response_sha256: Digest
    confirmed_by: Literal["response", "read_back"]
    key_shown: bool


Certainty = Literal["certain", "likely", "cannot_tell", "absent"]
"""How sure a read-back is that the effect exists.

`certain`: a record carries its key. `likely`: a record looks like it in every other way. `absent`: none does, and the
same answer shows that this system keeps and shows our keys. `cannot_tell`: none does, and nothing shows that it would.
"""


class Sighting(Frozen):
    """What a read-back saw.

    Attributes:
        confirmation: The record, for `certain`; None otherwise.
        detail: One line for a person who must look: what was found.
    """

    certainty: Certainty
    confirmation: Confirmation | None = None
    detail: str = ""


Figures = Mapping[tuple[str, str], str | int]
"""Current values by (precondition name, subject)."""


@runtime_checkable
class ReadPlugin(Protocol):
    """The role `billing`.

    Facts about one customer, in our words. Every method may raise the read errors of the tree.
    """

    def customer(self, customer_id: str) -> CustomerProfile:
        """Return the customer. Raises `NotFound` with code `unknown_customer` for an unknown one."""

    def products(self, customer_id: str) -> tuple[HeldProduct, ...]:
        """Return the products that the customer holds."""

    def bills(self, customer_id: str, months: int) -> tuple[Bill, ...]:
        """Return the last `months` bills, newest first."""

    def balances(self, customer_id: str) -> tuple[Balance, ...]:
        """Return the buckets that hold money."""

    def usage(self, customer_id: str, months: int) -> tuple[Usage, ...]:
        """Return the usage of the last `months` months that have any, newest first."""

    def observe(self, preconditions: Sequence[Precondition], *, target: Mutation) -> Figures:
        """Return the current values of the figures that `preconditions` name.

        Every resource read must be shown to belong to the customer of `target`, and so must the bucket or the held
        product that `target` changes, which is read even where no precondition names it.

        Raises `NotFound` when a subject is gone, `UpstreamRejected` with code `not_the_customers` when it cannot be
        shown to be that customer's.
        """


@runtime_checkable
class SubscribePlugin(Protocol):
    """The role `hub`: where the other system sends the events that happen in it.

    It causes nothing at a customer, so no gate stands before it.
    """

    def register(self, callback: SecretStr, query: str) -> str | None:
        """Ask that events be sent to `callback`; return the subscription's id, or None where it was there already.

        `callback` may hold a secret: it is sent, and told to nobody else.

        Raises:
            UpstreamUnavailable: Certainly not done; try again.
            UpstreamRejected: Certainly not done; the other system said no.
            NotFound: It has no hub.
            OutcomeUnknown: It may be done; asking again finds out.
        """

    def release(self, subscription_id: str) -> bool:
        """Let a subscription go; return whether there was one. Raises as `register` does."""


@runtime_checkable
class MutatePlugin(Protocol):
    """The role `commerce`.

    The only place a mutation happens. The caller owns the gate, the ledger and the retries, and judges what became of
    a mutation by what the transport saw as well (`placet.plugin_api.sending`).
    """

    def perform(self, mutation: Mutation, effect_key: Digest, *, timeout_seconds: float) -> Confirmation:
        """Cause the effect once, marked with `effect_key`; send one mutating request, never a second.

        Call it only when the ledger says that no earlier attempt is open, or when an earlier one's effect is `absent`.
        An answer that confirms the mutation is a confirmation even where it does not repeat the key.

        Raises:
            OutcomeUnknown: Sent, and no answer says for certain what became of it; `read_back` may tell.
            UpstreamUnavailable: Certainly not sent; trying again is sound.
            UpstreamRejected: Certainly not done; the other system said no.
            NotFound: Certainly not done; the bucket or offering is not known.
            PluginError: Certainly not done; the mutation cannot be expressed there (`bad_mutation`).
        """

    def read_back(
        self,
        mutation: Mutation,
        effect_key: Digest,
        *,
        sent_after: AwareDatetime | None,
        timeout_seconds: float,
    ) -> Sighting:
        """Look whether the effect marked with `effect_key` exists, and say how sure that is.

        `sent_after` is when its first request was counted: a record that is clearly older is not the effect.

        Raises:
            UpstreamUnavailable: The system cannot say now; ask again.
            UpstreamRejected: With code `effect_failed`, it was recorded and certainly not done. With any
                other code (`duplicate_effect`, `effect_mismatch`, `unreadable_answer`, …) a person must look.
        """

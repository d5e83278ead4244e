"""Causing an effect once, and finding out whether it exists."""

from typing import Literal, assert_never

from placet.contracts.base import Digest
from placet.contracts.proposal import AdjustBalance, OrderProduct
from placet.errors import OutcomeUnknown, PluginError, UpstreamRejected, UpstreamUnavailable
from placet.plugin_api import Answer, Confirmation, Connector, Manifest, UnreadableError, read_all
from plugins.commerce import adjustments, orders
from plugins.commerce.effect import Effect, Record


class CommercePlugin(Connector):
    """Adjusts balances and orders products; implements `placet.plugin_api.MutatePlugin`. It never retries."""

    manifest = Manifest(name="commerce", kind="mutate", apis=("TMF622", "TMF654"), version="1.0.0")

    def perform(
        self, mutation: AdjustBalance | OrderProduct, effect_key: Digest, *, timeout_seconds: float
    ) -> Confirmation:
        """Cause the effect once; see `MutatePlugin.perform` for what each error says about it.

        A 409 to an order may mean that this very order is already there (TMF622 `externalId` is unique), so
        the answer is looked up before it is taken for a refusal.
        """
        effect = _effect(mutation, effect_key)
        try:
            return self.call(
                "POST",
                effect.collection,
                body=effect.creation(),
                parse=lambda answer: _confirmed_by_response(effect, answer),
                timeout_seconds=timeout_seconds,
            )
        except UpstreamRejected as refused:
            if refused.code != "conflict" or not isinstance(mutation, OrderProduct):
                raise
            found = self._find_after_conflict(effect, timeout_seconds)
            if found is None:
                raise
            return found

    def read_back(
        self, mutation: AdjustBalance | OrderProduct, effect_key: Digest, *, timeout_seconds: float
    ) -> Confirmation | None:
        """Whether the effect exists; see `MutatePlugin.read_back`. `timeout_seconds` bounds each page."""
        return self._find(_effect(mutation, effect_key), timeout_seconds)

    def _find_after_conflict(self, effect: Effect, timeout_seconds: float) -> Confirmation | None:
        """Look for the order a 409 may speak of; who cannot look may not say that it is not there."""
        try:
            return self._find(effect, timeout_seconds)
        except PluginError as failure:
            if failure.code == "effect_failed":
                raise
            raise OutcomeUnknown(f"{effect.api} answered 409, and the read-back failed: {failure}") from failure

    def _find(self, effect: Effect, timeout_seconds: float) -> Confirmation | None:
        def marked(record: Record, answer: Answer) -> tuple[Record, Confirmation] | None:
            if not effect.is_marked(record):
                return None
            if not effect.is_same(record):
                raise UpstreamRejected(
                    f"{effect.api} record {_identifier(record)!r} carries this effect's key but is not the "
                    "approved mutation; a person must look at it",
                    code="effect_mismatch",
                )
            return record, _confirmation(effect, record, answer, "read_back")

        found = read_all(self, effect.collection, query=effect.scope, item=marked, timeout_seconds=timeout_seconds)
        if len(found) > 1:
            raise UpstreamRejected(
                f"{effect.api} holds {len(found)} records with this effect's key, the first is "
                f"{found[0][1].external_id!r}; a person must look at them",
                code="duplicate_effect",
            )
        if not found:
            return None
        record, confirmation = found[0]
        match effect.progress(record):
            case "done":
                return confirmation
            case "failed":
                raise _failed(effect, record)
            case "pending":
                raise UpstreamUnavailable(
                    f"{effect.api} record {confirmation.external_id!r} is not completed yet; read it later",
                    code="effect_pending",
                )
            case never:
                assert_never(never)


def _effect(mutation: AdjustBalance | OrderProduct, effect_key: Digest) -> Effect:
    if isinstance(mutation, AdjustBalance):
        return Effect(
            api="TMF654",
            collection=adjustments.ADJUSTMENTS,
            creation=lambda: adjustments.creation(mutation, effect_key),
            scope={"bucket.id": mutation.bucket_id},
            is_marked=lambda record: adjustments.is_marked(record, effect_key),
            is_same=lambda record: adjustments.is_same(record, mutation),
            progress=adjustments.progress,
        )
    return Effect(
        api="TMF622",
        collection=orders.ORDERS,
        creation=lambda: orders.creation(mutation, effect_key),
        scope={"externalId": effect_key},
        is_marked=lambda record: orders.is_marked(record, effect_key),
        is_same=lambda record: orders.is_same(record, mutation),
        progress=orders.progress,
    )


def _confirmed_by_response(effect: Effect, answer: Answer) -> Confirmation:
    record = answer.object()
    if effect.progress(record) == "failed":
        raise _failed(effect, record)
    # Anything but a plain confirmation of this very mutation leaves the outcome open: reading back decides.
    if effect.progress(record) != "done" or not effect.is_marked(record) or not effect.is_same(record):
        raise OutcomeUnknown(f"{effect.api} answered without confirming this very mutation as done; read back first")
    return _confirmation(effect, record, answer, "response")


def _failed(effect: Effect, record: Record) -> UpstreamRejected:
    return UpstreamRejected(
        f"{effect.api} recorded {_identifier(record)!r} as failed; nothing was changed there",
        code="effect_failed",
    )


def _confirmation(
    effect: Effect, record: Record, answer: Answer, confirmed_by: Literal["response", "read_back"]
) -> Confirmation:
    return Confirmation(
        external_id=_identifier(record),
        api=effect.api,
        response_sha256=answer.sha256,
        confirmed_by=confirmed_by,
    )


def _identifier(record: Record) -> str:
    value = record.get("id")
    if not isinstance(value, str) or not value:
        raise UnreadableError("the record has no id")
    return value

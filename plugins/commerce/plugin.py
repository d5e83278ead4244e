"""Causing an effect once, and finding out whether it exists."""

from datetime import datetime
from typing import Literal, assert_never

from placet.contracts.base import Digest
from placet.contracts.proposal import AdjustBalance, Mutation, OrderProduct
from placet.errors import OutcomeUnknown, UpstreamRejected, UpstreamUnavailable
from placet.plugin_api import Answer, Confirmation, Connector, Manifest, Sighting, UnreadableError, read_all
from plugins.commerce import adjustments, orders
from plugins.commerce.effect import Effect, Record
from plugins.commerce.marks import is_older, shortened


class CommercePlugin(Connector):
    """Adjusts balances and orders products; implements `placet.plugin_api.MutatePlugin`. It never retries."""

    manifest = Manifest(name="commerce", kind="mutate", apis=("TMF622", "TMF654"), version="1.1.0")

    def perform(self, mutation: Mutation, effect_key: Digest, *, timeout_seconds: float) -> Confirmation:
        """Cause the effect once; see `MutatePlugin.perform` for what each error says about it."""
        effect = _effect(mutation, effect_key)
        return self.call(
            "POST",
            effect.collection,
            body=effect.creation(),
            parse=lambda answer: _confirmed_by_response(effect, answer),
            timeout_seconds=timeout_seconds,
        )

    def read_back(
        self,
        mutation: Mutation,
        effect_key: Digest,
        *,
        sent_after: datetime | None,
        timeout_seconds: float,
    ) -> Sighting:
        """Look whether the effect exists; see `MutatePlugin.read_back`. `timeout_seconds` bounds each page."""
        effect = _effect(mutation, effect_key)
        shown: list[str] = []
        alike: list[str] = []

        def ours(record: Record, answer: Answer) -> tuple[Record, Confirmation] | None:
            mark = effect.mark(record)
            if mark == "ours":
                return _ours(effect, record, answer)
            if mark == "anothers":
                shown.append(_identifier(record))
            elif _looks_alike(effect, record, sent_after):
                alike.append(f"{shortened(_identifier(record))} ({effect.words(record)})")
            return None

        found = read_all(self, effect.collection, query=effect.scope, item=ours, timeout_seconds=timeout_seconds)
        if len(found) > 1:
            raise UpstreamRejected(
                f"{effect.api} holds {len(found)} records with this effect's key, the first is "
                f"{found[0][1].external_id!r}; a person must look at them",
                code="duplicate_effect",
            )
        if found:
            return _certain(effect, *found[0])
        if alike:
            said = f"{effect.api} shows {alike[0]}, which carries no key of ours and is otherwise like this effect"
            return Sighting(certainty="likely", detail=said)
        if shown:
            return Sighting(certainty="absent", detail=f"{effect.api} shows other effects' keys, and not this one's")
        said = f"{effect.api} shows no record with a key of ours, so that nothing says that it would show this one"
        return Sighting(certainty="cannot_tell", detail=said)


def _effect(mutation: Mutation, effect_key: Digest) -> Effect:
    match mutation:
        case AdjustBalance():
            return adjustments.effect_of(mutation, effect_key)
        case OrderProduct():
            return orders.effect_of(mutation, effect_key)
        case never:
            assert_never(never)


def _confirmed_by_response(effect: Effect, answer: Answer) -> Confirmation:
    """Return what the answer to the mutation confirms.

    It need not repeat our key: it is the answer to our request.
    """
    record = answer.object()
    if effect.progress(record) == "failed":
        raise _failed(effect, record)
    # An answer that is not done, or is about something else, leaves the outcome open: reading back decides.
    if effect.progress(record) != "done" or effect.mark(record) == "anothers" or not effect.confirms(record):
        raise OutcomeUnknown(f"{effect.api} answered without confirming this very mutation as done; read back first")
    return _confirmation(effect, record, answer, "response")


def _ours(effect: Effect, record: Record, answer: Answer) -> tuple[Record, Confirmation]:
    if not effect.is_same(record):
        raise UpstreamRejected(
            f"{effect.api} record {_identifier(record)!r} carries this effect's key but is not the "
            "approved mutation; a person must look at it",
            code="effect_mismatch",
        )
    return record, _confirmation(effect, record, answer, "read_back")


def _looks_alike(effect: Effect, record: Record, sent_after: datetime | None) -> bool:
    try:
        return effect.is_same(record) and not is_older(effect.moment(record), sent_after)
    except (ValueError, LookupError, TypeError, AttributeError):
        return False  # it does not say what it is: nothing that could be shown to a person as this effect


def _certain(effect: Effect, record: Record, confirmation: Confirmation) -> Sighting:
    match effect.progress(record):
        case "done":
            return Sighting(certainty="certain", confirmation=confirmation)
        case "failed":
            raise _failed(effect, record)
        case "pending":
            raise UpstreamUnavailable(
                f"{effect.api} record {confirmation.external_id!r} is not completed yet; read it later",
                code="effect_pending",
            )
        case never:
            assert_never(never)


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
        key_shown=effect.mark(record) == "ours",
    )


def _identifier(record: Record) -> str:
    value = record.get("id")
    if not isinstance(value, str) or not value:
        raise UnreadableError("the record has no id")
    return value

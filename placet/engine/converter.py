"""Values to payloads and back: pydantic JSON, sealed for one workflow; what was not sealed is no value."""

import copy
from collections.abc import Sequence
from typing import Any, Self

from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.common import RawValue
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadConverter,
    SerializationContext,
)
from temporalio.exceptions import ApplicationError

from placet.engine.payload_codec import FOREIGN, UNREADABLE, PayloadEncryption
from placet.engine.payload_keys import PayloadKeys

UNSEALED = "unsealed"
"""Code of the failure that a workflow ends with when it was given what was not sealed for it."""

_NO_VALUES = {FOREIGN, UNREADABLE.metadata["encoding"]}


_OPENED = b"json/plain"
"""Encoding of what the codec has opened."""
_CONVERTERS = PydanticPayloadConverter().converters


class SealedPayloadConverter(PydanticPayloadConverter):
    """Refuses what the codec marked, wherever a value is expected; a signal's handler takes it raw."""

    def __init__(self) -> None:
        """Take the converters that are there: the SDK makes one of these for every workflow task."""
        self.converters = _CONVERTERS

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        """Convert payloads.

        Raises:
            ApplicationError: one was not sealed for this workflow. The workflow fails: trying again would not help.
        """
        for number, payload in enumerate(payloads):
            raw = type_hints is not None and number < len(type_hints) and type_hints[number] is RawValue
            if not raw and payload.metadata.get("encoding") in _NO_VALUES:
                raise ApplicationError(
                    "it was given what this installation did not seal for it", type=UNSEALED, non_retryable=True
                )
        return super().from_payloads(payloads, type_hints)


class SealedFailureConverter(DefaultFailureConverterWithEncodedAttributes):
    """Takes no word from a failure that was not sealed: Temporal lets anyone fail a step that is under way."""

    def from_failure(self, failure: Failure, payload_converter: PayloadConverter) -> BaseException:
        """Return the exception. Time-outs and cancellations are Temporal's own, unsealed: their kind counts alone."""
        sealed = failure.encoded_attributes.metadata.get("encoding") == _OPENED
        if failure.HasField("application_failure_info") and not sealed:
            return ApplicationError(
                "it failed with words that this installation did not seal", type=UNSEALED, non_retryable=True
            )
        if not sealed:
            wordless = Failure()
            wordless.CopyFrom(failure)
            wordless.message = wordless.stack_trace = wordless.source = ""
            failure = wordless
        return super().from_failure(failure, payload_converter)


class SealingConverter(DataConverter):
    """The SDK's converter; binding it to a workflow costs no new converters, of which every task makes several."""

    def with_context(self, context: SerializationContext) -> Self:
        """Return the converter of one workflow."""
        codec = self.payload_codec
        if not isinstance(codec, PayloadEncryption):
            return super().with_context(context)
        bound = copy.copy(self)
        object.__setattr__(bound, "payload_codec", codec.with_context(context))
        return bound


def data_converter(keys: PayloadKeys, *, for_worker: bool = False) -> DataConverter:
    """Make the converter; failures are sealed too, since their messages may name a customer.

    A worker's converter marks what it cannot open; everyone else's raises.
    """
    return SealingConverter(
        payload_converter_class=SealedPayloadConverter,
        payload_codec=PayloadEncryption(keys, mark=for_worker),
        failure_converter_class=SealedFailureConverter,
    )

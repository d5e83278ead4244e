"""Proof that an effect happened once, or the plain statement that this could not be established."""

from typing import Literal

from pydantic import AwareDatetime

from placet.contracts.base import Digest, Frozen, ReasonCode


class Receipt(Frozen):
    """What the commerce system confirmed.

    Attributes:
        effect_key: `sha256(run id, proposal digest)`; the identity of the effect in the ledger.
        external_id: Identifier of the created resource in the operator's system.
        confirmed_by: Whether the answer itself or a later read-back confirmed it, or a named person did.
    """

    effect_key: Digest
    external_id: str
    api: str
    confirmed_by: Literal["response", "read_back", "person"]
    response_sha256: Digest | None
    settled_at: AwareDatetime


class ExecutionResult(Frozen):
    """How (4) execute ended. `refused` means that revalidation said no and nothing was sent."""

    outcome: Literal["executed", "refused", "failed", "unknown_outcome"]
    code: ReasonCode
    detail: str = ""
    receipt: Receipt | None = None

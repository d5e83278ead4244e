"""The record of one attempt to use a model."""

from typing import Annotated, Literal

from pydantic import Field

from placet.contracts.base import Digest, Frozen

AttemptOutcome = Literal["ok", "invalid_output", "unreachable", "timeout", "refused", "not_permitted", "misconfigured"]


class ModelUse(Frozen):
    """Who answered, over which route, at what price. Prompts and completions stay in the artifact store.

    Attributes:
        task: What the model was asked for, e.g. `analyse`.
        model: The configured name, e.g. `local`.
        route: The provider route the request took, e.g. `openai/smollm2-135m-instruct`.
        perimeter: Whether the customer's record stayed inside the operator's network.
        cost_microusd: List price in millionths of a US dollar; 0 for a local model.
        latency_ms: Wall time of the attempt.
        weights: SHA-256 of the model's weights file; `unknown` for a model that others serve.
        temperature_permille: Sampling temperature in thousandths; 0 picks the likeliest word each time.
        max_tokens: Bound of the answer.
    """

    task: str
    model: str
    route: str
    perimeter: Literal["inside", "outside"]
    outcome: AttemptOutcome
    detail: Annotated[str, Field(max_length=300)] = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_microusd: int = 0
    latency_ms: int = 0
    weights: Digest | Literal["unknown"] = "unknown"
    temperature_permille: int = 0
    max_tokens: int = 0
    prompt_sha256: Digest
    completion_sha256: Digest | None = None

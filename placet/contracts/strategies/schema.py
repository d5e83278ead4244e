"""The JSON schema of a strategy as people write it: what editors complete and check by."""

from typing import Any

from placet.contracts.schemas.fields import described
from placet.contracts.strategies.strategy import Strategy


def strategy_schema() -> dict[str, Any]:
    """Return the schema (JSON Schema 2020-12)."""
    schema = described(Strategy.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

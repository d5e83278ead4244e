"""What a person is told of a malformed value: where, the value, what is expected, and never a secret."""

from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from placet.contracts.base import Frozen, TenantId, first_fault


class _Inner(BaseModel):
    bss_token: str = Field(default="", max_length=3)


class _Given(Frozen):
    tenant: TenantId = "demo"
    days: int = 1
    inner: _Inner = _Inner()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tenant": "No"}, "tenant 'No': not a tenant's name, such as 'demo': lower-case letters, digits and '-'"),
        ({"days": "x"}, "days 'x': write a whole number"),
        ({"api_kee": "sk-12345"}, "api_kee: there is no field of this name; check its spelling"),
        ({"../x": 1}, "'../x': there is no field of this name; check its spelling"),
        ({"a\u202eb": 1}, "'a«U+202E»b': there is no field of this name; check its spelling"),
        ({"k" * 200: 1}, f"'{'k' * 79}…': there is no field of this name; check its spelling"),
        ({"inner": {"bss_token": "sk-12345"}}, "inner.bss_token (not shown): write at most 3 characters"),
    ],
)
def test_the_first_fault_is_one_line(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _Given.model_validate(given)
    assert first_fault(caught.value) == said


def test_what_is_no_json_is_said_without_a_place() -> None:
    with pytest.raises(ValidationError) as caught:
        _Given.model_validate_json("{")
    assert first_fault(caught.value).startswith("it is not JSON: EOF while parsing")

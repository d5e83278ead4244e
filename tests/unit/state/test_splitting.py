"""A list that cannot be read as a whole, in its parts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.interfaces.http.endpoints.splitting import items_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.lists(JSON), st.sampled_from([None, 2]), st.booleans())
def test_the_parts_are_those_of_json(items: list[object], indent: int | None, plain: bool) -> None:
    parts = items_of(json.dumps(items, indent=indent, ensure_ascii=plain).encode("utf-8", "surrogatepass"))
    assert parts is not None
    assert [json.loads(part) for part in parts] == items


def test_what_cannot_be_read_is_a_part_of_its_own() -> None:
    long, deep = b"9" * 4400, b"[" * 1500 + b"]" * 1500
    assert items_of(b" [1, " + long + b', {"a": ' + deep + b'}, "],["]\n') == [
        b"1",
        long,
        b'{"a": ' + deep + b"}",
        b'"],["',
    ]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1", b"[1]]", b"[1}", b"[1,]", b"[,1]", b'["a]', b'["a\\"]', b"[1] 2", b"[[1]"]
)
def test_what_ends_nowhere_is_no_list(body: bytes) -> None:
    assert items_of(body) is None

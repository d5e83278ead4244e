"""Collections: filtering by attribute, paging by `offset` and `limit`, selection by `fields` (TMF630)."""

from collections.abc import Callable, Iterator, Sequence
from operator import ge, gt, le, lt
from typing import TypeVar

from placet.sandbox.errors import bad_query
from placet.sandbox.money import JsonObject
from placet.sandbox.rest.endpoint import Call, Reply

T = TypeVar("T")
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
_PAGING = frozenset({"fields", "offset", "limit"})
_ALWAYS = frozenset({"id", "href", "@type", "@baseType"})
"""Attributes no selection leaves out: what the resource is, and that it is simulated."""

_COMPARISONS = {"gt": gt, "gte": ge, "lt": lt, "lte": le}


def window(call: Call) -> tuple[int, int]:
    """Read the page asked for, as offset and limit.

    Raises:
        TmfError: 400 when either is not a number in its range.
    """
    offset = _number(call, "offset", 0, 2**31)
    return offset, min(_number(call, "limit", DEFAULT_LIMIT, MAX_LIMIT), MAX_LIMIT)


def only(call: Call, *allowed: str) -> None:
    """Refuse a query parameter that this resource does not know: ignoring a filter would answer too much.

    Raises:
        TmfError: 400 naming the parameter.
    """
    for name in call.query:
        if name not in _PAGING and name not in allowed:
            known = ", ".join(allowed) or "none"
            raise bad_query(f"query parameter {name!r} is not supported here; filters: {known}")


def page(call: Call, total: int, items: Sequence[JsonObject]) -> Reply:
    """Make one page of a collection, with its counts in the headers."""
    headers = {"X-Total-Count": str(total), "X-Result-Count": str(len(items))}
    return Reply([select(call, item) for item in items], headers=headers)


def listing(call: Call, candidates: Sequence[T], render: Callable[[T], JsonObject], filters: Sequence[str]) -> Reply:
    """Filter, page and render a collection; `filters` are attribute paths such as `relatedParty.id`.

    A filter on an attribute whose name ends in `Date` may be a comparison: `billDate.gte=2026-01-01`.

    Raises:
        TmfError: 400 for an unknown filter or a malformed page.
    """
    tests = _tests(call, filters)
    offset, limit = window(call)
    if not tests:
        return page(call, len(candidates), [render(item) for item in candidates[offset : offset + limit]])
    matching = [resource for resource in map(render, candidates) if all(test(resource) for test in tests)]
    return page(call, len(matching), matching[offset : offset + limit])


def select(call: Call, resource: JsonObject) -> JsonObject:
    """Return the attributes of `resource` that `fields` asks for; all of them without it."""
    fields = call.query.get("fields")
    if fields is None:
        return resource
    wanted = _ALWAYS.union(fields.split(","))
    return {name: value for name, value in resource.items() if name in wanted}


def _number(call: Call, name: str, default: int, most: int) -> int:
    text = call.query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or int(text) > most:
        raise bad_query(f"{name} {text!r} is not a number from 0 to {most}")
    return int(text)


def _tests(call: Call, filters: Sequence[str]) -> list[Callable[[JsonObject], bool]]:
    comparisons = [f"{name}.{op}" for name in filters if name.endswith("Date") for op in _COMPARISONS]
    only(call, *filters, *comparisons)
    return [_test(name, value) for name, value in call.query.items() if name not in _PAGING]


def _test(name: str, wanted: str) -> Callable[[JsonObject], bool]:
    path, _, operator = name.rpartition(".")
    if operator in _COMPARISONS:
        compare = _COMPARISONS[operator]
        return lambda resource: any(compare(value, wanted) for value in _values(resource, path.split(".")))
    return lambda resource: any(value == wanted for value in _values(resource, name.split(".")))


def _values(node: object, path: list[str]) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _values(item, path)
    elif not path:
        yield str(node)
    elif isinstance(node, dict) and path[0] in node:
        yield from _values(node[path[0]], path[1:])

"""Reading a whole TMF630 collection, so that "it is not there" can be said with certainty."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from placet.errors import UpstreamRejected, UpstreamUnavailable
from placet.plugin_api.answers import Answer, UnreadableError
from placet.plugin_api.connector import Connector

T = TypeVar("T")

PAGE_SIZE = 200
MAX_RECORDS = 20_000


def read_all(
    connector: Connector,
    path: str,
    *,
    query: Mapping[str, str],
    item: Callable[[dict[str, Any], Answer], T | None],
    page_size: int = PAGE_SIZE,
    max_records: int = MAX_RECORDS,
    timeout_seconds: float | None = None,
) -> list[T]:
    """Page through a collection until the server's `X-Total-Count`, or an empty page, is reached.

    A page shorter than asked for proves nothing (servers cap `limit`), so it does not end the reading.

    Args:
        connector: The plugin that reads.
        path: The collection, as in the allowlist.
        query: Filters; `offset` and `limit` are added.
        item: Maps one record of a page, or returns None to leave it out.
        page_size: `limit` to ask for.
        max_records: Bound of what is read.
        timeout_seconds: Bound of each exchange.

    Raises:
        UpstreamUnavailable: The collection changed while it was read; also all that `Connector.call` raises.
        UpstreamRejected: The server does not page as TMF630 says, or holds more than `max_records`.
    """
    found: list[T] = []
    seen: set[str] = set()
    total: int | None = None
    read = 0
    while True:
        known = frozenset(seen)

        def parse(answer: Answer, known: frozenset[str] = known) -> tuple[int, int | None, set[str], list[T]]:
            return _page(answer, known, item)

        size, stated, ids, items = connector.call(
            "GET",
            path,
            query={**query, "offset": read, "limit": page_size},
            parse=parse,
            timeout_seconds=timeout_seconds,
        )
        if read and stated != total:
            raise UpstreamUnavailable(f"{path} changed while it was read; read it again", code="changed_while_read")
        total, read = stated, read + size
        seen |= ids
        found += items
        if size == 0 and total is not None and read < total:
            raise UpstreamRejected(f"{path} ended after {read} of {total} records", code="incomplete_collection")
        if size == 0 or (total is not None and read >= total):
            return found
        if read >= max_records:
            raise UpstreamRejected(f"{path} holds more than {max_records} records", code="too_many_records")


def _page(
    answer: Answer, known: frozenset[str], item: Callable[[dict[str, Any], Answer], T | None]
) -> tuple[int, int | None, set[str], list[T]]:
    records = answer.records()
    ids = {record["id"] for record in records}
    if len(ids) != len(records) or ids & known:
        raise UnreadableError("a record appears twice: the server does not honour offset and limit")
    items = [mapped for record in records if (mapped := item(record, answer)) is not None]
    return len(records), answer.total, ids, items

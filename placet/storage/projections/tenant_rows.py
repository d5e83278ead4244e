"""Rows about a tenant compared with the entries of its own stream: keys, delegations, mandates, halts, controls."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Table

from placet.contracts.audit import mandate_stream, tenant_stream
from placet.contracts.base import Frozen
from placet.contracts.people.delegation import Delegation
from placet.contracts.people.mandate import Mandate
from placet.contracts.people.merge import Merge
from placet.governance.merges import MERGED, SPLIT
from placet.governance.signing.canonical import canonical_bytes
from placet.storage.projections.finding import Finding, compare
from placet.storage.projections.rows import Entry, ProjectionRows, document
from placet.storage.sql.driver import Row
from placet.storage.tables import APPROVER, CONTROL, CUSTOMER_MERGE, DELEGATION, HALT, MANDATE

Recorded = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Kept:
    """How rows of one table come from entries.

    Attributes:
        table: The table.
        name: Its column that the step key ends with.
        made: Kind of the entry that adds a row, and the columns it leads to.
        ended: Kind of the entry that ends it, the columns that leads to, which are empty until then; None for none.
        stored: Column with a copy of the signed document, and what that is: the entry's body has its fields.
    """

    table: Table
    name: str
    made: tuple[str, Callable[[Entry], Recorded]]
    ended: tuple[str, Callable[[Entry], Recorded]] | None
    stored: tuple[str, type[Frozen]] | None = None


def check_kept(rows: ProjectionRows, tenant: str, kept: Kept) -> Iterator[Finding]:
    """Compare every row of a table with its entries, then look for entries whose rows are gone."""
    stream, table = tenant_stream(tenant), kept.table.name
    for page in rows.pages(kept.table, kept.name, tenant):
        kinds = [kept.made[0], *([kept.ended[0]] if kept.ended else [])]
        keys = [f"{kind}.{row[kept.name]}" for row in page for kind in kinds]
        entries = rows.of_step(stream, keys)
        for row in page:
            made = entries.get(f"{kept.made[0]}.{row[kept.name]}")
            if made is None:
                yield Finding(table, row[kept.name], f"no {kept.made[0]!r} of it is on the record")
                continue
            yield from _differences(kept, row, made, entries)
    for steps in rows.steps_of_kind(stream, kept.made[0]):
        ids = [step.removeprefix(f"{kept.made[0]}.") for step in steps]
        there = rows.present(kept.table, kept.name, tenant, ids)
        for gone in (each for each in ids if each not in there):
            yield Finding(table, gone, f"the row is gone, the record has its {kept.made[0]!r}")


def check_spent(rows: ProjectionRows, tenant: str) -> Iterator[Finding]:
    """Compare what is spent of each mandate with its uses, each of which is compared with the record of its run.

    Its account on the record must say the same.
    """
    for page in rows.pages(MANDATE, "mandate_id", tenant):
        ids = [row["mandate_id"] for row in page]
        spent, accounts = rows.spent(tenant, ids), rows.accounts(tenant, ids)
        for row in page:
            name = row["mandate_id"]
            used = spent.get(name, 0)
            yield from compare("mandate", name, row, {"spent_minor": used})
            said = _spent_by(accounts[name]) if name in accounts else used
            if said != used:
                yield Finding("record", mandate_stream(tenant, name), f"{said} is spent, by what its runs took {used}")


def _spent_by(body: Mapping[str, Any]) -> object:
    amount = body.get("spent")
    return amount.get("amount_minor") if isinstance(amount, dict) else None


def _differences(kept: Kept, row: Row, made: Entry, entries: Mapping[str, Entry]) -> Iterator[Finding]:
    table, name = kept.table.name, row[kept.name]
    yield from compare(table, name, row, kept.made[1](made))
    if kept.ended is not None:
        kind, columns = kept.ended
        ended = entries.get(f"{kind}.{name}")
        yield from compare(table, name, row, columns(ended) if ended else dict.fromkeys(columns(_NOTHING)))
    if kept.stored is not None:
        yield from _stored(kept, row, made)


def _stored(kept: Kept, row: Row, made: Entry) -> Iterator[Finding]:
    """Compare every field of the stored document with the record.

    A field that the row's copy leaves out counts too: it would be read as its default. What its kind leaves out where
    there is nothing to say, as documents from before there was such a field do, is left out of both.
    """
    column, model = kept.stored or ("", Frozen)
    name, held = row[kept.name], document(row[column])
    named = {"tenant": row["tenant"], "document_id": name, "signer": made.actor}
    recorded = {
        field: value
        for field, how in model.model_fields.items()
        if (value := named.get(field, made.body.get(field))) is not None or how.exclude_if is None
    }
    found = held if isinstance(held, dict) else {}
    if found.keys() != recorded.keys():
        yield Finding(kept.table.name, name, f"{column} is not the document that was recorded")
        return
    yield from compare(kept.table.name, name, found, recorded)


class _Anything(dict[str, Any]):
    """A body that has every name, to ask which columns an entry would lead to."""

    def __missing__(self, name: str) -> None:
        return None


_NOTHING: Final = Entry("", "", "", "", datetime.min.replace(tzinfo=UTC), _Anything())


def _enrolled(entry: Entry) -> Recorded:
    body = entry.body
    limit = body["limit"] or {}
    return {
        "name": body["name"],
        "roles": " ".join(body["roles"]),
        "limit_minor": limit.get("amount_minor"),
        "limit_currency": limit.get("currency"),
        "public_key": body["public_key"],
        "passkey": canonical_bytes(body["passkey"]).decode() if body.get("passkey") else None,
        "enrolled_by": entry.actor,
        "enrolled_at": _time(body["signed_at"]),
        "document": body["document"],
        "expires_at": _time(body["expires_at"]),
    }


def _revoked(entry: Entry) -> Recorded:
    return {"revoked_by": entry.actor, "revoked_at": entry.at, "revoked_reason": entry.body["reason"]}


def _key_revoked(entry: Entry) -> Recorded:
    return {**_revoked(entry), "revocation": entry.body["document"]}


def _delegated(entry: Entry) -> Recorded:
    body = entry.body
    return {
        "delegate": body["delegate"],
        "valid_until": _time(body["valid_until"]),
        "document": body["document"],
        "key_id": body["key_id"],
    }


def _mandated(entry: Entry) -> Recorded:
    body = entry.body
    return {
        "agent": body["agent"],
        "strategy": body.get("strategy"),
        "valid_until": _time(body["valid_until"]),
        "budget_minor": body["budget"]["amount_minor"],
        "document": body["document"],
        "key_id": body["key_id"],
    }


def _halted(entry: Entry) -> Recorded:
    body = entry.body
    copied = {name: body[name] for name in ("scope", "subject", "reason")}
    return {**copied, "placed_by": entry.actor, "placed_at": entry.at}


def _lifted(entry: Entry) -> Recorded:
    return {"lifted_by": entry.actor, "lifted_at": entry.at, "lift": entry.body["document"]}


def _merged(entry: Entry) -> Recorded:
    body = entry.body
    return {name: body[name] for name in ("customer_id", "merged_id", "document", "key_id")}


def _unmerged(entry: Entry) -> Recorded:
    return {"split_by": entry.actor, "split_at": entry.at, "split": entry.body["document"]}


def _seeded(entry: Entry) -> Recorded:
    return {"flaw": entry.body["flaw"], "seeded_by": entry.actor, "seeded_at": entry.at}


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


KEPT: Final = (
    Kept(APPROVER, "key_id", ("key.enrolled", _enrolled), ("key.revoked", _key_revoked)),
    Kept(
        DELEGATION,
        "delegation_id",
        ("delegation.signed", _delegated),
        ("delegation.revoked", _revoked),
        ("delegation", Delegation),
    ),
    Kept(MANDATE, "mandate_id", ("mandate.signed", _mandated), ("mandate.revoked", _revoked), ("mandate", Mandate)),
    Kept(CUSTOMER_MERGE, "merge_id", (MERGED, _merged), (SPLIT, _unmerged), ("merge", Merge)),
    Kept(HALT, "halt_id", ("halt.placed", _halted), ("halt.lifted", _lifted)),
    Kept(CONTROL, "run_id", ("control.seeded", _seeded), None),
)
"""Tables whose rows come from the tenant's own stream."""

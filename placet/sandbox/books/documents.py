"""Resources that are kept and returned but cause nothing further: messages and query tasks."""

import json
from dataclasses import dataclass

from sqlalchemy import func, insert, select

from placet.sandbox.money import JsonObject
from placet.sandbox.store import Database
from placet.sandbox.tables import DOCUMENTS as _DOCUMENTS


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents of one kind."""

    database: Database
    kind: str

    def add(self, body: JsonObject) -> int:
        """Keep a document; its number."""
        row = {"kind": self.kind, "body": json.dumps(body)}
        with self.database.write() as connection:
            number: int = connection.execute(insert(_DOCUMENTS).values(row).returning(_DOCUMENTS.c.number)).scalar_one()
        return number

    def get(self, number: int) -> JsonObject | None:
        """Return one document, or None."""
        query = select(_DOCUMENTS.c.body).where(_DOCUMENTS.c.kind == self.kind, _DOCUMENTS.c.number == number)
        with self.database.read() as connection:
            text = connection.execute(query).scalar_one_or_none()
        return None if text is None else json.loads(text)

    def page(self, offset: int, limit: int) -> tuple[int, list[tuple[int, JsonObject]]]:
        """Return how many documents there are, and one page of them with their numbers, oldest first."""
        mine = _DOCUMENTS.c.kind == self.kind
        query = select(_DOCUMENTS).where(mine).order_by(_DOCUMENTS.c.number).offset(offset).limit(limit)
        with self.database.read() as connection:
            total = connection.execute(select(func.count()).select_from(_DOCUMENTS).where(mine)).scalar_one()
            rows = connection.execute(query).all()
        return total, [(row.number, json.loads(row.body)) for row in rows]

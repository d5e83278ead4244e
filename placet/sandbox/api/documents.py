"""GET operations on resources that are kept as they were made."""

from dataclasses import dataclass

from placet.sandbox.books.documents import Documents
from placet.sandbox.errors import not_found
from placet.sandbox.ids import number_of, numbered
from placet.sandbox.money import JsonObject
from placet.sandbox.rest.endpoint import Call, Reply
from placet.sandbox.rest.listing import only, page, select, window


@dataclass(frozen=True, slots=True)
class Kept:
    """Reads documents of one kind; their ids are `prefix` and a number, their address is under `path`."""

    documents: Documents
    prefix: str
    path: str

    def resource(self, number: int, body: JsonObject, call: Call) -> JsonObject:
        """Show a document as the API does."""
        identifier = numbered(self.prefix, number)
        return {"id": identifier, "href": f"{call.origin}{self.path}/{identifier}", **body}

    def one(self, call: Call) -> Reply:
        """Answer a GET by id."""
        only(call)
        number = number_of(self.prefix, call.id)
        body = None if number is None else self.documents.get(number)
        if number is None or body is None:
            raise not_found(self.documents.kind, call.id)
        return Reply(select(call, self.resource(number, body, call)))

    def collection(self, call: Call) -> Reply:
        """Answer a GET with one page, oldest first."""
        only(call)
        total, rows = self.documents.page(*window(call))
        return page(call, total, [self.resource(number, body, call) for number, body in rows])

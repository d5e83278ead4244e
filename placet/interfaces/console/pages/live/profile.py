"""All that is known of a customer in one view, each field with its source and age."""

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from placet.contracts.base import CustomerId
from placet.errors import UsageError
from placet.governance.access.rules import PERSONAL
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.profile import shown_of
from placet.interfaces.profile_words import profile_of
from placet.service.state.profile import known_of

_ID: TypeAdapter[str] = TypeAdapter(CustomerId)


def show(asked: Asked) -> Response:
    """Show the profile; keys are masked for visitors who may not see them."""
    given, served = asked.request.path_params["customer_id"], asked.parts.served
    try:
        customer_id = _ID.validate_python(given)
    except ValidationError:
        raise UsageError(f"{given!r} is no customer's id", code="unknown_customer") from None
    known = known_of(served.database, served.tenant, customer_id, asked.now)
    profile = profile_of(known, reveal=asked.may("read", PERSONAL))
    return asked.page("customers/profile.html", customer_id=customer_id, it=shown_of(profile))

"""Models of who may leave: which there are, which one runs use, and the card of each."""

from starlette.responses import Response

from placet.errors import ConfigurationError, UsageError
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.customers.models import card_of, rows_of
from placet.interfaces.telling.models import for_runs_in_words, trained_last_in_words


def show_all(asked: Asked) -> Response:
    """Show the models that are held."""
    held = asked.parts.served.models.held()
    return asked.page(
        "customers/models.html", held=held, models=rows_of(held), trained_last=trained_last_in_words(held)
    )


def show(asked: Asked) -> Response:
    """Show the card of one."""
    model = asked.request.path_params["model"]
    try:
        found = asked.parts.served.models.shown(model)
    except UsageError as error:
        fault = f"{error}. The list of models has those that are held."
        return asked.page("customers/model.html", 404, fault=fault, it=None, model=None)
    except ConfigurationError:
        fault = "The file of this model is not in order. The list of models says why."
        return asked.page("customers/model.html", 409, fault=fault, it=None, model=None)
    card, for_runs = card_of(found.card), for_runs_in_words(found, asked.parts.served.models.runs_use)
    return asked.page("customers/model.html", it=card, model=found, for_runs=for_runs, fault="")

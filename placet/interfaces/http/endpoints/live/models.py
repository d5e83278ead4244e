"""`/v1/models`: the models of who may leave that a tenant holds, and what is known of each.

Training, scoring and drift are the command line's: they read tables of customers, which stay where they are.
"""

from typing import Annotated

from fastapi import APIRouter
from fastapi.params import Path
from pydantic import AfterValidator, WithJsonSchema

from placet.contracts.propensity.held import BEGINNING, HeldModels, ShownModel, no_name_of_a_model
from placet.errors import ConfigurationError, UsageError
from placet.interfaces.http.served import Served

_HELD = "`GET /v1/models` lists those that are held"


def _named(model: str) -> str:
    if fault := no_name_of_a_model(model):
        raise ValueError(f"{fault}; {_HELD}")
    return model


Model = Annotated[
    str,
    AfterValidator(_named),
    WithJsonSchema({"type": "string", "pattern": BEGINNING}),
    Path(description="a digest, or how one begins"),
]


class ModelEndpoints:
    """The endpoints, for the models of one tenant."""

    def __init__(self, served: Served) -> None:
        self._served = served

    def router(self) -> APIRouter:
        """Make the routes."""
        router = APIRouter(prefix="/v1/models", tags=["models"])
        router.add_api_route("", self.list_models, methods=["GET"])
        router.add_api_route("/{model}", self.show, methods=["GET"])
        return router

    def list_models(self) -> HeldModels:
        """List the models of who may leave, and say which of them runs use.

        That is what the settings of this server say. A worker reads its own when it starts.
        """
        return self._served.models.held()

    def show(self, model: Model) -> ShownModel:
        """Show a model's card: what it learned from, how well it does and for whom, where it ends."""
        try:
            return self._served.models.shown(model)
        except UsageError as error:
            raise UsageError(f"{error}; {_HELD}", code=error.code) from error
        except ConfigurationError as error:
            raise UsageError(
                f"the file of model {model!r} is not in order; `GET /v1/models` says why", code="model_damaged"
            ) from error

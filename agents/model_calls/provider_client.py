"""The HTTP client that a provider's library is given, so that it makes none of its own.

Left alone, LiteLLM and the SDKs below it follow redirects and go through whatever proxy the environment names. A client
that is passed in is used for every request of a completion, to which `tests/security/perimeter/test_perimeter.py` holds
them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.model_calls.routing import ModelConfig
from placet.network.client import guarded_client, proxied_client
from placet.network.networks import Networks
from placet.network.tls import tls_context


@dataclass(frozen=True, slots=True)
class Reach:
    """How far requests may go.

    Attributes:
        networks: Where models inside the perimeter may be.
        ca_file: The operator's own certificate authority, for models inside.
        hosted_proxy: Address of the proxy for models outside; empty: none.
    """

    networks: Networks
    ca_file: Path | None
    hosted_proxy: str


def provider_client(model: ModelConfig, key: str, reach: Reach) -> Any:
    """Make the client for one model, in the form its library takes. Importing the library takes seconds."""
    if model.perimeter == "inside" and model.base_url is not None:
        http = guarded_client(
            model.timeout_s, origin=model.base_url, networks=reach.networks, tls=tls_context(reach.ca_file)
        )
    else:
        http = proxied_client(model.timeout_s, proxy=reach.hosted_proxy)
    if model.route.startswith("openai/"):
        import openai  # noqa: PLC0415  takes a second; only a worker needs it

        return openai.OpenAI(
            api_key=key, base_url=model.base_url, http_client=http, max_retries=0, timeout=model.timeout_s
        )
    from litellm.llms.custom_httpx.http_handler import HTTPHandler  # noqa: PLC0415  as above

    return HTTPHandler(client=http)

"""What a plugin says about itself, and the bounds every connector works within."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from placet.contracts.base import Frozen

Kind = Literal["read", "mutate", "subscribe"]
"""A `read` plugin can change nothing; a `mutate` plugin is called only behind the gate; a `subscribe` plugin can say
where events are to be sent, and nothing else (docs/adr/0046)."""

PluginName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
ApiName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9-]{1,31}$")]
"""A TM Forum API number such as `TMF654`, or the operator's own name for another API."""


class Manifest(Frozen):
    """A plugin's declaration; the loader holds it against the allowlist before the plugin is constructed.

    Attributes:
        name: The entry point's name, or the last part of a first-party module path.
        apis: Every API the plugin calls; the allowlist must grant exactly these.
        version: The plugin's own version, for the record.
        plugin_api: Version of this interface that the plugin was written for.
    """

    name: PluginName
    kind: Kind
    apis: Annotated[tuple[ApiName, ...], Field(min_length=1)]
    version: Annotated[str, Field(min_length=1, max_length=40)]
    plugin_api: Literal[1] = 1


class ConnectorLimits(Frozen):
    """Bounds of every exchange; each is a named field with its unit.

    Attributes:
        connect_seconds: To open a connection, or to get one from the pool.
        read_seconds: Longest silence of the other system while a request or an answer is under way.
        total_seconds: Of a whole exchange, from opening the connection to the last byte of the answer.
        max_response_bytes: Larger answers are refused unread.
        pool_size: Connections kept per plugin; concurrent calls beyond it wait `connect_seconds`.
    """

    connect_seconds: Annotated[float, Field(gt=0)] = 2.0
    read_seconds: Annotated[float, Field(gt=0)] = 5.0
    total_seconds: Annotated[float, Field(gt=0)] = 15.0
    max_response_bytes: Annotated[int, Field(gt=0)] = 2_000_000
    pool_size: Annotated[int, Field(gt=0)] = 32

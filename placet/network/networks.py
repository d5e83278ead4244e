"""The declared perimeter: which addresses the customer's record may be sent to (docs/adr/0026).

A name proves nothing: whoever answers for it decides where it leads, and may answer differently the next time. So the
address of each connection is checked, just before it is opened.
"""

import ipaddress
import socket
from dataclasses import dataclass

from placet.errors import ConfigurationError
from placet.network.refusals import note

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

SETTING = "PLACET_PERIMETER_NETWORKS"


class OutsidePerimeterError(OSError):
    """A connection to an address outside the declared networks was not opened."""


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks that are declared as inside."""

    declared: tuple[Network, ...]

    @classmethod
    def parse(cls, text: str) -> "Networks":
        """Read networks in CIDR notation, separated by commas.

        Raises:
            ConfigurationError: there is none, or one is malformed.
        """
        given = [part.strip() for part in text.split(",") if part.strip()]
        if not given:
            raise ConfigurationError(f"{SETTING} names no network; write it like '127.0.0.0/8,::1/128'")
        try:
            return cls(tuple(ipaddress.ip_network(part) for part in given))
        except ValueError as error:
            raise ConfigurationError(f"{SETTING}={text!r}: {error}; write it like '127.0.0.0/8,::1/128'") from error

    def contains(self, address: str) -> bool:
        """Return whether a numeric address lies in a declared network."""
        found = _parsed(address)
        return any(found in network for network in self.declared if network.version == found.version)

    def admit(self, host: str, port: int) -> list[str]:
        """Resolve `host` and return its addresses, all of them inside.

        Raises:
            OutsidePerimeterError: one of them is not. A name with an address on each side would be met by chance.
            OSError: the name cannot be resolved.
        """
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if not self.contains(address):
                refusal = f"{host!r} has the address {address}, outside the perimeter; see {SETTING}"
                note("outside", refusal)
                raise OutsidePerimeterError(refusal)
        return addresses

    def __str__(self) -> str:
        return ",".join(map(str, self.declared))


LOOPBACK = Networks((ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128")))
"""This machine alone: what is inside where nobody declared anything."""


def _parsed(address: str) -> Address:
    found = ipaddress.ip_address(address.partition("%")[0])
    # An IPv4 address in IPv6's clothes reaches the IPv4 host.
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found

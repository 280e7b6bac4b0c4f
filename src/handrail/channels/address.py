"""Where a message may go: to the public internet, never to this machine or the networks around it.

The name is resolved once, every address it has must be a public one, and the connection goes to the
address that was checked: a name that resolves differently a moment later changes nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from handrail.errors import InvalidInput

Resolver = Callable[[str, int], Sequence[str]]
"""From host and port to addresses. Raises `OSError` when there are none."""

IP = ipaddress.IPv4Address | ipaddress.IPv6Address

# what `is_global` of some Python releases calls public, and what smuggles a private address inside
REFUSED = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
        "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.ASCII)
_URL = re.compile(r"[!-~]{1,2000}", re.ASCII)
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A parsed address: what to say (host, path) and where to connect (once it is resolved)."""

    secure: bool
    host: str
    port: int
    # path and query, as it goes into the request line
    target: str

    @property
    def authority(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def destination(url: str, *, ports: Sequence[int] = (443,), allow_http: bool = False) -> Destination:
    """Read a URL strictly. Raises `InvalidInput` for what may not be called, or could be read in two ways.

    `allow_http` lets plain HTTP go to this machine itself, on any port; for trials only.
    """
    if not _URL.fullmatch(url) or "\\" in url:
        raise InvalidInput("the URL holds characters that a URL does not have", remedy="Encode them with %XX.")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise InvalidInput("that is not a URL") from None
    if parts.username is not None or parts.password is not None or "@" in parts.netloc or parts.fragment:
        raise InvalidInput("the URL must not hold a user, a password or a fragment")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = (443 if parts.scheme == "https" else 80) if port is None else port
    if parts.scheme == "http" and allow_http and host in LOOPBACK_NAMES:
        return Destination(secure=False, host=host, port=port, target=target)
    if parts.scheme != "https":
        raise InvalidInput("webhooks go over https", remedy="Use an https:// address.")
    if port not in ports:
        raise InvalidInput(f"port {port} is not one that webhooks may go to", remedy=f"Allowed: {sorted(ports)}.")
    if _literal(host) is None and not _HOST.fullmatch(host):
        raise InvalidInput(
            f"{host[:100]!r} is no public host name", remedy="Use a full domain name in ASCII (punycode)."
        )
    literal = _literal(host)
    if literal is not None and not is_public(literal):
        raise InvalidInput("that address is not on the public internet")
    return Destination(secure=True, host=host, port=port, target=target)


def resolve(place: Destination, resolver: Resolver | None = None) -> str:
    """The one address to connect to. Raises `InvalidInput` if any address of the name is not a public one."""
    if not place.secure:
        # `destination` let nothing but this machine through without TLS
        return "::1" if place.host == "::1" else "127.0.0.1"
    found = [ipaddress.ip_address(text) for text in (resolver or system_resolver)(place.host, place.port)]
    if not found:
        raise InvalidInput(f"{place.host} has no address")
    if not all(is_public(address) for address in found):
        raise InvalidInput(f"{place.host} leads to an address that is not on the public internet")
    return str(found[0])


def is_public(address: IP) -> bool:
    """Whether an address belongs to the public internet and hides no other one."""
    if any(address.version == network.version and address in network for network in REFUSED):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def system_resolver(host: str, port: int) -> list[str]:
    """The operating system's answer."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]).split("%")[0] for item in found))


def _literal(host: str) -> IP | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None

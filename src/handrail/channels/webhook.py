"""Webhooks after Standard Webhooks: signed, to a checked address, without redirects, within a time limit."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import os
import socket
import ssl
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from handrail.channels.address import Destination, Resolver, destination, resolve
from handrail.errors import InvalidInput

SECRET_PREFIX = "whsec_"
SECONDS = 10.0
MOST_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One event on its way. `id` stays the same for every try; receivers drop doubles by it."""

    id: str
    body: bytes
    url: str
    # newest first; while two are in rotation both sign
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of a try: the receiver's status (None: it was not reached), and why it counts as failed."""

    status: int | None
    error: str | None

    @property
    def ok(self) -> bool:
        return self.error is None


def new_secret() -> str:
    """A fresh signing secret, `whsec_` and 32 random bytes in base64."""
    return SECRET_PREFIX + base64.b64encode(os.urandom(32)).decode()


def signature(secrets: Sequence[str], *, id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: `v1,` and HMAC-SHA256 over `id.timestamp.body`, one for each secret."""
    signed = f"{id}.{timestamp}.".encode() + body
    return " ".join(
        "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode() for secret in secrets
    )


def send(
    message: Message,
    *,
    timestamp: int,
    ports: Sequence[int] = (443,),
    allow_http: bool = False,
    resolver: Resolver | None = None,
    seconds: float = SECONDS,
    context: ssl.SSLContext | None = None,
) -> Sent:
    """Try once. `timestamp` is in seconds since the epoch. Never raises for what the other side does."""
    try:
        place = destination(message.url, ports=ports, allow_http=allow_http)
        address = resolve(place, resolver)
    except (InvalidInput, OSError) as error:
        return Sent(status=None, error=str(error)[:300])
    headers = {
        "Host": place.authority, "Content-Type": "application/json", "User-Agent": "handrail-webhook/1",
        "webhook-id": message.id, "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(message.secrets, id=message.id, timestamp=timestamp, body=message.body),
    }  # fmt: skip
    connection = _Connection(place, address, seconds, context)
    # a receiver that drips one byte at a time is cut off too
    cut = threading.Timer(seconds, connection.cut)
    cut.daemon = True
    cut.start()
    try:
        connection.request("POST", place.target, body=message.body, headers=headers)
        answer = connection.getresponse()
        answer.read(MOST_ANSWER_BYTES)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Sent(status=None, error=f"{type(error).__name__}: {error}"[:300])
    finally:
        cut.cancel()
        connection.close()
    if 200 <= answer.status < 300:
        return Sent(status=answer.status, error=None)
    return Sent(status=answer.status, error=f"the receiver answered {answer.status}")


class _Connection(http.client.HTTPConnection):
    """Connects to the address that was checked, and proves to be talking to the host that was named."""

    def __init__(self, place: Destination, address: str, seconds: float, context: ssl.SSLContext | None):
        super().__init__(place.host, place.port, timeout=seconds)
        self._address = address
        self._context = (context or ssl.create_default_context()) if place.secure else None
        self._raw: socket.socket | None = None

    def connect(self) -> None:
        self._raw = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._raw
        if self._context is not None:
            self.sock = self._raw = self._context.wrap_socket(self._raw, server_hostname=self.host)

    def cut(self) -> None:
        """End it from another thread."""
        if self._raw is not None:
            try:
                self._raw.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(SECRET_PREFIX))

"""Requests sent again because their answer was lost: they get the first one's, and nothing is made twice.

For whoever calls with an API key and an `Idempotency-Key`; kept in the memory of this process. What must hold for
longer, or beside other servers, has an id of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.responses import Response

from handrail.errors import InvalidInput

KEPT_SECONDS = 300.0
MOST_BYTES = 32 * 1024 * 1024
LONGEST_KEY = 200


class Repeats:
    """Answers to what was carried out, for five minutes; the oldest go first when they are too many."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._turns: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()
        # when it was given, and the answer
        self._kept: OrderedDict[bytes, tuple[float, Response]] = OrderedDict()
        self._size = 0

    async def once(
        self, name: bytes, carry_out: Callable[[], Awaitable[Response]], allow: Callable[[], Awaitable[object]]
    ) -> Response:
        """The answer to the request of this name; carried out unless it was. `allow` looks at a repeat's caller.

        While the first is under way its repeats wait. What was refused, or failed, is tried again.
        """
        turn = self._turns.setdefault(name, asyncio.Lock())
        async with turn:
            self._forget_old()
            known = self._kept.get(name)
            if known is not None:
                await allow()
                return _again(known[1])
            made = await carry_out()
            if made.status_code < 400 and isinstance(getattr(made, "body", None), bytes):
                self._kept[name] = (self._now(), made)
                self._size += len(made.body)
            return made

    def _forget_old(self) -> None:
        while self._kept:
            name, (at, made) = next(iter(self._kept.items()))
            if self._size <= MOST_BYTES and at > self._now() - KEPT_SECONDS:
                return
            del self._kept[name]
            self._size -= len(made.body)


def name_of(request: Request, body: bytes) -> bytes | None:
    """By what a request and its repeats are known: caller, address, key and body. None: it asks for no such thing.

    Raises `InvalidInput` for a key that is too long.
    """
    key, caller = request.headers.get("idempotency-key"), request.headers.get("authorization")
    if key is None or caller is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY:
        raise InvalidInput(f"Idempotency-Key is 1 to {LONGEST_KEY} characters")
    parts = (caller, key, request.method, str(request.url.path), str(request.url.query))
    return hashlib.sha256(b"\0".join([*(part.encode() for part in parts), body])).digest()


def _again(made: Response) -> Response:
    answer = Response(made.body, made.status_code)
    answer.raw_headers = list(made.raw_headers)
    return answer

"""Time and identity come from here, so that tests can own both.

All times inside handrail are integers: microseconds since the Unix epoch, UTC.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Tells the time in microseconds since the epoch."""

    def now(self) -> int: ...


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> int:
        return time.time_ns() // 1000


class FakeClock:
    """A clock that stands still until told otherwise. For tests and simulations."""

    def __init__(self, start: int = 1_700_000_000 * SECOND):
        self.time = start

    def now(self) -> int:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += int(seconds * SECOND)


def iso(micros: int) -> str:
    """RFC 3339 in UTC with six decimals: `2026-11-20T09:15:02.123456Z`."""
    seconds, rest = divmod(micros, SECOND)
    return f"{_second(seconds)}.{rest:06d}Z"


@lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def from_iso(text: str) -> int:
    """The inverse of `iso`; accepts any RFC 3339 offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time without an offset: {text!r}")
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


class Random:
    """Random bytes of the system, fetched many at a time: a call for each would cost more than what is done with it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._left: list[bytes] = []
        # a forked child must not repeat its parent's ids
        os.register_at_fork(after_in_child=self._left.clear)

    def take(self) -> bytes:
        """Bytes that nobody else gets."""
        try:
            # one step of the interpreter, so no two threads take the same
            return self._left.pop()
        except IndexError:
            size, fresh = self._size, os.urandom(self._size * 400)
            self._left.extend(fresh[at : at + size] for at in range(size, len(fresh), size))
            return fresh[:size]


_random = Random(10)


def random_unit() -> float:
    """A uniform number in [0, 1) from the system's randomness."""
    return int.from_bytes(_random.take()[:7], "big") / 2**56


def uuid7(micros: int) -> str:
    """A UUIDv7 (RFC 9562, 5.7) for the given moment: time-ordered, 74 random bits."""
    random = _random.take()
    text = f"{micros // 1000:012x}7{random.hex()}"
    variant = "89ab"[random[-1] & 3]
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{variant}{text[16:19]}-{text[19:31]}"

"""How often somebody may do something: moving windows in memory, each process its own."""

from __future__ import annotations

import math
import time
from collections import OrderedDict

from handrail.server.problems import TooMany

MOST_KEPT = 50_000


class Window:
    """At most `most` events per `seconds` and name, over a window that moves (two halves, weighted)."""

    def __init__(self, most: int, seconds: float):
        self.most = most
        self.seconds = seconds
        # name: (window number, events in it, events in the one before)
        self._counts: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    def used(self, name: str) -> float:
        """Events of the last `seconds`, as the window reckons them."""
        number, share = self._now()
        at, count, before = self._counts.get(name, (number, 0, 0))
        if at < number:
            count, before = 0, count if at == number - 1 else 0
        return count + before * (1.0 - share)

    def add(self, name: str) -> None:
        """Count one event."""
        number, _ = self._now()
        at, count, before = self._counts.get(name, (number, 0, 0))
        if at < number:
            count, before = 0, count if at == number - 1 else 0
        self._counts[name] = (number, count + 1, before)
        self._counts.move_to_end(name)
        if len(self._counts) > MOST_KEPT:
            self._counts.popitem(last=False)

    def take(self, name: str, what: str) -> None:
        """Count one event. Raises `TooMany` if the window is full."""
        number, share = self._now()
        at, count, before = self._counts.get(name, (number, 0, 0))
        if at < number:
            count, before = 0, count if at == number - 1 else 0
        if count + before * (1.0 - share) >= self.most:
            self.refuse_over(name, what)
        self._counts[name] = (number, count + 1, before)
        if len(self._counts) > MOST_KEPT:
            self._counts.popitem(last=False)

    def forget(self, name: str) -> None:
        self._counts.pop(name, None)

    def refuse_over(self, name: str, what: str) -> None:
        """Raise `TooMany` if the window is full."""
        if self.used(name) >= self.most:
            wait = max(1, math.ceil(self.seconds * (1.0 - self._now()[1])))
            raise TooMany(f"too many {what}; wait {wait} s", retry_after=wait)

    def _now(self) -> tuple[int, float]:
        number, rest = divmod(time.monotonic(), self.seconds)
        return int(number), rest / self.seconds

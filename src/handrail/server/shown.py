"""Since when a card has been before a person, as this server saw it; after a restart reading begins anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

MOST_CARDS = 20_000


class Shown:
    """First showings by person and card digest. Any thread may use it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._since: dict[tuple[str, str], float] = {}
        self._guard = threading.Lock()

    def note(self, person: str, card: str) -> None:
        """The card was sent to this person; the first time counts."""
        with self._guard:
            if (person, card) in self._since:
                return
            if len(self._since) >= MOST_CARDS:
                # the longest known are the likeliest to be answered
                self._since.pop(next(iter(self._since)))
            self._since[person, card] = self._clock()

    def seconds(self, person: str, card: str) -> float:
        """How long ago that was; 0 for what was not shown, which begins now. No card was never shown."""
        if not card:
            return 0.0
        self.note(person, card)
        return self._clock() - self._since.get((person, card), self._clock())

"""Waiting for work: a signal is a hint, a look is enough."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator


class Watch:
    """Yields case ids from `look` until stopped; between looks it waits for a hint or `interval` seconds."""

    def __init__(self, look: Callable[[], list[str]], *, interval: float, ended: Callable[[], None] = lambda: None):
        self.look = look
        self._interval = interval
        self._ended = ended
        self._hint = threading.Event()
        self._stopped = False

    def hint(self, *_: object) -> None:
        """Something changed: look now."""
        self._hint.set()

    def stop(self) -> None:
        self._stopped = True
        self._hint.set()

    def __iter__(self) -> Iterator[str]:
        try:
            while not self._stopped:
                self._hint.clear()
                found = self.look()
                yield from found
                if not found and not self._stopped:
                    self._hint.wait(self._interval)
        finally:
            self._ended()

"""Waiting for work: a signal is a hint, a look is enough."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

# seconds until what was refused is offered again, if nobody hints at anything new
PAUSE = 1.0


class Watch:
    """Yields case ids until stopped; after a round without anything new it waits for a hint or `interval` seconds.

    `look` answers with the oldest ones behind the id it is given.
    """

    def __init__(self, look: Callable[[str], list[str]], *, interval: float, ended: Callable[[], None] = lambda: None):
        self._look = look
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

    def once(self) -> Iterator[str]:
        """Everything that waits now: what is refused and stays keeps nothing behind it from its turn."""
        after = ""
        while not self._stopped and (found := self._look(after)):
            yield from found
            after = found[-1]

    def __iter__(self) -> Iterator[str]:
        before: set[str] = set()
        try:
            while not self._stopped:
                self._hint.clear()
                offered = set()
                for case_id in self.once():
                    offered.add(case_id)
                    yield case_id
                # what is served leaves the list: a round of the same ones again served nothing
                if offered <= before and not self._stopped:
                    self._hint.wait(max(self._interval, PAUSE) if offered else self._interval)
                before = offered
        finally:
            self._ended()

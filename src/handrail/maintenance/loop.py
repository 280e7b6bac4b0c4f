"""A loop you can step: one thing, at an interval, safe to run twice at once, with a lag to look at."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from handrail.errors import HandrailError

log = logging.getLogger("handrail.maintenance")


class Loop:
    """Runs `step` every `interval` seconds on a thread of its own; a failing step is logged and tried again."""

    def __init__(self, name: str, step: Callable[[], int], interval: float, *, patience: float = 0.0):
        self.name = name
        self._step = step
        self._interval = interval
        # seconds that one step may take without being late
        self._patience = patience
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        # monotonic time of the last step that went well
        self._last = time.monotonic()
        self.failures = 0

    @property
    def lag(self) -> float:
        """Seconds since the last step that went well, beyond the interval and what a step may take."""
        return max(0.0, time.monotonic() - self._last - self._interval - self._patience)

    def step(self) -> int:
        """Do it once; how much was done. More than nothing means: look again at once."""
        done = self._step()
        self._last = time.monotonic()
        return done

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"handrail-{self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                busy = self.step() > 0
            except HandrailError as error:
                busy = False
                self._failed(error)
            except Exception as error:
                busy = False
                self._failed(error)
            self._stop.wait(0.0 if busy else self._interval)

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        if self.failures & (self.failures - 1) == 0:
            # 1st, 2nd, 4th, 8th … time: enough to be seen, not enough to fill a disk
            log.warning("%s failed (%d times so far): %s", self.name, self.failures, error, exc_info=self.failures == 1)

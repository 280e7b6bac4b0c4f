"""What every handler needs: the plane, the settings, who is known, what was counted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from starlette.requests import Request

from handrail.lifecycle.actor import Actor
from handrail.maintenance.plane import Plane
from handrail.server.limits import Window
from handrail.server.metrics import Metrics
from handrail.server.once import Once
from handrail.server.passwords import Passwords
from handrail.server.repeats import Repeats
from handrail.server.settings import Settings
from handrail.server.shown import Shown

R = TypeVar("R")
KEY_SECONDS = 5.0
MOST_KEYS = 10_000


class Desk:
    """One server's state. Lives as long as the app."""

    def __init__(self, plane: Plane, settings: Settings):
        self.plane = plane
        self.settings = settings
        self.keys = KnownKeys()
        self.passwords = Passwords()
        self.metrics = Metrics()
        self.once = Once()
        self.shown = Shown()
        self.repeats = Repeats()
        self.rate = Window(settings.requests_per_second, 1.0)
        self.guesses = Window(settings.guesses_per_quarter_hour, 900.0)
        self.address_guesses = Window(settings.guesses_per_quarter_hour * 8, 900.0)
        # requests that wait for something; a closing server ends them
        self.parked: set[asyncio.Task[Any]] = set()
        self.closing = False
        # the app it belongs to; set by whoever makes it
        self.app: Any = None
        # figures of the operations page by workspace, with when to count again
        self.figures: dict[str, tuple[float, dict[str, Any]]] = {}

    def now(self) -> int:
        return self.plane.clock.now()

    async def look(self, read: Callable[..., R], *arguments: Any, **named: Any) -> R:
        """A short read. On SQLite it is faster done than handed to a thread; PostgreSQL may make us wait."""
        if self.plane.store.engine == "sqlite":
            return read(*arguments, **named)
        return await asyncio.to_thread(read, *arguments, **named)

    def close(self) -> None:
        """End every wait, so that a stop does not take as long as the longest of them."""
        self.closing = True
        for task in list(self.parked):
            task.cancel()


class KnownKeys:
    """API keys seen lately, for at most 5 s: what was revoked elsewhere ends then, what is revoked here at once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Actor, float]] = {}

    def get(self, text: str) -> Actor | None:
        found = self._known.get(text)
        if found is None or found[1] < time.monotonic():
            return None
        return found[0]

    def put(self, text: str, actor: Actor) -> None:
        if len(self._known) >= MOST_KEYS:
            self._known.clear()
        self._known[text] = (actor, time.monotonic() + KEY_SECONDS)

    def clear(self) -> None:
        self._known.clear()


def desk_of(request: Request) -> Desk:
    """The desk of the app that a request came to."""
    return cast(Desk, request.app.state.desk)

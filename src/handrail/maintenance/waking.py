"""Waiting for a due park: the feed hints, a look is always enough, and one transaction takes it."""

from __future__ import annotations

import asyncio
import functools
import time

from handrail.lifecycle import wake
from handrail.lifecycle.actor import bound_to
from handrail.lifecycle.wake import TakeWake
from handrail.maintenance.feed import of_parks
from handrail.maintenance.plane import Plane
from handrail.parked import Woken
from handrail.store import statements

# when a look said yes and the taking got nothing: somebody else was first, or the database's clock is behind ours
PAUSE_SECONDS = 0.05


def take(plane: Plane, command: TakeWake, timeout: float) -> Woken | None:
    """The next due park, waiting up to `timeout` seconds for one."""
    end = time.monotonic() + timeout
    topic = of_parks(plane.log_of(command.actor.workspace))
    look = functools.partial(is_due, plane, command)
    while plane.feed.wait(topic, look, max(0.0, end - time.monotonic())):
        woken = plane.run(wake.take_wake, command)
        if woken is not None or time.monotonic() >= end:
            return woken
        time.sleep(PAUSE_SECONDS)
    return None


async def atake(plane: Plane, command: TakeWake, timeout: float) -> Woken | None:
    """The same for an event loop."""
    end = time.monotonic() + timeout
    log = await asyncio.to_thread(plane.log_of, command.actor.workspace)
    look = functools.partial(asyncio.to_thread, is_due, plane, command)
    while await plane.feed.await_(of_parks(log), look, max(0.0, end - time.monotonic()), log=log):
        woken = await plane.arun(wake.take_wake, command)
        if woken is not None or time.monotonic() >= end:
            return woken
        await asyncio.sleep(PAUSE_SECONDS)
    return None


def is_due(plane: Plane, command: TakeWake) -> bool:
    """Is there something to take, or something this very request took before? Looks only."""
    look = plane.store.read_hot
    given = {"workspace": command.actor.workspace, "now": plane.clock.now(), "agent": bound_to(command.actor)}
    if look(statements.park_held, nonce=command.nonce, **given):
        return True
    if command.id is not None:
        return bool(look(statements.park_next_this, id=command.id, **given))
    if command.run is not None:
        return bool(look(statements.park_next_of_run, run=command.run, **given))
    if command.frameworks is None:
        return bool(look(statements.park_next_any, **given))
    return any(look(statements.park_next, framework=name, **given) for name in command.frameworks)

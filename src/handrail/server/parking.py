"""Requests that wait: counted, woken by the feed, ended when the server stops."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from handrail.errors import InvalidInput, Unavailable
from handrail.server.desk import Desk
from handrail.store.tx import Staged

LONGEST_WAIT = 60.0


@contextmanager
def parked(desk: Desk) -> Iterator[None]:
    """While inside, this request waits; a closing server turns the wait into `Unavailable`."""
    task = asyncio.current_task()
    assert task is not None
    if desk.closing:
        raise Unavailable("the server is stopping")
    desk.parked.add(task)
    try:
        yield
    except asyncio.CancelledError:
        if desk.closing:
            raise Unavailable("the server is stopping") from None
        raise
    finally:
        desk.parked.discard(task)


async def until(desk: Desk, case_id: str, log: str, ready: Callable[[], bool | Awaitable[bool]], wait: float) -> bool:
    """Wait for an event of a case until `ready()` holds; false after `wait` seconds."""
    with parked(desk):
        return await desk.plane.feed.await_(case_id, ready, wait, log=log)


async def until_decided(
    desk: Desk, case_id: str, log: str, ready: Callable[[], bool | Awaitable[bool]], wait: float
) -> Staged | bool:
    """The same for a decision; its entry, if it is made here meanwhile, saves looking it up."""
    with parked(desk):
        return await desk.plane.feed.await_decision(case_id, ready, wait, log=log)


def seconds(text: str | None) -> float:
    """The `wait` of a query, 0 to 60 seconds; more counts as 60. Raises `InvalidInput`."""
    return min(seconds_up_to(text, float("inf"), "wait"), LONGEST_WAIT) if text else 0.0


def seconds_up_to(text: str | None, most: float, name: str) -> float:
    """A number of seconds from a query. Raises `InvalidInput` for anything else."""
    try:
        value = float(text or "")
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= most or value == float("inf"):
        raise InvalidInput(f"{name} is a number of seconds from 0" + ("" if most == float("inf") else f" to {most:g}"))
    return value

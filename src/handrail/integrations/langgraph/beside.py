"""Calls of one turn that share a task: none of them stops the task while another is still at work, or has not begun.

On an event loop `ToolNode` gives up on the other calls as soon as one of them pauses, and a program that ends then
cuts an effect in half. On threads it waits for those that have begun, and drops the others: people would be asked
about one call after the other, each a wake later, where as many as there are threads can be asked about at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import contextmanager

# for calls that cannot begin: their threads are held by tools that nobody gated
PATIENCE_SECONDS = 1.0
MOST_NODES = 1024


class Group:
    """The calls of one task, on one event loop."""

    def __init__(self) -> None:
        self.members = 0
        self.working = 0
        self.quiet = asyncio.Event()


class Member:
    """One of them."""

    def __init__(self, group: Group):
        self._group = group
        self._works = False

    def work(self) -> None:
        """Be at work."""
        if not self._works:
            self._works = True
            self._group.working += 1
            self._group.quiet.clear()

    def rest(self) -> None:
        """Be at rest."""
        if self._works:
            self._works = False
            self._group.working -= 1
            if not self._group.working:
                self._group.quiet.set()

    async def all_rest(self) -> None:
        """Come to rest, and wait until all others have."""
        self.rest()
        await self._group.quiet.wait()


_groups: dict[str, Group] = {}


@contextmanager
def beside(node: str) -> Iterator[Member]:
    """At work, inside, among the calls of this run of a node."""
    group = _groups.setdefault(node, Group())
    group.members += 1
    member = Member(group)
    member.work()
    try:
        yield member
    finally:
        member.rest()
        group.members -= 1
        if not group.members:
            _groups.pop(node, None)


class Calls:
    """The calls of one run of a node, on threads."""

    def __init__(self) -> None:
        # ids of those that began; what is over, or began before the last pause, stays
        self.begun: set[str] = set()
        self.inside = 0
        # all threads were held at once: none that waits does so longer, although some leave
        self.full = False


# by run of a node, the newest last
_calls: OrderedDict[str, Calls] = OrderedDict()
_changed = threading.Condition()


def begin(node: str, call_id: str) -> None:
    """A call of this run of a node has begun."""
    with _changed:
        _of(node).begun.add(call_id)
        _changed.notify_all()


@contextmanager
def inside(node: str) -> Iterator[None]:
    """A thread is held, inside, by a call of this run of a node."""
    with _changed:
        calls = _of(node)
        calls.inside += 1
        _changed.notify_all()
    try:
        yield
    finally:
        with _changed:
            calls.inside -= 1
            calls.full = calls.full and calls.inside > 0


def wait_for_others(node: str, call_ids: Collection[str], threads: int) -> None:
    """Wait, within reason, until all of these have begun, or no thread is left on which another could."""
    with _changed:
        calls = _of(node)

        def may_stop() -> bool:
            calls.full = calls.full or calls.inside >= threads
            return calls.full or calls.begun.issuperset(call_ids)

        _changed.wait_for(may_stop, PATIENCE_SECONDS)


def _of(node: str) -> Calls:
    calls = _calls.setdefault(node, Calls())
    _calls.move_to_end(node)
    if len(_calls) > MOST_NODES:
        _calls.popitem(last=False)
    return calls

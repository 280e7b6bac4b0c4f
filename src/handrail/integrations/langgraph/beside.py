"""Calls of one turn that share a task: none of them stops the task while another is still at work.

On an event loop `ToolNode` gives up on the other calls as soon as one of them pauses, and a program that ends then
cuts an effect in half. On threads LangGraph waits for all of them by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


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

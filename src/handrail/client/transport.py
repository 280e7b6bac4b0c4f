"""The seam: answers steps, blocking or asynchronously. In process and over HTTP look the same from above."""

from __future__ import annotations

from typing import Any, Protocol

from handrail.client.steps import Await, AwaitEnd, Call, Finish, Start, Submit, TakeWake
from handrail.client.watch import Watch

Sent = Submit | Await | AwaitEnd | Start | Finish | TakeWake | Call


class Transport(Protocol):
    """One way to reach a control plane."""

    def send(self, step: Sent) -> Any:
        """Answer one step; blocks."""
        ...

    async def asend(self, step: Sent) -> Any:
        """Answer one step for an event loop."""
        ...

    def watch(self, actions: tuple[str, ...]) -> Watch:
        """Approved actions that wait for a worker, as they come."""
        ...

    def close(self) -> None: ...
    async def aclose(self) -> None: ...

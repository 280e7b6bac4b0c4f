"""A durable handle on something proposed: ask later, perhaps from another process."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Generic, Literal, TypeVar

from handrail.client import flows
from handrail.client.drive import adrive, drive
from handrail.client.steps import Answered, Await, Call
from handrail.client.transport import Transport
from handrail.decision import Decision

R = TypeVar("R")
Finish = Callable[[Decision], flows.Flow[Any]]


class Pending(Generic[R]):
    """A proposal that was made. `result` waits for the decision and, if approved, runs it once."""

    def __init__(self, transport: Transport, answered: Answered, finish: Finish):
        self._transport = transport
        self._finish = finish
        self._decision = answered.decision
        self.case_id = answered.case_id
        self.tier = answered.tier
        self.reasons = answered.reasons

    @property
    def status(self) -> Literal["open", "approved", "rejected", "responded", "redirected", "expired", "cancelled"]:
        """Where it stands now."""
        decision = self.decision(timeout=0)
        return "open" if decision is None else decision.kind

    def decision(self, timeout: float | None = None) -> Decision | None:
        """The decision; None if `timeout` seconds pass first."""
        if self._decision is None:
            self._decision = drive(_wait(self.case_id, timeout), self._transport)
        return self._decision

    async def adecision(self, timeout: float | None = None) -> Decision | None:
        """The same for an event loop."""
        if self._decision is None:
            self._decision = await adrive(_wait(self.case_id, timeout), self._transport)
        return self._decision

    def result(self, timeout: float | None = None) -> R:
        """What the action returned. Raises as a gated call does, and `TimeoutError` while nobody has decided."""
        made: R = drive(self._flow(timeout), self._transport)
        return made

    async def aresult(self, timeout: float | None = None) -> R:
        """The same for an event loop."""
        made: R = await adrive(self._flow(timeout), self._transport)
        return made

    def __await__(self) -> Generator[Any, Any, R]:
        return self.aresult().__await__()

    def cancel(self, reason: str = "withdrawn") -> None:
        """Take it back before anybody decides."""
        drive(_cancel(self.case_id, reason), self._transport)

    def __repr__(self) -> str:
        return f"Pending(case_id={self.case_id!r}, tier={self.tier!r})"

    def _flow(self, timeout: float | None) -> flows.Flow[Any]:
        decision = self._decision
        if decision is None:
            decision = yield from flows.decided(self.case_id, None, timeout=timeout)
            self._decision = decision
        return (yield from self._finish(decision))


def _wait(case_id: str, timeout: float | None) -> flows.Flow[Decision | None]:
    found: Decision | None = yield Await(case_id=case_id, timeout=timeout)
    return found


def _cancel(case_id: str, reason: str) -> flows.Flow[None]:
    yield Call(verb="cancel", arguments={"case_id": case_id, "reason": reason})

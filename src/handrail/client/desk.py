"""A reviewer's desk in code: what the console does, for scripts, tests and simulated reviewers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from handrail.canonical import JSON
from handrail.client.steps import Call
from handrail.client.taken import Taken, taken_from_json
from handrail.client.transport import Transport
from handrail.wire import claim_from_json


@dataclass(frozen=True, slots=True)
class Held:
    """A case this reviewer holds. Each method is one verdict; it raises what the server refuses."""

    case_id: str
    fence: int
    _desk: Desk

    def approve(self, **more: JSON) -> JSON:
        """Let it through as it is."""
        return self._desk.answer(self.case_id, "approve", fence=self.fence, **more)

    def edit(self, arguments: dict[str, JSON], **more: JSON) -> JSON:
        """Let it through with these arguments instead."""
        return self._desk.answer(self.case_id, "edit", fence=self.fence, arguments=arguments, **more)

    def reject(self, reason: str, **more: JSON) -> JSON:
        """Refuse it; the reason goes back to the program."""
        return self._desk.answer(self.case_id, "reject", fence=self.fence, reason=reason, **more)

    def respond(self, value: JSON, **more: JSON) -> JSON:
        """Give the answer oneself."""
        return self._desk.answer(self.case_id, "respond", fence=self.fence, value=value, **more)

    def redirect(self, instruction: str, **more: JSON) -> JSON:
        """Say what to do instead."""
        return self._desk.answer(self.case_id, "redirect", fence=self.fence, instruction=instruction, **more)

    def release(self) -> None:
        """Give it back to the queue."""
        self._desk.call("release", case_id=self.case_id, fence=self.fence)


class Desk:
    """The cases of one reviewer."""

    def __init__(self, transport: Transport):
        self._transport = transport

    def next(self, *queues: str) -> Held | None:
        """Take the next case, or None when there is nothing to take."""
        made = self.call("take_next", **({"queues": list(queues)} if queues else {}))
        return None if made is None else self._held(made)

    def take(self, case_id: str) -> Held:
        """Take this case."""
        return self._held(self.call("take", case_id=case_id))

    def answer(self, case_id: str, verdict: str, **given: Any) -> JSON:
        """Answer a case, claimed before (give `fence`) or not."""
        return self.call("answer", case_id=case_id, verdict=verdict, **given)

    def withdraw(self, review_id: str) -> None:
        """Take an answer back within its undo window."""
        self.call("withdraw", review_id=review_id)

    def escalate(self, case_id: str, reason: str) -> None:
        """Send a case up."""
        self.call("escalate", case_id=case_id, reason=reason)

    def take_over(self, case_id: str, *, seconds: int = 900) -> Taken:
        """Do a step oneself: no program carries it out meanwhile. Hand its result back, or give it back undone."""
        return taken_from_json(self.call("take_over", case_id=case_id, seconds=seconds), self._transport)

    async def atake_over(self, case_id: str, *, seconds: int = 900) -> Taken:
        """The same for an event loop."""
        return taken_from_json(await self.acall("take_over", case_id=case_id, seconds=seconds), self._transport)

    def settle(self, case_id: str, *, happened: bool, note: str = "") -> None:
        """Say whether an unknown effect happened."""
        self.call("settle", case_id=case_id, happened=happened, note=note)

    def call(self, verb: str, **arguments: Any) -> Any:
        """Any verb a reviewer has."""
        return self._transport.send(Call(verb=verb, arguments=arguments))

    async def acall(self, verb: str, **arguments: Any) -> Any:
        """The same for an event loop."""
        return await self._transport.asend(Call(verb=verb, arguments=arguments))

    def _held(self, made: Any) -> Held:
        claim = claim_from_json(made["claim"])
        return Held(claim.case_id, claim.fence, self)

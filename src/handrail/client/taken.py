"""A step that a person does himself: held by him, handed back with its result, or given back undone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handrail.canonical import JSON
from handrail.client.steps import Call
from handrail.client.transport import Transport
from handrail.clock import from_iso


@dataclass(frozen=True, slots=True)
class Taken:
    """The hold on a step. Until it ends nobody answers the case and no program carries it out."""

    case_id: str
    # `claim`: it waits for a decision; `execution`: it is approved, and this is its single use
    held: str
    fence: int
    # microseconds; then the case is free again, or what was begun is unknown and a person settles it
    expires_at: int
    action: str
    arguments: JSON
    _transport: Transport

    def hand_back(self, value: JSON = None, *, note: str | None = None) -> str:
        """Done: `value` is what the program gets. Raises `ClaimLost` when the hold is over."""
        return str(self._transport.send(self._done(value, note))["state"])

    def give_back(self) -> str:
        """Not done. An open case goes back to the queue; an approval is used up, and its call has failed."""
        return str(self._transport.send(self._undone())["state"])

    async def ahand_back(self, value: JSON = None, *, note: str | None = None) -> str:
        """The same for an event loop."""
        return str((await self._transport.asend(self._done(value, note)))["state"])

    async def agive_back(self) -> str:
        """The same for an event loop."""
        return str((await self._transport.asend(self._undone()))["state"])

    def _done(self, value: JSON, note: str | None) -> Call:
        given = {"case_id": self.case_id, "fence": self.fence, "value": value}
        return Call(verb="hand_back", arguments=given if note is None else given | {"note": note})

    def _undone(self) -> Call:
        return Call(verb="give_back", arguments={"case_id": self.case_id, "fence": self.fence})


def taken_from_json(data: Mapping[str, Any], transport: Transport) -> Taken:
    """The hold that a transport answered."""
    return Taken(
        data["case_id"], data["held"], data["fence"], from_iso(data["expires_at"]), data["action"], data["arguments"],
        transport,
    )  # fmt: skip

"""What a session waits for, read from its events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.adk.events import Event
from google.adk.sessions import Session
from google.genai import types

from handrail.integrations.adk.place import CONFIRMATION


@dataclass(frozen=True, slots=True)
class Pending:
    """A confirmation of ours that ADK asked for and has not used."""

    id: str
    case_id: str

    def answer(self, confirmed: bool) -> types.Part:
        """ADK's own form of a confirmation. It mirrors the decision; the tool reads it from handrail."""
        response = types.FunctionResponse(id=self.id, name=CONFIRMATION, response={"confirmed": confirmed})
        return types.Part(function_response=response)


def pending(session: Session) -> list[Pending]:
    """The confirmations that the last thing the user said leaves open, oldest first."""
    events = session.events
    begun = max((n for n, event in enumerate(events) if _is_said(event)), default=-1)
    return [found for n, event in enumerate(events) if n > begun for found in _asked(event, events[n + 1 :])]


def stalled_in(session: Session, turn: Any) -> str | None:
    """The parked invocation, if its last word are calls without results, or results that no model has answered."""
    last = next((event for event in reversed(session.events) if event.content), None)
    parked = next((event for event in session.events if event.id == turn), None)
    if last is None or parked is None or last.author == "user" or last.invocation_id != parked.invocation_id:
        return None
    return last.invocation_id if last.get_function_calls() or last.get_function_responses() else None


def is_said(content: types.Content | None) -> bool:
    """Whether a user's message begins something new, and does not only answer."""
    parts = (content.parts if content else None) or []
    return any(part.function_response is None for part in parts)


def _is_said(event: Event) -> bool:
    return event.author == "user" and is_said(event.content)


def _asked(event: Event, later: list[Event]) -> Iterator[Pending]:
    for call in event.get_function_calls():
        given: dict[str, Any] = call.args or {}
        case_id = ((given.get("toolConfirmation") or {}).get("payload") or {}).get("case_id")
        original = (given.get("originalFunctionCall") or {}).get("id")
        if call.name == CONFIRMATION and call.id and case_id and not _is_settled(original, case_id, later):
            yield Pending(call.id, case_id)


def _is_settled(original: Any, case_id: str, later: list[Event]) -> bool:
    """The call has a result that is not our notice of the pause."""
    return any(
        response.id == original and (response.response or {}).get("case_id") != case_id
        for event in later
        if event.author != "user"
        for response in event.get_function_responses()
    )

"""Where in a session a tool call stands: what names its run, its turn and its pause."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from google.adk.sessions import Session
from google.adk.tools.tool_context import ToolContext

from handrail.client.run import current_run
from handrail.errors import InvalidInput

FRAMEWORK = "adk"
CONFIRMATION = "adk_request_confirmation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One call's place. All of it is the same when the session is read in another process."""

    session: Session
    # the event in which the model made the call
    turn: str | None
    resumable: bool

    @property
    def run(self) -> str:
        return run_of(self.session)

    def call_id(self, given: str) -> str:
        """ADK's id, told apart from the same id in a later turn."""
        return given if self.turn is None else f"{given}@{self.turn}"

    def need_resumable(self) -> None:
        """Raise `InvalidInput` where the model would go on with a pending call."""
        if not self.resumable:
            raise InvalidInput(
                "a tool call cannot be parked: its app is not resumable",
                remedy="Make the App with resumability_config=ResumabilityConfig(is_resumable=True), or gate with "
                'wait="block".',
            )

    def state(self) -> bytes:
        """What a waker needs. Calls of one pause have the same."""
        run = current_run()
        made: dict[str, Any] = {
            "app": self.session.app_name, "user": self.session.user_id, "session": self.session.id, "turn": self.turn,
        }  # fmt: skip
        if run is not None:
            made["run"] = {"id": run.id, "agent": run.agent, "user": run.user, "budget": run.budget}
        return json.dumps(made, sort_keys=True).encode()


def place_of(context: ToolContext) -> Place:
    """Where this call is made."""
    events = reversed(context.session.events)
    made = (
        event for event in events if any(call.id == context.function_call_id for call in event.get_function_calls())
    )
    found = next(made, None)
    return Place(
        session=context.session, turn=None if found is None else found.id,
        # there is no public way to see whether an app is resumable
        resumable=context._invocation_context.is_resumable,
    )  # fmt: skip


def run_of(session: Session) -> str:
    """The session's id, which is one user's only, and so with a mark of whose it is."""
    whose = hashlib.sha256(json.dumps([session.app_name, session.user_id]).encode()).hexdigest()
    return f"{session.id}-{whose[:8]}"

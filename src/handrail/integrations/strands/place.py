"""Where in a session a tool call stands: what names its run, its turn and its pause."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from strands.types.tools import ToolUse

from handrail.client.client import Client
from handrail.client.run import current_run
from handrail.errors import InvalidInput

FRAMEWORK = "strands"
# of the names of our interrupts
PREFIX = "handrail:"
# Strands' own default; such an agent needs no name beside its session's
DEFAULT_AGENT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One call's place. All of it is the same when the session is restored in another process."""

    session: str | None
    agent_id: str
    # the message in which the model made the call; None for a call that no model made
    turn: str | None

    @property
    def run(self) -> str | None:
        if self.session is None:
            return None
        return self.session if self.agent_id == DEFAULT_AGENT else f"{self.session}/{self.agent_id}"

    def call_id(self, given: str) -> str:
        """The framework's id, told apart from the same id in a later turn."""
        return given if self.turn is None else f"{given}@{self.turn}"

    def need_session(self) -> None:
        """Raise `InvalidInput` where a pause would be lost with the process."""
        if self.session is None:
            raise InvalidInput(
                "a tool call cannot be parked: its agent has no session",
                remedy='Give the agent a session_manager, or gate with wait="block".',
            )

    def state(self) -> bytes:
        """What a waker needs. Calls of one pause have the same."""
        run = current_run()
        made: dict[str, Any] = {"session": self.session, "agent": self.agent_id, "turn": self.turn}
        if run is not None:
            made["run"] = {"id": run.id, "agent": run.agent, "user": run.user, "budget": run.budget}
        return json.dumps(made, sort_keys=True).encode()


def place_of(agent: Any, tool_use: ToolUse) -> Place:
    """Where this agent makes this call."""
    return Place(
        # there is no public way to see an agent's session
        session=getattr(getattr(agent, "_session_manager", None), "session_id", None),
        agent_id=agent.agent_id,
        turn=_turn(agent.messages, tool_use["toolUseId"]),
    )


def within(hr: Client, kept: dict[str, Any]) -> AbstractContextManager[Any]:
    """The `hr.run` in which the call was made, if there was one."""
    return hr.run(**kept["run"]) if kept.get("run") else nullcontext()


@dataclass(slots=True)
class Pause:
    """What a resumed run leaves behind: its pause and the open cases there. Its waker parks them when it stopped."""

    state: bytes | None = None
    cases: list[str] = field(default_factory=list)

    def add(self, state: bytes, case_id: str) -> None:
        if state != self.state:
            self.state, self.cases = state, []
        self.cases.append(case_id)


# set while a session is resumed here
resuming: ContextVar[Pause | None] = ContextVar("handrail_strands_resuming", default=None)


def _turn(messages: list[Any], tool_use_id: str) -> str | None:
    for message in reversed(messages):
        made = [content["toolUse"]["toolUseId"] for content in message["content"] if "toolUse" in content]
        if tool_use_id in made:
            # Strands gives each message of an agent an id and keeps it in the session
            return str(message.get("tracking_id", ""))
    return None

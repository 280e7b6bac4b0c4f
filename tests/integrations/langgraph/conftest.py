"""A control plane, and agents whose model says what it is told to say."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver

import handrail

POLICY = """
escalation_policies:
  - {action_type: pay, autonomy: confirm, undo_seconds: 0}
  - {action_type: delegate, autonomy: confirm, undo_seconds: 0}
  - {action_type: look, autonomy: full, undo_seconds: 0}
"""


class Says(GenericFakeChatModel):
    """Says these, one after another: lists of calls (name, arguments) or texts."""

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self


def says(*turns: Any) -> Says:
    made = []
    for turn in turns:
        if isinstance(turn, str):
            made.append(AIMessage(turn))
        else:
            calls = [{"name": name, "args": given, "id": f"c{n}"} for n, (name, given) in enumerate(turn, 1)]
            made.append(AIMessage("", tool_calls=calls))
    return Says(messages=itertools.chain(made, itertools.repeat(AIMessage("done"))))


class Talk:
    """A conversation on one thread."""

    def __init__(self, hr: handrail.Client, graph: Any, thread: str = "t"):
        self.hr = hr
        self.graph = graph
        self.config: Any = {"configurable": {"thread_id": thread}}

    def say(self, text: str = "go", **more: Any) -> Any:
        return self.graph.invoke({"messages": [HumanMessage(text)]}, self.config, **more)

    def told(self) -> list[ToolMessage]:
        found = self.graph.get_state(self.config).values["messages"]
        return [message for message in found if isinstance(message, ToolMessage)]

    def last(self) -> Any:
        return self.graph.get_state(self.config).values["messages"][-1]

    def arguments(self, case_id: str) -> Any:
        """What the case is about."""
        plane = self.hr.plane
        return plane.proposal(plane.workspace_id, case_id).record()["arguments"]

    def held(self) -> handrail.Held:
        """The next open case, in a reviewer's hands."""
        held = self.hr.desk("Ann").next()
        assert held is not None
        return held


@pytest.fixture
def hr(tmp_path: Path) -> Iterator[handrail.Client]:
    with handrail.open(tmp_path / "handrail.db", policy=POLICY) as client:
        yield client


@pytest.fixture
def talk(hr: handrail.Client) -> Callable[..., Talk]:
    """A conversation of an agent with these tools, whose model says these things."""

    def made(tools: list[Any], *turns: Any, thread: str = "t", saver: Any = None, **more: Any) -> Talk:
        graph = create_agent(says(*turns), tools, checkpointer=saver or InMemorySaver(), **more)
        return Talk(hr, graph, thread)

    return made

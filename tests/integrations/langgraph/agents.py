"""Agents of the tests: a model that says what its script says, whatever the thread went through."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import ToolRetryMiddleware
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from handrail.integrations import langgraph
from handrail.testing.conformance import REGULAR, Harness, Message, Script


class ScriptedModel(BaseChatModel):
    """Makes the calls of the turn that comes next, then says "done". New input ends the script."""

    turns: Any

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        said = sum(isinstance(message, AIMessage) for message in messages)
        over = said >= len(self.turns) or sum(isinstance(message, HumanMessage) for message in messages) > 1
        calls = [] if over else [_call(call) for call in self.turns[said]]
        message = AIMessage("done" if over else "", tool_calls=calls)
        return ChatResult(generations=[ChatGeneration(message=message)])


def _call(call: Any) -> dict[str, Any]:
    return {"name": call.tool, "args": call.arguments, "id": call.id, "type": "tool_call"}


class Agent(Harness):
    """`create_agent` over a SQLite checkpointer; its tools are wrapped by `gate`."""

    framework = "langgraph"
    packages = ("langgraph", "langchain", "langgraph-checkpoint-sqlite")

    def build(self, script: Script) -> Any:
        saver = self.saver(self.scene.folder / "threads.db")
        graph = self.graph(script, saver)
        self.waker = langgraph.waker(self.hr(script), graph, patience=5)
        graph.script = script
        return graph

    def saver(self, path: Path) -> Any:
        return SqliteSaver(sqlite3.connect(path, check_same_thread=False, timeout=30))

    def hr(self, script: Script) -> Any:
        return self.scene.client(script)

    def tools(self, script: Script) -> list[Any]:
        functions = self.scene.tools(script)
        bare = [function for name, function in functions.items() if name in script.unwrapped]
        wrapped = [function for name, function in functions.items() if name not in script.unwrapped]
        gated = langgraph.gate(
            self.hr(script),
            wrapped,
            terms=self.scene.terms(script),
        )
        return [*gated, *bare]

    def graph(self, script: Script, saver: Any) -> Any:
        middleware = [ToolRetryMiddleware(max_retries=2, initial_delay=0)] if script.retries else []
        return create_agent(
            ScriptedModel(turns=script.turns), self.tools(script), middleware=middleware, checkpointer=saver
        )

    def config(self, app: Any) -> Any:
        return {"configurable": {"thread_id": app.script.thread}}

    def run(self, app: Any) -> None:
        app.invoke({"messages": [HumanMessage("go")]}, self.config(app))

    def wake(self, app: Any, answer: Any = REGULAR) -> None:
        if answer is REGULAR:
            self.waker.step()
        else:
            app.invoke(Command(resume=answer), self.config(app))

    def seen(self, app: Any) -> Sequence[Message]:
        messages = app.get_state(self.config(app)).values.get("messages", [])
        return [Message(m.tool_call_id, m.text) for m in messages if isinstance(m, ToolMessage)]

    def added(self, app: Any) -> Any:
        return [interrupt.value for interrupt in app.get_state(self.config(app)).interrupts]

    def say(self, app: Any, text: str) -> None:
        app.invoke({"messages": [HumanMessage(text)]}, self.config(app))
        self.waker.sweep()

    def unwrapped(self, app: Any) -> Sequence[str]:
        return langgraph.ungated(list(app.nodes["tools"].bound.tools_by_name.values()))

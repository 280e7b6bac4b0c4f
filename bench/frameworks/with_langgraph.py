"""LangGraph: `create_agent` with its SQLite saver; its own pause is `interrupt` in the tool and `Command(resume=)`."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from interleaved import CALL, PAUSE, Effects, Pair, approve, control_plane, measure
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command, interrupt

from handrail.integrations.langgraph import gate, waker


class Fake(BaseChatModel):
    """Calls the tool that the user names, then says "done"."""

    _llm_type = "fake"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> ChatResult:
        if isinstance(messages[-1], ToolMessage):
            said = AIMessage("done")
        else:
            tool, text = messages[-1].content.split()
            given = {"text" if tool == "note" else "to": text}
            said = AIMessage("", tool_calls=[{"name": tool, "args": given, "id": "c1"}])
        return ChatResult(generations=[ChatGeneration(message=said)])


@asynccontextmanager
async def pairs(folder: Path, effects: Effects) -> AsyncIterator[list[Pair]]:
    def saver() -> SqliteSaver:
        # synchronous=FULL, as handrail; SQLite's own default
        connection = sqlite3.connect(folder / "threads.db", check_same_thread=False, timeout=30)
        connection.execute("PRAGMA synchronous=FULL")
        return SqliteSaver(connection)

    def pay(to: str) -> str:
        """Pay somebody."""
        interrupt({"pay": to})
        return effects.pay(to)

    kept = saver()
    bare = create_agent(Fake(), [effects.note, pay], checkpointer=kept)
    with control_plane(folder) as hr:
        gated = create_agent(Fake(), gate(hr, [effects.note, effects.pay]), checkpointer=kept)
        wake, approving = waker(hr, gated), approve(hr)

        def say(graph: Any, tool: str, name: str) -> None:
            graph.invoke({"messages": [("user", f"{tool} {name}")]}, {"configurable": {"thread_id": f"{tool}-{name}"}})

        def own(name: str) -> None:
            say(bare, "pay", name)
            bare.invoke(Command(resume=True), {"configurable": {"thread_id": f"pay-{name}"}})

        def ours(name: str) -> None:
            say(gated, "pay", name)
            approving()
            wake.step(10)

        yield [
            Pair(what=CALL, without=lambda name: say(bare, "note", name),
                 gated=lambda name: say(gated, "note", name), does="create_agent, SqliteSaver"),
            Pair(what=PAUSE, without=own, gated=ours, does="interrupt, SqliteSaver, Command(resume=)"),
        ]  # fmt: skip


if __name__ == "__main__":
    measure("langgraph", ("langgraph", "langchain", "langgraph-checkpoint-sqlite"), pairs)

"""Pydantic AI; its own pause is a deferred tool, the history in a file, and `DeferredToolResults`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from interleaved import CALL, PAUSE, Effects, Pair, approve, control_plane, kept, measure
from pydantic_ai import Agent, DeferredToolRequests, DeferredToolResults, Tool
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel

from handrail.integrations.pydantic_ai import Gate, run, waker


def scripted(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Calls the tool that the user names, then says "done"."""
    parts = [part for message in messages for part in message.parts]
    if any(isinstance(part, ToolReturnPart) for part in parts):
        return ModelResponse(parts=[TextPart("done")])
    tool, text = next(str(part.content) for part in parts if isinstance(part, UserPromptPart)).split()
    given = {"text" if tool == "note" else "to": text}
    return ModelResponse(parts=[ToolCallPart(tool, given, tool_call_id="c1")])


@asynccontextmanager
async def pairs(folder: Path, effects: Effects) -> AsyncIterator[list[Pair]]:
    model, output = FunctionModel(scripted), [str, DeferredToolRequests]
    note, pay = Tool(effects.note), Tool(effects.pay)
    asking = Tool(effects.pay, requires_approval=True)
    bare = Agent(model, output_type=output, tools=[note, asking])
    with control_plane(folder) as hr:
        gated = Agent(model, output_type=output, tools=[note, pay], capabilities=[Gate(hr)])
        approving, wake = approve(hr), waker(hr, gated)

        async def own_call(name: str) -> None:
            await bare.run(f"note {name}")

        async def our_call(name: str) -> None:
            await run(hr, gated, f"note {name}", run=f"note-{name}")

        async def own_pause(name: str) -> None:
            paused = await bare.run(f"pay {name}")
            text = kept(folder / f"{name}.json", paused.all_messages_json().decode())
            results = DeferredToolResults(approvals={call.tool_call_id: True for call in paused.output.approvals})
            await bare.run(
                message_history=ModelMessagesTypeAdapter.validate_json(text), deferred_tool_results=results
            )  # fmt: skip

        async def our_pause(name: str) -> None:
            await run(hr, gated, f"pay {name}", run=f"pay-{name}")
            approving()
            await wake.astep(10)

        yield [
            Pair(what=CALL, without=own_call, gated=our_call, does="agent.run"),
            Pair(what=PAUSE, without=own_pause, gated=our_pause, does="deferred tool, history in a synced file"),
        ]


if __name__ == "__main__":
    measure("pydantic-ai", ("pydantic-ai-slim",), pairs)

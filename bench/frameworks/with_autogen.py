"""AutoGen: one run of an assistant; it keeps nothing, so a call that needs a person waits inside the tool."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_core.tools import FunctionTool, StaticWorkbench, Workbench
from autogen_ext.models.replay import ReplayChatCompletionClient
from interleaved import CALL, PAUSE, Effects, Pair, control_plane, measure

from handrail.integrations.autogen import gate

MODEL = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)


def clerk(workbench: Workbench, tool: str, text: str) -> AssistantAgent:
    """Calls that tool, then says "done"."""
    given = json.dumps({"text" if tool == "note" else "to": text})
    call = CreateResult(
        content=[FunctionCall(id="c1", name=tool, arguments=given)], finish_reason="function_calls",
        usage=RequestUsage(prompt_tokens=0, completion_tokens=0), cached=False,
    )  # fmt: skip
    model = ReplayChatCompletionClient([call, "done"], model_info=MODEL)
    return AssistantAgent("clerk", model, workbench=[workbench], max_tool_iterations=2)


@asynccontextmanager
async def pairs(folder: Path, effects: Effects) -> AsyncIterator[list[Pair]]:
    tools = [FunctionTool(one, description=one.__doc__ or "") for one in (effects.note, effects.pay)]
    bare = StaticWorkbench(tools)
    with control_plane(folder) as hr:
        gated, desk = gate(hr, tools), hr.desk("Ann")

        async def call(workbench: Workbench, tool: str, name: str) -> Any:
            with hr.run(id=f"{tool}-{name}"):
                return await clerk(workbench, tool, name).run(task="begin")

        async def ours(name: str) -> None:
            running = asyncio.create_task(call(gated, "pay", name))
            while (held := desk.next()) is None:
                await asyncio.sleep(0.002)
            held.approve()
            await running

        yield [
            Pair(what=CALL, without=lambda name: call(bare, "note", name),
                 gated=lambda name: call(gated, "note", name), does="AssistantAgent.run"),
            Pair(what=PAUSE, without=None, gated=ours, does="nothing that outlives its process"),
        ]  # fmt: skip


if __name__ == "__main__":
    measure("autogen", ("autogen-agentchat",), pairs)

"""OpenAI Agents SDK; its own pause is `needs_approval`, the `RunState` in a file, and `approve`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agents import Agent, Runner, RunState, function_tool, set_tracing_disabled
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from interleaved import CALL, PAUSE, Effects, Pair, approve, control_plane, kept, measure

from handrail.integrations.openai_agents import gate, run, waker


def model() -> ScriptedModel:
    """Calls the tool that the user names, then says "done"."""

    def respond(request: Any) -> list[Any]:
        items = request.input if isinstance(request.input, list) else [{"content": request.input}]
        if any(item.get("type") == "function_call_output" for item in items):
            return [assistant_message("done")]
        tool, text = items[0]["content"].split()
        return [function_call(tool, {"text" if tool == "note" else "to": text}, call_id="c1")]

    return ScriptedModel([ModelStep.respond(respond)] * 2)


def agent(tools: list[Any]) -> Agent[None]:
    return Agent(name="clerk", model=model(), tools=tools)


@asynccontextmanager
async def pairs(folder: Path, effects: Effects) -> AsyncIterator[list[Pair]]:
    set_tracing_disabled(True)
    note, pay = function_tool(effects.note), function_tool(effects.pay)
    asking = function_tool(effects.pay, needs_approval=True)
    with control_plane(folder) as hr:
        gated = gate(hr, [note, pay])
        approving = approve(hr)

        async def own_call(name: str) -> None:
            await Runner.run(agent([note, pay]), f"note {name}")

        async def our_call(name: str) -> None:
            await run(hr, agent(gated), f"note {name}", run=f"note-{name}")

        async def own_pause(name: str) -> None:
            paused = await Runner.run(agent([note, asking]), f"pay {name}")
            text = kept(folder / f"{name}.json", json.dumps(paused.to_state().to_json()))
            # another process would make the agent anew
            again = agent([note, asking])
            state = await RunState.from_json(again, json.loads(text))
            for item in state.get_interruptions():
                state.approve(item)
            await Runner.run(again, state)

        async def our_pause(name: str) -> None:
            await run(hr, agent(gated), f"pay {name}", run=f"pay-{name}")
            approving()
            await waker(hr, agent(gated)).astep(10)

        yield [
            Pair(what=CALL, without=own_call, gated=our_call, does="Runner.run"),
            Pair(what=PAUSE, without=own_pause, gated=our_pause, does="needs_approval, RunState in a synced file"),
        ]


if __name__ == "__main__":
    measure("openai-agents", ("openai-agents",), pairs)

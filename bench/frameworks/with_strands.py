"""Strands with its session in files; its own pause is `interrupt` in a hook before the call, and its answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from interleaved import CALL, PAUSE, Effects, Pair, approve, control_plane, measure
from strands import Agent, tool
from strands.hooks import BeforeToolCallEvent
from strands.models import Model
from strands.session.file_session_manager import FileSessionManager

from handrail.integrations.strands import gate, waker


class Fake(Model):
    """Calls the tool that the user names, then says "done"."""

    def update_config(self, **model_config: Any) -> None: ...

    def get_config(self) -> dict[str, Any]:
        return {}

    def structured_output(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError

    async def stream(self, messages: Any, *args: Any, **kwargs: Any) -> AsyncIterable[Any]:
        yield {"messageStart": {"role": "assistant"}}
        if any("toolResult" in part for message in messages for part in message["content"]):
            yield {"contentBlockStart": {"start": {}}}
            yield {"contentBlockDelta": {"delta": {"text": "done"}}}
        else:
            name, text = messages[0]["content"][0]["text"].split()
            given = json.dumps({"text" if name == "note" else "to": text})
            yield {"contentBlockStart": {"start": {"toolUse": {"toolUseId": "c1", "name": name}}}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": given}}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn" if len(messages) > 1 else "tool_use"}}


@asynccontextmanager
async def pairs(folder: Path, effects: Effects) -> AsyncIterator[list[Pair]]:
    bare = [tool(effects.note), tool(effects.pay)]

    def agent(tools: list[Any], session: str, *hooks: Any) -> Agent:
        sessions = FileSessionManager(session, storage_dir=str(folder / "sessions"))
        return Agent(
            model=Fake(), tools=tools, callback_handler=None, agent_id="a", session_manager=sessions, hooks=list(hooks)
        )

    class Asks:
        def register_hooks(self, registry: Any, **_: Any) -> None:
            registry.add_callback(BeforeToolCallEvent, lambda event: event.interrupt("pay", reason="pay"))

    with control_plane(folder) as hr:
        gated = gate(hr, [effects.note, effects.pay])
        wake, approving = waker(hr, lambda session, agent_id: agent(gated, session)), approve(hr)

        async def own(name: str) -> None:
            asked = await agent(bare, f"own-{name}", Asks()).invoke_async(f"pay {name}")
            answers = [{"interruptResponse": {"interruptId": one.id, "response": True}} for one in asked.interrupts]
            # another process would restore the session
            await agent(bare, f"own-{name}", Asks()).invoke_async(answers)

        async def ours(name: str) -> None:
            await agent(gated, f"our-{name}").invoke_async(f"pay {name}")
            approving()
            await wake.astep(10)

        yield [
            Pair(what=CALL, without=lambda name: agent(bare, f"own-note-{name}").invoke_async(f"note {name}"),
                 gated=lambda name: agent(gated, f"our-note-{name}").invoke_async(f"note {name}"),
                 does="FileSessionManager"),
            Pair(what=PAUSE, without=own, gated=ours, does="interrupt in a hook, FileSessionManager"),
        ]  # fmt: skip


if __name__ == "__main__":
    measure("strands", ("strands-agents",), pairs)

"""Microsoft Agent Framework; its own pause is `approval_mode`, the session in a file, and an approval response."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agent_framework import (
    Agent,
    AgentSession,
    BaseChatClient,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    Message,
    tool,
)
from interleaved import CALL, PAUSE, Effects, Pair, approve, control_plane, kept, measure

from handrail.integrations.agent_framework import gate, run, waker


class Fake(FunctionInvocationLayer, BaseChatClient):
    """Calls the tool that the user names, then says "done"."""

    async def _inner_get_response(self, *, messages: Sequence[Message], stream: bool, **_: Any) -> Any:
        if any(content.type == "function_result" for message in messages for content in message.contents):
            return ChatResponse(messages=[Message(role="assistant", contents=["done"])])
        name, text = next(message.text for message in messages if message.text).split()
        given = json.dumps({"text" if name == "note" else "to": text})
        call = Content.from_function_call(call_id="c1", name=name, arguments=given)
        return ChatResponse(messages=[Message(role="assistant", contents=[call])])


@asynccontextmanager
async def pairs(folder: Path, effects: Effects) -> AsyncIterator[list[Pair]]:
    asking = tool(effects.pay, approval_mode="always_require")
    bare = Agent(client=Fake(), tools=[tool(effects.note), asking])
    with control_plane(folder) as hr:
        gated = Agent(client=Fake(), tools=gate(hr, [tool(effects.note), tool(effects.pay)]))
        wake, approving = waker(hr, gated), approve(hr)

        async def own_pause(name: str) -> None:
            session = AgentSession(session_id=name)
            asked = await bare.run(f"pay {name}", session=session)
            text = kept(folder / f"{name}.json", json.dumps(session.to_dict()))
            answers = [request.to_function_approval_response(True) for request in asked.user_input_requests]
            again = AgentSession.from_dict(json.loads(text))
            await bare.run(Message(role="user", contents=answers), session=again)

        async def our_pause(name: str) -> None:
            await run(hr, gated, f"pay {name}", session=AgentSession(session_id=name))
            approving()
            await wake.astep(10)

        yield [
            Pair(what=CALL, without=lambda name: bare.run(f"note {name}", session=AgentSession(session_id=name)),
                 gated=lambda name: run(hr, gated, f"note {name}", session=AgentSession(session_id=name)),
                 does="agent.run"),
            Pair(what=PAUSE, without=own_pause, gated=our_pause, does="approval_mode, session in a synced file"),
        ]  # fmt: skip


if __name__ == "__main__":
    measure("agent-framework", ("agent-framework-core",), pairs)

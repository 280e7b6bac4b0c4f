"""Google ADK with its sessions in SQLite; its own pause is `require_confirmation`, and the confirmation's answer."""

from __future__ import annotations

import logging
import warnings
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from google.adk.agents import LlmAgent
from google.adk.apps import App, ResumabilityConfig
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import Runner
from google.adk.sessions.sqlite_session_service import SqliteSessionService
from google.adk.tools.function_tool import FunctionTool
from google.genai import types
from interleaved import CALL, PAUSE, Effects, Pair, approve, control_plane, measure

from handrail.integrations.adk import gate, plugin, waker
from handrail.integrations.adk.place import CONFIRMATION

warnings.filterwarnings("ignore", message=".*EXPERIMENTAL.*")
logging.disable(logging.WARNING)
USER = "ann"


class Fake(BaseLlm):
    """Calls the tool that the user names, then says "done"."""

    async def generate_content_async(self, llm_request: Any, stream: bool = False) -> AsyncGenerator[LlmResponse, None]:
        parts = [part for content in llm_request.contents for part in content.parts or []]
        if any(part.function_response for part in parts):
            said = types.Part(text="done")
        else:
            name, text = parts[0].text.split()
            given = {"text" if name == "note" else "to": text}
            said = types.Part(function_call=types.FunctionCall(id="c1", name=name, args=given))
        yield LlmResponse(content=types.Content(role="model", parts=[said]))


@asynccontextmanager
async def pairs(folder: Path, effects: Effects) -> AsyncIterator[list[Pair]]:
    sessions = SqliteSessionService(str(folder / "sessions.db"))

    def runner(tools: list[Any], *plugins: Any) -> Runner:
        agent = LlmAgent(name="clerk", model=Fake(model="fake"), tools=tools)
        resumable = ResumabilityConfig(is_resumable=True)
        app = App(name="shop", root_agent=agent, plugins=list(plugins), resumability_config=resumable)
        return Runner(app=app, session_service=sessions)

    async def say(runner: Runner, session: str, *parts: types.Part) -> list[Any]:
        if parts[0].text:
            await sessions.create_session(app_name="shop", user_id=USER, session_id=session)
        message = types.Content(role="user", parts=list(parts))
        return [event async for event in runner.run_async(user_id=USER, session_id=session, new_message=message)]

    bare = runner([effects.note, FunctionTool(effects.pay, require_confirmation=True)])
    with control_plane(folder) as hr:
        gated = runner(gate(hr, [effects.note, effects.pay]), plugin(hr))
        wake, approving = waker(hr, gated), approve(hr)

        async def own_pause(name: str) -> None:
            events = await say(bare, f"own-{name}", types.Part(text=f"pay {name}"))
            asked = [call for event in events for call in event.get_function_calls() if call.name == CONFIRMATION]
            yes = types.FunctionResponse(id=asked[0].id, name=CONFIRMATION, response={"confirmed": True})
            await say(bare, f"own-{name}", types.Part(function_response=yes))

        async def our_pause(name: str) -> None:
            await say(gated, f"our-{name}", types.Part(text=f"pay {name}"))
            approving()
            await wake.astep(10)

        yield [
            Pair(what=CALL, without=lambda name: say(bare, f"n-{name}", types.Part(text=f"note {name}")),
                 gated=lambda name: say(gated, f"g-{name}", types.Part(text=f"note {name}")),
                 does="Runner, SqliteSessionService"),
            Pair(what=PAUSE, without=own_pause, gated=our_pause, does="require_confirmation, SqliteSessionService"),
        ]  # fmt: skip


if __name__ == "__main__":
    measure("adk", ("google-adk",), pairs)

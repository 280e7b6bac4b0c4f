"""A concierge that writes to guests: a person reads each letter first, and changes it.

pip install "handrail[adk]"
python examples/adk_concierge.py --auto    a scripted reviewer answers, and a scripted model writes
python examples/adk_concierge.py           you answer: `handrail serve --database concierge.db` elsewhere
"""

from __future__ import annotations

import argparse
import asyncio
import warnings
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from google.adk.agents import LlmAgent
from google.adk.apps import App, ResumabilityConfig
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import Runner
from google.adk.sessions.sqlite_session_service import SqliteSessionService
from google.genai import types

import handrail
from handrail.integrations.adk import gate, plugin, waker

POLICY = """
escalation_policies:
  - {action_type: write, autonomy: confirm, undo_seconds: 0}
"""
LETTERS = {"Ann": "Rooms are free."}
WHO = {"user_id": "desk", "session_id": "letters-7"}


def write(guest: str, text: str) -> str:
    """Write to a guest."""
    print(f"{guest}: {text}")
    return "sent"


class Scripted(BaseLlm):
    """Writes all letters at once, then ends."""

    async def generate_content_async(self, llm_request: Any, stream: bool = False) -> AsyncGenerator[LlmResponse, None]:
        told = any(part.function_response for content in llm_request.contents for part in content.parts)
        calls = [types.FunctionCall(id=g, name="write", args={"guest": g, "text": t}) for g, t in LETTERS.items()]
        parts = [types.Part(text="Done.")] if told else [types.Part(function_call=call) for call in calls]
        yield LlmResponse(content=types.Content(role="model", parts=parts))


async def converse(hr: handrail.Client, sessions: str, auto: bool) -> None:
    agent = LlmAgent(name="concierge", model=Scripted(model="scripted"), tools=gate(hr, [write]))
    resumable = ResumabilityConfig(is_resumable=True)
    app = App(name="hotel", root_agent=agent, plugins=[plugin(hr)], resumability_config=resumable)
    runner = Runner(app=app, session_service=SqliteSessionService(sessions))
    await runner.session_service.create_session(app_name="hotel", **WHO)
    async for _ in runner.run_async(**WHO, new_message=types.UserContent("Answer the letters.")):
        pass
    if auto:
        hr.desk("Asha").next().edit({"guest": "Ann", "text": "Two rooms are free from Monday."})
    wake = waker(hr, runner)
    while hr.parks():
        await wake.astep(timeout=60)


def main() -> None:
    parser = argparse.ArgumentParser(description="An agent that writes to guests.")
    parser.add_argument("--auto", action="store_true", help="let a scripted reviewer answer")
    parser.add_argument("--database", default="concierge.db")
    given = parser.parse_args()
    warnings.filterwarnings("ignore", message=".*EXPERIMENTAL.*")
    with handrail.open(given.database, policy=POLICY) as hr:
        asyncio.run(converse(hr, str(Path(given.database).with_suffix(".sessions")), given.auto))


if __name__ == "__main__":
    main()

"""An agent of Pydantic AI for the conformance list: a scripted model, gated tools."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic_ai import Agent, AgentRunResult, DeferredToolRequests, DeferredToolResults, FunctionToolset, ToolApproved
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    RetryPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models.function import AgentInfo, FunctionModel

from handrail.canonical import JSON
from handrail.integrations.pydantic_ai import FRAMEWORK, gate, run, ungated, waker
from handrail.integrations.pydantic_ai.gating import Wait
from handrail.testing.conformance import REGULAR, Harness, Message, Scene, Script
from handrail.testing.conformance.scene import read_json, write_json

APPROVING = ("approve", "approve with arguments")


class App:
    """The agent of a script; its history, and what its run waits for, stand in files."""

    def __init__(self, scene: Scene, script: Script, *, wait: Wait = "park"):
        self.script = script
        self.hr = scene.client(script)
        tools = scene.tools(script)
        bare = [tools.pop(name) for name in script.unwrapped if name in tools]
        inner: FunctionToolset[None] = FunctionToolset(list(tools.values()), max_retries=3 if script.retries else 0)
        self.agent: Agent[None, Any] = Agent(
            scripted(script), toolsets=[gate(self.hr, inner, wait=wait, terms=scene.terms(script))], tools=bare,
            output_type=[str, DeferredToolRequests],
        )  # fmt: skip
        self._history = scene.folder / f"history-{script.thread}"
        self._requests = scene.folder / f"requests-{script.thread}"

    def keep(self, result: AgentRunResult[Any]) -> None:
        """What the framework itself would hand to whoever goes on."""
        write_json(self._history, json.loads(result.all_messages_json()))
        output = result.output
        waiting = output if isinstance(output, DeferredToolRequests) else DeferredToolRequests()
        write_json(self._requests, {"approvals": [c.tool_call_id for c in waiting.approvals], "is": waiting.metadata})

    def history(self) -> list[ModelMessage]:
        return ModelMessagesTypeAdapter.validate_python(read_json(self._history, []))

    def requests(self) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self._requests, {"approvals": [], "is": {}})
        return found

    def told(self) -> list[Message]:
        return [
            Message(part.tool_call_id, str(part.content))
            for message in self.history()
            if isinstance(message, ModelRequest)
            for part in message.parts
            if isinstance(part, ToolReturnPart | RetryPromptPart)
        ]


class PydanticAI(Harness):
    """Runs are parked with their history and woken by `waker`."""

    framework = FRAMEWORK
    packages = ("pydantic-ai-slim",)

    def build(self, script: Script) -> App:
        return App(self.scene, script)

    def run(self, app: App) -> None:
        app.keep(asyncio.run(run(app.hr, app.agent, "begin", run=app.script.thread)))

    def wake(self, app: App, answer: Any = REGULAR) -> None:
        if answer is not REGULAR:
            asyncio.run(self.answer(app, answer))
            return
        waker(app.hr, app.agent, run=app.script.thread, then=lambda run, result: app.keep(result)).step()

    async def answer(self, app: App, answer: Any, history: list[ModelMessage] | None = None) -> None:
        """Straight to the framework: the history that it gave out, with this answer to each of its calls."""
        approval = {"approve": True, "approve with arguments": ToolApproved(override_args={"to": "A9", "amount": 9})}
        given = answer if not isinstance(answer, str) else approval.get(answer, answer)
        results: Any = DeferredToolResults(approvals=dict.fromkeys(app.requests()["approvals"], given))
        await app.agent.run(
            message_history=history or app.history(), deferred_tool_results=results, conversation_id=app.script.thread
        )

    def seen(self, app: App) -> Sequence[Message]:
        return app.told()

    def added(self, app: App) -> JSON:
        found: JSON = app.requests()["is"]
        return found

    def say(self, app: App, text: str) -> None:
        quiet = Agent(FunctionModel(lambda messages, info: ModelResponse(parts=[TextPart("well")])))
        asyncio.run(run(app.hr, quiet, text, run=app.script.thread))

    def approving(self, app: Any) -> Sequence[Any]:
        return APPROVING

    def always(self, app: App) -> None:
        # there is no such thing as "always": the nearest is to approve again and again
        with suppress(UserError):
            asyncio.run(self.answer(app, "approve"))
        self.wake(app)

    def attacks(self) -> Mapping[str, Callable[[App], object]]:
        return {
            "approve the history": lambda app: asyncio.run(self.answer(app, "approve")),
            "approve with other arguments": lambda app: asyncio.run(self.answer(app, "approve with arguments")),
            "approve an edited history": lambda app: asyncio.run(self._edited(app)),
        }

    def tamperings(self) -> Mapping[str, Callable[[App], object]]:
        return {
            "another amount in the history": lambda app: asyncio.run(self._edited(app)),
            "override_args": lambda app: asyncio.run(self.answer(app, "approve with arguments")),
        }

    async def _edited(self, app: App) -> None:
        history = app.history()
        for part in history[-1].parts:
            if isinstance(part, ToolCallPart):
                part.args = {**part.args_as_dict(), "amount": 5_000_000}
        await self.answer(app, "approve", history)

    def unwrapped(self, app: App) -> Sequence[str]:
        return ungated(app.agent)


class PydanticAIBlocking(PydanticAI):
    """Calls wait inside the toolset."""

    framework = f"{FRAMEWORK}-blocking"
    blocks = True

    def build(self, script: Script) -> App:
        return App(self.scene, script, wait="block")

    def wake(self, app: App, answer: Any = REGULAR) -> None:
        # a program that was killed while it waited is begun again
        self.run(app)


def scripted(script: Script) -> FunctionModel:
    """Answers by what it is asked, so that any process can go on with the conversation."""

    def respond(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        told = sum(
            isinstance(part, ToolReturnPart | RetryPromptPart)
            for message in messages
            if isinstance(message, ModelRequest)
            for part in message.parts
        )
        for turn in script.turns:
            if told <= 0:
                return ModelResponse(
                    parts=[ToolCallPart(call.tool, dict(call.arguments), tool_call_id=call.id) for call in turn]
                )
            told -= len(turn)
        return ModelResponse(parts=[TextPart("done")])

    return FunctionModel(respond)

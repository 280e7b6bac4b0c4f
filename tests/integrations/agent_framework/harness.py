"""An agent of Microsoft Agent Framework for the conformance list: a scripted chat client, gated function tools."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from agent_framework import (
    Agent,
    AgentSession,
    BaseChatClient,
    ChatResponse,
    ChatResponseUpdate,
    Content,
    FunctionInvocationLayer,
    Message,
    MiddlewareFailure,
    ToolApprovalMiddleware,
    create_always_approve_tool_response,
    tool,
)

from handrail.canonical import JSON
from handrail.integrations.agent_framework import FRAMEWORK, gate, run, ungated, waker
from handrail.integrations.agent_framework.gating import Occurrences
from handrail.testing.conformance import REGULAR, Harness, Scene, Script
from handrail.testing.conformance import Message as Seen
from handrail.testing.conformance.scene import read_json, write_json


class Scripted(FunctionInvocationLayer, BaseChatClient):  # type: ignore[misc]
    """Answers by what it is asked, so that any process can go on with the conversation."""

    def __init__(self, script: Script):
        super().__init__()
        self._script = script

    def _inner_get_response(self, *, messages: Sequence[Message], stream: bool, **_: Any) -> Any:
        answer = self._answer(messages)
        if not stream:
            return answer

        async def updates() -> AsyncIterator[ChatResponseUpdate]:
            for message in (await answer).messages:
                yield ChatResponseUpdate(role=message.role, contents=message.contents)

        return self._build_response_stream(updates())

    async def _answer(self, messages: Sequence[Message]) -> ChatResponse[Any]:
        told = sum(content.type == "function_result" for message in messages for content in message.contents)
        for turn in self._script.turns:
            if told <= 0:
                calls: list[Any] = [
                    Content.from_function_call(call_id=call.id, name=call.tool, arguments=json.dumps(call.arguments))
                    for call in turn
                ]
                return ChatResponse(messages=[Message(role="assistant", contents=calls)])
            told -= len(turn)
        return ChatResponse(messages=[Message(role="assistant", contents=["done"])])


class App:
    """The agent of a script; its session, as the framework itself would give it out, stands in a file."""

    def __init__(self, scene: Scene, script: Script, *, wait: Any = "park", middleware: Sequence[Any] = ()):
        self.script = script
        self.hr = scene.client(script)
        tools = {name: tool(made) for name, made in scene.tools(script).items()}
        bare = [tools.pop(name) for name in script.unwrapped if name in tools]
        gated = gate(self.hr, list(tools.values()), wait=wait, terms=scene.terms(script))
        self.agent = Agent(client=Scripted(script), tools=[*gated, *bare], middleware=list(middleware))
        self._session = scene.folder / f"session-{script.thread}"

    def keep(self, session: AgentSession) -> None:
        write_json(self._session, session.to_dict())

    def session(self, change: Callable[[str], str] = str) -> AgentSession:
        kept = read_json(self._session, None)
        if kept is None:
            return AgentSession(session_id=self.script.thread)
        return AgentSession.from_dict(json.loads(change(json.dumps(kept))))

    def messages(self) -> list[Message]:
        return list(self.session().state.get("in_memory", {}).get("messages", []))

    def requests(self, session: AgentSession) -> list[Content]:
        pending = session.state.get("tool_approval", {}).get("pending_approval_requests", [])
        return [Content.from_dict(each) if isinstance(each, dict) else each for each in pending]


class AgentFramework(Harness):
    """Runs are parked with their session and woken by `waker`."""

    framework = FRAMEWORK
    packages = ("agent-framework-core",)

    def build(self, script: Script) -> App:
        return App(self.scene, script)

    def run(self, app: App) -> None:
        asyncio.run(self._run(app, "begin"))

    async def _run(self, app: App, text: str) -> None:
        session = app.session()
        await run(app.hr, app.agent, text, session=session)
        app.keep(session)

    def wake(self, app: App, answer: Any = REGULAR) -> None:
        if answer is not REGULAR:
            asyncio.run(self.answer(app, answer))
            return
        one = waker(app.hr, app.agent, run=app.script.thread, then=lambda run, response, session: app.keep(session))
        one.step()

    async def answer(self, app: App, answer: Any, change: Callable[[str], str] = str) -> None:
        """Straight to the framework: the session that it gave out, with this answer to each of its calls."""
        session = app.session(change)
        contents: list[Any] = []
        for request in app.requests(session):
            if answer == "always":
                contents.append(create_always_approve_tool_response(request))
            elif answer == "approve":
                contents.append(request.to_function_approval_response(True))
            else:
                contents.append(request.to_function_approval_response(answer))
        with app.hr.run(id=app.script.thread):
            await app.agent.run(
                Message(role="user", contents=contents), session=session, middleware=[Occurrences()]
            )  # fmt: skip

    def seen(self, app: App) -> Sequence[Seen]:
        return [
            Seen(str(content.call_id), str(content.result))
            for message in app.messages()
            for content in message.contents
            if content.type == "function_result"
        ]

    def added(self, app: App) -> JSON:
        # the session is the framework's own: nothing of ours is in it, what waits is named beside it
        assert "handrail" not in json.dumps(app.session().to_dict())
        return [{"park": park.id, "run": park.run} for park in app.hr.parks()] + [
            {"case_id": case.id} for case in self.scene.open_cases()
        ]

    def say(self, app: App, text: str) -> None:
        asyncio.run(self._run(App(self.scene, Script(turns=(), thread=app.script.thread)), text))

    def approving(self, app: Any) -> Sequence[Any]:
        return ("approve", "always")

    def always(self, app: App) -> None:
        # with the framework's standing rules switched on: the next call comes without a request, and ends the run
        standing = App(self.scene, app.script, middleware=[ToolApprovalMiddleware()])
        with suppress(MiddlewareFailure):
            asyncio.run(self.answer(standing, "always"))

    def attacks(self) -> Mapping[str, Callable[[App], object]]:
        return {
            "approve the snapshot": lambda app: asyncio.run(self.answer(app, "approve")),
            "approve the tool for ever": self.always,
            "run the tool by hand": lambda app: asyncio.run(
                app.agent.default_options["tools"][0].invoke(arguments={"to": "A0", "amount": 5}, tool_call_id="c1")
            ),
        }

    def tamperings(self) -> Mapping[str, Callable[[App], object]]:
        def altered(app: App) -> None:
            asyncio.run(self.answer(app, "approve", lambda text: text.replace('\\"amount\\": 5', '\\"amount\\": 5000')))

        return {"another amount in the session": altered}

    def unwrapped(self, app: App) -> Sequence[str]:
        return ungated(app.agent)


class AgentFrameworkBlocking(AgentFramework):
    """Calls wait inside the tools."""

    framework = f"{FRAMEWORK}-blocking"
    blocks = True

    def build(self, script: Script) -> App:
        return App(self.scene, script, wait="block")

    def wake(self, app: App, answer: Any = REGULAR) -> None:
        # a program that was killed while it waited is begun again
        self.run(app)

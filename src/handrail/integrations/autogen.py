"""AutoGen: a workbench whose tools ask before they act, and a person as a user proxy.

A gated call waits inside the tool, for AutoGen keeps nothing of a run before its end. Nothing but a cancellation ever
leaves `call_tool`: an exception there would hang the run.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, Literal
from uuid import uuid4

from autogen_agentchat.agents import AssistantAgent, UserProxyAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage
from autogen_core import CancellationToken
from autogen_core.tools import BaseTool, FunctionTool, StaticWorkbench, TextResultContent, ToolResult, ToolSchema
from autogen_core.tools import Workbench as AnyWorkbench

from handrail.canonical import JSON
from handrail.client.client import Client
from handrail.client.run import current_run
from handrail.client.terms import Computed
from handrail.client.toolcall import Told, ToolCall, ToolGate, quoted
from handrail.errors import InvalidInput, Redirected

FRAMEWORK = "autogen"


def gate(
    hr: Client, tools: AnyWorkbench | Sequence[BaseTool[Any, Any] | Callable[..., Any]], *,
    wait: Literal["block"] = "block", terms: Mapping[str, Mapping[str, Computed]] | None = None,
    agent: str | None = None, **says: Computed,
) -> GatedWorkbench:  # fmt: skip
    """The same tools, gated, as a workbench: `AssistantAgent(..., workbench=gate(hr, tools))`.

    `tools` is what AutoGen takes as `tools=`, or a workbench such as that of an MCP server. `terms` and `says` are
    those of `ToolGate`. A call waits until it is decided; AutoGen has nothing that could be parked meanwhile.
    """
    if wait != "block":
        raise InvalidInput("AutoGen keeps nothing of a run that is paused in a tool", remedy='Use wait="block".')
    inner = tools if isinstance(tools, AnyWorkbench) else StaticWorkbench([_tool(tool) for tool in tools])
    return GatedWorkbench(ToolGate(hr, terms=terms, agent=agent, comes_back=False, **says), inner)


def ungated(agent: AssistantAgent) -> list[str]:
    """The workbenches of this agent that are not gated: their tools by name, or their class where those come later."""
    found: list[str] = []
    # there is no public way to look at an agent's workbenches
    for workbench in agent._workbench:
        if isinstance(workbench, StaticWorkbench):
            found += [tool.name for tool in workbench._tools]
        elif not isinstance(workbench, GatedWorkbench):
            found.append(type(workbench).__name__)
    return found


class GatedWorkbench(AnyWorkbench):
    """The tools of another workbench, under their names and schemas. Made by `gate`."""

    component_type = "workbench"

    def __init__(self, gate: ToolGate, inner: AnyWorkbench):
        self._gate = gate
        self._inner = inner
        self._schemas: dict[str, ToolSchema] = {}
        # of calls outside any `hr.run(id=…)`: AutoGen has no id that outlives the process
        self._run = f"{FRAMEWORK}-{uuid4()}"
        # some providers give the same id again in a later turn
        self._calls: Counter[tuple[str, str]] = Counter()

    async def list_tools(self) -> list[ToolSchema]:
        """As the inner workbench says."""
        found = await self._inner.list_tools()
        self._schemas = {tool["name"]: tool for tool in found}
        return found

    async def call_tool(
        self, name: str, arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None, call_id: str | None = None,
    ) -> ToolResult:  # fmt: skip
        """Propose the call, wait, and run it once if it is approved. Whatever fails comes back as an error result."""
        token = cancellation_token or CancellationToken()
        try:
            call = await self._call(name, dict(arguments or {}), token, call_id)
            waiting = asyncio.ensure_future(self._gate.atell(call, wait=None))
            token.link_future(waiting)
            return _result(name, await waiting)
        except asyncio.CancelledError:
            here = asyncio.current_task()
            if here is not None and here.cancelling():
                raise
            # it was the token and not this coroutine: the agent still waits for a result of this call
            return _error(name, "[handrail] The run was cancelled; what was not started will not run.")
        except Exception as error:
            return _error(name, f"[handrail] Not executed: {quoted(str(error))}.")

    async def _call(
        self, name: str, arguments: dict[str, Any], token: CancellationToken, given: str | None
    ) -> ToolCall:
        if name not in self._schemas:
            await self.list_tools()
        if name not in self._schemas:
            raise InvalidInput(f"there is no tool {name}")
        schema: Any = self._schemas[name].get("parameters", {"type": "object"})

        async def act(**stored: JSON) -> ToolResult:
            result = await self._inner.call_tool(name, stored, token, given)
            if result.is_error:
                # the tool raised after who knows what: a person settles whether it took effect
                raise RuntimeError(result.to_text(replace_image="[image]"))
            return result

        return ToolCall(
            name=name, arguments=arguments, call_id=self._place(given), function=act, run=self._run, schema=schema,
            dump_result=lambda result: result.model_dump(mode="json"), load_result=lambda kept: kept,
        )  # fmt: skip

    def _place(self, given: str | None) -> str:
        if given is None:
            return str(uuid4())
        run = current_run()
        counted = (self._run if run is None else run.id, given)
        self._calls[counted] += 1
        return given if self._calls[counted] == 1 else f"{given}#{self._calls[counted]}"

    async def start(self) -> None:
        """As the inner workbench does."""
        await self._inner.start()

    async def stop(self) -> None:
        """As the inner workbench does."""
        await self._inner.stop()

    async def reset(self) -> None:
        """As the inner workbench does."""
        await self._inner.reset()

    async def save_state(self) -> Mapping[str, Any]:
        """That of the inner workbench."""
        return await self._inner.save_state()

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Into the inner workbench."""
        await self._inner.load_state(state)


class Person(UserProxyAgent):
    """A user proxy behind which people answer in handrail: the question is the last thing that was said.

    AutoGen's own prompt says only "Enter your response". `to` is a role (`role:finance`), `within` a time (`2h`). When
    nobody answers, that is what the other agents read.
    """

    def __init__(
        self, name: str, hr: Client, *, to: str | None = None, within: str | float | None = None,
        description: str = "A person who answers questions",
    ):  # fmt: skip
        super().__init__(name, description=description, input_func=self._answer)
        self._hr, self._to, self._within = hr, to, within
        self._question = ""

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        """As the user proxy does."""
        self._question = messages[-1].to_text() if messages else ""
        async for event in super().on_messages_stream(messages, cancellation_token):
            yield event

    async def _answer(self, prompt: str, cancellation_token: CancellationToken | None) -> str:
        return await answer(self._hr, self._question or prompt, cancellation_token, to=self._to, within=self._within)


def input_func(
    hr: Client, question: str | Callable[[], str], *, to: str | None = None, within: str | float | None = None
) -> Callable[[str, CancellationToken | None], Any]:
    """The same for a `UserProxyAgent(input_func=…)` of one's own: what it asks is `question`."""

    async def asked(prompt: str, cancellation_token: CancellationToken | None = None) -> str:
        return await answer(
            hr, question() if callable(question) else question, cancellation_token, to=to, within=within
        )  # fmt: skip

    return asked


async def answer(
    hr: Client, question: str, token: CancellationToken | None, *, to: str | None, within: str | float | None
) -> str:  # fmt: skip
    """A person's answer, or why there is none."""
    waiting = asyncio.ensure_future(hr.aio.ask(question, to=to, within=within))
    if token is not None:
        token.link_future(waiting)
    try:
        return str(await waiting)
    except Redirected as other:
        return other.instruction
    except Exception as error:
        # refused, too late, out of reach: an exception would end the whole team
        return f"[handrail] No answer: {quoted(str(error))}."


def _tool(tool: BaseTool[Any, Any] | Callable[..., Any]) -> BaseTool[Any, Any]:
    if isinstance(tool, BaseTool):
        return tool
    return FunctionTool(tool, description=tool.__doc__ or "")


def _result(name: str, told: Told) -> ToolResult:
    if not told.ok:
        return _error(name, told.text)
    if isinstance(told.value, ToolResult):
        made = told.value
    elif told.kind == "ran" and isinstance(told.value, dict):
        made = ToolResult.model_validate(told.value)
    else:
        made = ToolResult(name=name, result=[TextResultContent(content=_shown(told.value))])
    notice = [TextResultContent(content=told.text)] if told.text else []
    return made.model_copy(update={"result": [*made.result, *notice]})


def _shown(value: JSON) -> str:
    if value is None:
        return "[handrail] It was carried out; its result was not recorded."
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _error(name: str, text: str) -> ToolResult:
    return ToolResult(name=name, result=[TextResultContent(content=text)], is_error=True)

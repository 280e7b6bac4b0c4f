"""The gate: the same tools, each of which asks and waits before it acts, and answers in text whatever happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from uuid import uuid4

from crewai import Agent, Crew
from crewai.tools import BaseTool
from crewai.tools.tool_failure import ToolFailure, ToolFailureReason
from pydantic import BaseModel, PrivateAttr, ValidationError
from pydantic_core import to_jsonable_python

from handrail.canonical import JSON
from handrail.client.client import Client
from handrail.client.terms import Computed
from handrail.client.toolcall import Told, ToolCall, ToolGate, quoted
from handrail.errors import InvalidInput


def gate(
    hr: Client, tools: Sequence[BaseTool], *, wait: Literal["block"] = "block",
    terms: Mapping[str, Mapping[str, Computed]] | None = None, agent: str | None = None, **says: Computed,
) -> list[BaseTool]:  # fmt: skip
    """The same tools, gated. A call waits until it is decided, for a crew keeps nothing in the middle of a task.

    CrewAI gives calls no id, so each invocation is a call of its own; say `key=` where one must act once however often
    the crew is begun again. `terms` and `says` are those of `ToolGate`.
    """
    if wait != "block":
        raise InvalidInput(
            "a crew keeps nothing of a task that waits in a tool", remedy="Park in a Flow: `FlowReview`."
        )
    toolgate = ToolGate(
        hr, terms=terms, agent=agent, comes_back=False, failures=(NothingHappened,), **says
    )  # fmt: skip
    return [tool if isinstance(tool, GatedTool) else GatedTool.of(toolgate, tool) for tool in tools]


def ungated(crew: Crew | Agent) -> list[str]:
    """The names of tools that this crew's agents and tasks, or this agent, can call without a gate."""
    holders: list[Any] = [*crew.agents, *crew.tasks] if isinstance(crew, Crew) else [crew]
    found: list[str] = []
    for tool in (tool for holder in holders for tool in holder.tools or ()):
        if not isinstance(tool, GatedTool) and tool.name not in found:
            found.append(tool.name)
    return found


class NothingHappened(Exception):
    """The tool was not run: its limit of uses is reached."""


def never_cached(_args: Any = None, _result: Any = None) -> bool:
    """CrewAI answers equal calls from its cache, although each was approved for itself."""
    return False


class GatedTool(BaseTool):
    """A tool that proposes its calls and runs what was approved. Made by `gate`."""

    _gate: ToolGate = PrivateAttr()
    _inner: BaseTool = PrivateAttr()
    _schema: Any = PrivateAttr()

    @classmethod
    def of(cls, gate: ToolGate, inner: BaseTool) -> GatedTool:
        """This tool, gated: same name, description and arguments."""
        made = cls(
            name=inner.name, description=inner.description, args_schema=inner.args_schema,
            result_as_answer=inner.result_as_answer, env_vars=inner.env_vars, cache_function=never_cached,
            tool_failure_policy=inner.tool_failure_policy,
        )  # fmt: skip
        made._gate, made._inner = gate, inner
        # what a model gives too much is dropped; a reviewer's superfluous argument is a mistake
        made._schema = {"additionalProperties": False, **inner.args_schema.model_json_schema()}
        return made

    def _run(self, **arguments: Any) -> str:
        """Propose, wait, run once; else why not. Raises nothing: CrewAI would run it again."""

        def act(**stored: Any) -> str:
            return self._text(self._inner.run(**stored))

        try:
            return text(self._gate.tell(self._call(arguments, act), wait=None))
        except Exception as error:
            return f"[handrail] Not executed: {quoted(str(error))}."

    async def _arun(self, **arguments: Any) -> str:
        """The same for an event loop."""

        async def act(**stored: Any) -> str:
            try:
                result = await self._inner.arun(**stored)
            except NotImplementedError:
                # said by a tool without a coroutine of its own, before it does anything
                result = await asyncio.to_thread(self._inner.run, **stored)
            return self._text(result)

        try:
            return text(await self._gate.atell(self._call(arguments, act), wait=None))
        except Exception as error:
            return f"[handrail] Not executed: {quoted(str(error))}."

    def _text(self, result: Any) -> str:
        if isinstance(result, ToolFailure) and result.reason is ToolFailureReason.USAGE_LIMIT:
            raise NothingHappened(result.message)
        return self._inner.format_output_for_agent(result)

    def _call(self, arguments: dict[str, Any], act: Callable[..., Any]) -> ToolCall:
        return ToolCall(
            name=self.name, arguments=self._plain(arguments), call_id=str(uuid4()), function=act, schema=self._schema,
            load=self._load,
        )  # fmt: skip

    def _plain(self, arguments: dict[str, Any]) -> dict[str, JSON]:
        schema = self._inner.args_schema
        try:
            if schema.model_fields:
                return schema.model_validate(arguments).model_dump(mode="json")
            made: dict[str, JSON] = to_jsonable_python(arguments)
        except (ValidationError, ValueError, TypeError) as error:
            raise InvalidInput(f"{self.name} does not take these arguments: {error}") from None
        return made

    def _load(self, arguments: JSON) -> dict[str, Any]:
        """Stored arguments, if they fit the tool as it is now. Raises `InvalidInput`."""
        if not isinstance(arguments, dict):
            raise InvalidInput(f"{self.name} takes arguments by name")
        known: type[BaseModel] = self._inner.args_schema
        unknown = sorted(arguments.keys() - known.model_fields.keys()) if known.model_fields else []
        if unknown:
            raise InvalidInput(f"{self.name} does not take {', '.join(unknown)}")
        self._plain(arguments)
        return dict(arguments)


def text(told: Told) -> str:
    """What the model reads about a call."""
    if not told.ok:
        return told.text
    value = "It was carried out; its result was not recorded." if told.value is None else told.value
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"{shown}\n{told.text}" if told.text else shown

"""The gate: the same function tools, each of which asks before it acts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal
from uuid import uuid4

from agent_framework import (
    Agent,
    Content,
    FunctionInvocationContext,
    FunctionMiddleware,
    FunctionTool,
    MiddlewareFailure,
    tool,
)
from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from handrail.canonical import JSON, dumps
from handrail.client.client import Client
from handrail.client.run import current_run
from handrail.client.terms import Computed
from handrail.client.toolcall import Told, ToolCall, ToolGate
from handrail.errors import InvalidInput

FRAMEWORK = "agent-framework"
# a larger result goes to its caller whole, and into the record cut
MOST_BYTES = 900_000
MOST_CHARACTERS = 100_000
# what handrail said to the calls that a paused run goes on with, by occurrence
_asked: ContextVar[Mapping[str, Told] | None] = ContextVar("handrail_agent_framework_asked", default=None)


def gate(
    hr: Client, tools: Sequence[FunctionTool | Callable[..., Any]], *, wait: Literal["park", "block"] = "park",
    terms: Mapping[str, Mapping[str, Computed]] | None = None, agent: str | None = None, **says: Computed,
) -> list[FunctionTool]:  # fmt: skip
    """The same tools, gated. Functions become tools as the framework makes them.

    With `wait="park"` every call pauses the run, and `run` goes on at once with those that need nobody; with `"block"`
    a call waits inside the tool. `terms` and `says` are those of `ToolGate`. Raises `InvalidInput` for tools that run
    somewhere else: those of the provider, of the host, and MCP servers (gate their `functions` after connecting).
    """
    toolgate = ToolGate(hr, terms=terms, agent=agent, comes_back=wait == "park", **says)
    return [_gated(toolgate, each, wait == "park") for each in tools]


def ungated(agent: Agent[Any]) -> list[str]:
    """The names of tools that this agent can call without a gate. An MCP server counts as one name, its own."""
    tools = [*agent.default_options.get("tools", ()), *agent.mcp_tools]
    return [getattr(each, "name", type(each).__name__) for each in tools if not isinstance(each, GatedTool)]


class GatedTool(FunctionTool):
    """A function tool that proposes its calls and runs what was approved. Made by `gate`."""

    def __init__(self, gate: ToolGate, inner: FunctionTool, parks: bool):
        super().__init__(
            name=inner.name, description=inner.description, kind=inner.kind,
            approval_mode="always_require" if parks else "never_require",
            additional_properties=inner.additional_properties, func=inner.func,
            input_model=inner.input_model or inner.parameters(),
        )  # fmt: skip
        self._gate = gate
        self._inner = inner
        self._parks = parks
        # the framework lets a model's superfluous arguments pass; a reviewer's are a mistake
        self._schema: JSON = {"additionalProperties": False, **inner.parameters()}
        # of blocking calls outside any `hr.run(id=…)` and any session
        self._run = f"{FRAMEWORK}-{uuid4()}"
        # the framework's own ids are made anew when a killed program begins again, so blocking calls are counted
        self._calls: Counter[tuple[str, str]] = Counter()

    async def ask(self, request: Content, *, run: str) -> Told:
        """Propose the call of an approval request, as often as one likes."""
        made = request.function_call
        assert made is not None
        try:
            arguments = self._plain(made.parse_arguments() or {})
        except InvalidInput:
            # what the model gave does not fit: nothing to decide, the framework says so when it is called
            return Told(kind="refused", code="invalid_input")
        return await self._gate.aask(self._call(arguments, str(made.id), run, _cannot_run))

    async def invoke(
        self, *, arguments: BaseModel | Mapping[str, Any] | None = None,
        context: FunctionInvocationContext | None = None, tool_call_id: str | None = None,
        skip_parsing: bool = False, **kwargs: Any,
    ) -> Any:  # fmt: skip
        """Run it once if it is approved; else what the model is told.

        Raises `MiddlewareFailure`, which ends the run, when the framework let a call through that nobody has decided:
        nothing ran, and the stored snapshot can be woken again.
        """

        async def act(**stored: JSON) -> Any:
            # a context of its own: in the framework's, arguments that a person changed would ask once more
            return await self._inner.invoke(
                arguments=stored, context=_fresh(context, self._inner, stored), tool_call_id=tool_call_id
            )

        given = arguments if arguments is not None else (context.arguments if context is not None else kwargs)
        try:
            plain = self._plain(given)
        except InvalidInput as error:
            return [Content.from_text(f"[handrail] Not executed: {error}")]
        if not self._parks:
            return contents(
                await self._gate.atell(self._call(plain, *self._counted(context, tool_call_id), act), wait=None)
            )
        occurrence = None if context is None else context.metadata.get("function_call_occurrence_id")
        asked = (_asked.get() or {}).get(str(occurrence))
        told = asked
        if asked is not None and asked.case_id is not None:
            # what the case stores is what runs, whatever the session says by now
            told = await self._gate.aresume(asked.case_id, self._call(plain, str(occurrence), "", act), wait=0)
        if told is None or told.kind == "open":
            raise MiddlewareFailure(
                f"the framework let a call of {self.name} through that nobody has decided in handrail; nothing ran. "
                "Paused runs go on by handrail's `waker` or `resume`."
            )
        return contents(told)

    def _call(self, arguments: dict[str, JSON], call_id: str, run: str, act: Callable[..., Any]) -> ToolCall:
        return ToolCall(
            name=self.name, arguments=arguments, call_id=call_id, run=run, function=act, schema=self._schema,
            load=self._load, dump_result=dumped,
        )  # fmt: skip

    def _counted(self, context: FunctionInvocationContext | None, tool_call_id: str | None) -> tuple[str, str]:
        """The run and the id of a call that waits. Some providers give the same id again in a later turn."""
        session = None if context is None else context.session
        run = self._run if session is None else session.session_id
        if tool_call_id is None:
            return str(uuid4()), run
        here = current_run()
        counted = (run if here is None else here.id, tool_call_id)
        self._calls[counted] += 1
        return (tool_call_id if self._calls[counted] == 1 else f"{tool_call_id}#{self._calls[counted]}"), run

    def _plain(self, arguments: Any) -> dict[str, JSON]:
        """Arguments as JSON, the same before and after the framework read them into the tool's own types."""
        given = arguments.model_dump(exclude_unset=True) if isinstance(arguments, BaseModel) else dict(arguments)
        try:
            if self._inner.input_model is not None:
                return self._inner.input_model.model_validate(given).model_dump(mode="json", exclude_unset=True)
            made: dict[str, JSON] = to_jsonable_python(given)
        except (ValidationError, ValueError, TypeError) as error:
            raise InvalidInput(f"{self.name} does not take these arguments: {error}") from None
        return made

    def _load(self, arguments: JSON) -> dict[str, Any]:
        """Stored arguments, if they fit the tool as it is now. Raises `InvalidInput`."""
        if not isinstance(arguments, dict):
            raise InvalidInput(f"{self.name} takes arguments by name")
        unknown = sorted(arguments.keys() - self.parameters().get("properties", {}).keys())
        if unknown:
            raise InvalidInput(f"{self.name} does not take {', '.join(unknown)}")
        self._plain(arguments)
        return dict(arguments)


@contextmanager
def going_on(asked: Mapping[str, Told]) -> Iterator[None]:
    """Inside, these calls may be looked at again; any other that the framework lets through ends the run."""
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


class Occurrences(FunctionMiddleware):
    """Does nothing; where there is a middleware the framework tells a tool which occurrence of a call it is."""

    async def process(self, context: FunctionInvocationContext, call_next: Callable[[], Awaitable[None]]) -> None:
        """Go on."""
        await call_next()


def contents(told: Told) -> list[Content]:
    """What the model gets for a call, in the framework's own type."""
    if not told.ok:
        return [Content.from_text(told.text)]
    if told.kind == "answered":
        made = [Content.from_text(told.value if isinstance(told.value, str) else json.dumps(told.value))]
    else:
        made = _loaded(told.value)
    return [*made, Content.from_text(told.text)] if told.text else made


def dumped(value: Any) -> JSON:
    """A result as JSON. Never raises: what has no JSON form is recorded as its text, and long ones cut."""
    try:
        made = [each.to_dict(exclude={"raw_representation"}) for each in FunctionTool.parse_result(value)]
        if len(dumps(made)) <= MOST_BYTES:
            return made
    except Exception:
        pass
    text = "\n".join(each.text or "" for each in value) if _is_contents(value) else repr(value)
    cut = text.encode("utf-8", "backslashreplace").decode()[:MOST_CHARACTERS]
    return [Content.from_text(f"{cut}\n[handrail] Only this much of the result was kept.").to_dict()]


def _loaded(value: Any) -> list[Content]:
    if value is None:
        return [Content.from_text("[handrail] It was carried out; its result was not recorded.")]
    if isinstance(value, list) and value and all(isinstance(each, dict) and "type" in each for each in value):
        return [Content.from_dict(each) for each in value]
    # as the tool just gave it
    return FunctionTool.parse_result(value)


def _is_contents(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, Content) for each in value)


def _gated(gate: ToolGate, each: FunctionTool | Callable[..., Any], parks: bool) -> FunctionTool:
    if isinstance(each, GatedTool):
        return each
    inner = each if isinstance(each, FunctionTool) else tool(each) if callable(each) else None
    if inner is None or inner.declaration_only:
        raise InvalidInput(
            f"{getattr(each, 'name', each)} runs where nobody can hold it back",
            remedy="Gate function tools; of an MCP server, its `functions` once it is connected.",
        )
    return GatedTool(gate, inner, parks)


def _fresh(
    context: FunctionInvocationContext | None, inner: FunctionTool, stored: Mapping[str, JSON]
) -> FunctionInvocationContext | None:
    if context is None:
        return None
    return FunctionInvocationContext(
        function=inner, arguments=dict(stored), session=context.session, kwargs=context.kwargs, tools=context.tools,
        parent_service_session_state_keys=context.parent_service_session_state_keys,
    )  # fmt: skip


def _cannot_run(**_: JSON) -> None:
    raise AssertionError("a call is asked for here and run elsewhere")

"""Calls of durable engines: three steps, each of which an engine records, and may repeat after a crash.

`ask` proposes and parks, `look` reads the decision, `act` runs what was approved. Between them the engine waits, and
only ids pass through it: the arguments that run are those handrail stored.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handrail.canonical import JSON
from handrail.client.client import Client
from handrail.client.signature import Signature
from handrail.client.terms import Computed
from handrail.client.toolcall import Told, ToolCall, ToolGate
from handrail.errors import InvalidInput, NotFound, Unavailable

LONGEST_RUN = 256
# kinds of `Outcome` after which there is nothing left to do
OVER = ("ran", "answered", "refused", "failed", "unknown")
# seconds between tries to reach the control plane after an approval
_PAUSES = (0.5, 1.0, 2.0, 4.0)
_ERRORS = {
    "rejected": "Rejected", "redirected": "Redirected", "expired": "Expired", "cancelled": "Cancelled",
    "halted": "Halted",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a call, as an engine records it. `kind` is that of `Told`; `value` the tool's result or a person's
    answer, as JSON; `text` what a model is told beside it; `code` the decision's kind or an error's code."""

    kind: str
    case_id: str | None = None
    action_digest: str = ""
    value: Any = None
    text: str = ""
    code: str = ""
    edited: bool = False
    # the tool must not be tried twice (its class is `unsafe`)
    once: bool = True
    # how long an execution is held, in seconds
    lasting: float = 300.0

    @property
    def ok(self) -> bool:
        """The call got a result and no refusal."""
        return self.kind in ("ran", "answered")

    @property
    def error(self) -> str:
        """The name an engine's own error carries: `handrail.Rejected` and so on."""
        if self.kind == "refused":
            return f"handrail.{_ERRORS.get(self.code, 'Refused')}"
        return {"failed": "handrail.ToolFailed", "unknown": "handrail.OutcomeUnknown"}.get(
            self.kind, "handrail.Refused"
        )

    def to_json(self) -> dict[str, JSON]:
        return {name: getattr(self, name) for name in Outcome.__slots__}


class DurableGate:
    """The gated tools of a durable engine's workers. Every process that runs steps makes one, of the same tools."""

    def __init__(
        self, client: Client, tools: Sequence[Callable[..., Any]], *, framework: str,
        terms: Mapping[str, Mapping[str, Computed]] | None = None, agent: str | None = None, **says: Computed,
    ):  # fmt: skip
        self.client = client
        self.framework = framework
        self._acting: set[asyncio.Future[Outcome]] = set()
        self._gate = ToolGate(client, terms=terms, agent=agent, **says)
        self._tools = {
            tool.__name__: _Tool(tool, self._gate.settings.of(tool.__name__).key_parameter) for tool in tools
        }
        if len(self._tools) < len(tools):
            raise InvalidInput("two tools have the same name", remedy="Give each function a name of its own.")

    async def ask(
        self, tool: str, arguments: dict[str, JSON], *, run: str, call_id: str, state: Mapping[str, JSON]
    ) -> Outcome:  # fmt: skip
        """Propose a call, as often as one likes, and park it with `state` while nobody has decided.

        Raises `Unavailable` when the control plane cannot be reached: the engine may repeat this step.
        """
        found = self._tools.get(tool)
        if found is None:
            return _no_tool(tool)
        terms = self._gate.settings.of(tool)
        told = await self._gate.aask(found.call(arguments, run=run, call_id=call_id))
        if isinstance(told.error, Unavailable):
            raise told.error
        if told.kind == "open" and told.case_id is not None:
            await self.park(told.case_id, run=run, call_id=call_id, state=state)
        # neither a reviewer's answer nor the standing words are needed before the end
        text = told.text if told.kind == "refused" else ""
        made = replace(_outcome(told), value=None, text=text, edited=False)
        return replace(made, once=terms.tool_class == "unsafe", lasting=terms.lasting)

    async def park(self, case_id: str, *, run: str, call_id: str, state: Mapping[str, JSON]) -> None:
        """Keep one waiting call until it is decided. Each has a park of its own, so that each is woken by itself."""
        await self.client.aio.park(
            run=_place(run, call_id), framework=self.framework, cases=[case_id],
            state=json.dumps(dict(state)).encode(),
        )  # fmt: skip

    async def look(self, case_id: str) -> str:
        """The kind of the decision, or `open`. Raises `Unavailable` when the control plane cannot be reached."""
        decision = await self.client.aio.decision(case_id)
        return "open" if decision is None else decision.kind

    async def act(self, tool: str, case_id: str, arguments: Mapping[str, JSON] | None = None) -> Outcome:
        """Run what was approved, once, or hand on what a person answered; whoever comes later gets the kept result.

        `arguments` only tell what an edit changed. Raises nothing for what a person, a policy or a tool does.
        """
        found = self._tools.get(tool)
        if found is None:
            return replace(_no_tool(tool), case_id=case_id)
        call = found.call(dict(arguments or {}), run=None, call_id=case_id)
        # an engine that goes away cancels the step; what has begun is finished and recorded all the same
        acting = asyncio.ensure_future(self._acted(case_id, call))
        self._acting.add(acting)
        acting.add_done_callback(self._acting.discard)
        return await asyncio.shield(acting)

    async def _acted(self, case_id: str, call: ToolCall) -> Outcome:
        told = await self._gate.aresume(case_id, call)
        for pause in _PAUSES:
            # an engine may be forbidden to repeat this step, and nothing has run yet
            if told.kind != "refused" or not isinstance(told.error, Unavailable):
                break
            await asyncio.sleep(pause)
            told = await self._gate.aresume(case_id, call)
        return replace(_outcome(told), case_id=case_id)

    async def give_up(
        self, tool: str, arguments: dict[str, JSON], *, run: str, call_id: str, reason: str
    ) -> None:  # fmt: skip
        """Nobody waits for this call any more: take it back unless it is decided, and end its park.

        Also where `ask` failed: it may have arrived all the same, and the same submission again tells its case. Raises
        `Unavailable` when the control plane cannot be reached: the engine may repeat this step.
        """
        await self.client.aio.abandon(_place(run, call_id), self.framework, reason=reason)
        found = self._tools.get(tool)
        if found is None:
            return
        told = await self._gate.aask(found.call(arguments, run=run, call_id=call_id))
        if isinstance(told.error, Unavailable):
            raise told.error
        if told.kind == "open" and told.case_id is not None:
            await self.client.aio.call("cancel", case_id=told.case_id, reason=reason)


class _Tool:
    """A function, what its signature says, and how it is called from an event loop."""

    def __init__(self, function: Callable[..., Any], key_parameter: str | None):
        self._function = function
        self._signature = Signature(function, leave_out=() if key_parameter is None else (key_parameter,))

    def call(self, arguments: dict[str, JSON], *, run: str | None, call_id: str) -> ToolCall:
        return ToolCall(
            name=self._function.__name__, arguments=arguments, call_id=call_id, run=run, function=self._run,
            schema=self._signature.schema, load=self._signature.load,
        )  # fmt: skip

    async def _run(self, **arguments: Any) -> JSON:
        # a function that blocks must not hold up the worker
        if inspect.iscoroutinefunction(self._function):
            made = await self._function(**arguments)
        else:
            made = await asyncio.to_thread(self._function, **arguments)
        return self._signature.dump_result(await made if inspect.isawaitable(made) else made)


def no_answer(error: Exception) -> Outcome:
    """The engine gave up on a step before anything ran."""
    why = str(error.__cause__ or error)[:200]
    return Outcome(
        kind="refused",
        code="unavailable",
        text=f"[handrail] Not executed: it could not be put up for decision ({why}).",
    )


def no_end(case_id: str | None) -> Outcome:
    """The engine lost the worker that was to run an approved call, and must not try again."""
    return Outcome(
        kind="unknown", case_id=case_id, code="outcome_unknown",
        text="[handrail] It was started, and whether it took effect is not known; a person settles it. "
        "Do not issue this call again.",
    )  # fmt: skip


def _place(run: str, call_id: str) -> str:
    """The name of one call's park: short, unique, and telling which run it belongs to."""
    named = hashlib.sha256(json.dumps([run, call_id]).encode()).hexdigest()[:16]
    return f"{named}@{run}"[:LONGEST_RUN]


def _no_tool(tool: str) -> Outcome:
    error = NotFound(f"there is no tool {tool}")
    return Outcome(kind="refused", code=error.code, text=f"[handrail] Not executed: {error}.")


def _outcome(told: Told) -> Outcome:
    return Outcome(
        kind=told.kind, case_id=told.case_id, action_digest=told.action_digest, value=told.value, text=told.text,
        code=told.code, edited=told.edited,
    )  # fmt: skip

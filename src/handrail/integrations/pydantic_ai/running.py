"""Running an agent whose calls wait for people: parked when it pauses, woken when all of them are decided."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import uuid4

from pydantic_ai import Agent, AgentRunResult, DeferredToolRequests, DeferredToolResults, RunContext, ToolDenied
from pydantic_ai.capabilities import HandleDeferredToolCalls
from pydantic_ai.messages import ModelMessagesTypeAdapter

from handrail.canonical import JSON
from handrail.client.client import Client
from handrail.client.run import current_run
from handrail.client.toolcall import ToolCall, ToolGate
from handrail.client.waker import Waker
from handrail.decision import Decision
from handrail.errors import InvalidInput
from handrail.integrations.pydantic_ai.asking import answered
from handrail.parked import Woken

FRAMEWORK = "pydantic-ai"
Options = Mapping[str, Any] | Callable[[str], Mapping[str, Any]]
log = logging.getLogger("handrail.pydantic_ai")


async def run(hr: Client, agent: Agent[Any, Any], prompt: Any, *, run: str | None = None, **options: Any) -> Any:
    """`agent.run` with this prompt; when calls wait for people the run is parked and the output says for what.

    `run` names the conversation and is its `conversation_id` (default: that of `hr.run(id=…)`, else a new one). A new
    prompt for a run that is parked takes the calls back that it waited for. `options` are those of `agent.run`.
    Returns an `AgentRunResult`, whose output is `DeferredToolRequests` while it waits.
    """
    here = current_run()
    name = run or (here.id if here else None)
    if name is not None:
        await _abandoned(hr, name)
    name = name or f"{FRAMEWORK}-{uuid4()}"
    with hr.run(id=name, agent=here.agent if here else None, user=here.user if here else None):
        result = await agent.run(prompt, conversation_id=name, **options)
        await park(hr, result, run=name)
    return result


async def park(hr: Client, result: AgentRunResult[Any], *, run: str | None = None) -> str | None:
    """Keep a paused run until every call it waits for is decided; the park's id, or None if the run has ended.

    For runs that were not begun by `run`, such as streamed ones. `run` is the conversation's id by default. Raises
    `InvalidInput` when it also waits for calls that nobody gated: the framework goes on with all answers or none.
    """
    requests = result.output
    if not isinstance(requests, DeferredToolRequests):
        return None
    waiting = _cases(requests)
    strange = [call.tool_name for call in _calls(requests) if call.tool_call_id not in waiting]
    if strange:
        raise InvalidInput(
            f"the run also waits for calls of {', '.join(strange)}, of which handrail knows nothing",
            remedy="Gate these tools too, or answer the whole pause yourself.",
        )
    here = current_run()
    questions = [call.tool_call_id for call in requests.calls]
    kept: dict[str, JSON] = {
        "history": json.loads(result.all_messages_json()), "calls": waiting, "questions": questions,
        "agent": here.agent if here else None, "user": here.user if here else None,
    }  # fmt: skip
    name = run or (here.id if here else None) or result.conversation_id
    return await hr.aio.park(
        run=name, framework=FRAMEWORK, cases=list(waiting.values()), state=json.dumps(kept).encode(), wakes="all"
    )


def waker(
    hr: Client, agent: Agent[Any, Any], *,
    then: Callable[[str, AgentRunResult[Any]], Awaitable[None] | None] | None = None,
    options: Options | None = None, run: str | None = None, lasting: float = 300.0,
) -> Waker:  # fmt: skip
    """Wakes parked runs of this agent when all their calls are decided. Call `run`, `arun` or `start`.

    `then(run, result)` is called each time a run ended or parked again. `options` are those of `agent.run` (`deps`,
    `usage_limits`, …), or a function of the run's name that returns them. A run that raises is tried again.
    `run` limits it to one run.
    """

    async def wake(woken: Woken) -> None:
        kept = json.loads(woken.state or b"{}")
        given = (options(woken.run) if callable(options) else options) or {}
        results = await _results(hr, kept["calls"], kept["questions"], woken.cases)
        with hr.run(id=woken.run, agent=kept["agent"], user=kept["user"]):
            result = await agent.run(
                message_history=ModelMessagesTypeAdapter.validate_python(kept["history"]),
                deferred_tool_results=results, conversation_id=woken.run, **given,
            )  # fmt: skip
            await park(hr, result, run=woken.run)
        made = None if then is None else then(woken.run, result)
        if inspect.isawaitable(made):
            await made

    return hr.waker(FRAMEWORK, wake, run=run, lasting=lasting)


def waits(hr: Client) -> HandleDeferredToolCalls[Any]:
    """A capability that waits for the decisions inside the run instead of ending it: `Agent(capabilities=[…])`.

    Nothing is parked: a run that dies with its process is gone. One that is cancelled takes its calls back.
    """

    async def handler(ctx: RunContext[Any], requests: DeferredToolRequests) -> DeferredToolResults | None:
        waiting = _cases(requests)
        try:
            made = await asyncio.gather(*(hr.aio.decision(case_id, None) for case_id in waiting.values()))
        except asyncio.CancelledError:
            for case_id in waiting.values():
                await hr.aio.call("cancel", case_id=case_id, reason="the caller went away")
            raise
        decided = dict(zip(waiting.values(), made, strict=True))
        return await _results(hr, waiting, [call.tool_call_id for call in requests.calls], decided)

    return HandleDeferredToolCalls(handler)


async def _abandoned(hr: Client, run: str) -> None:
    """Take back what the run waited for. Where handrail cannot be reached every call is refused; the run may go on."""
    try:
        await hr.aio.abandon(run, FRAMEWORK, reason="the user said something else")
    except Exception as error:
        log.warning("what the run %s waited for could not be taken back: %s", run, error)


async def _results(
    hr: Client, waiting: Mapping[str, str], questions: list[str], decided: Mapping[str, Decision | None]
) -> DeferredToolResults:  # fmt: skip
    """The framework's answers. Its yes only says "look again": the toolset runs what handrail approved."""
    results = DeferredToolResults()
    for tool_call_id, case_id in waiting.items():
        decision = decided[case_id]
        if decision is None:
            raise InvalidInput(f"case {case_id} is not decided, and the framework takes all answers or none")
        if tool_call_id in questions:
            results.calls[tool_call_id] = answered(decision)
        elif decision.kind in ("approved", "responded"):
            results.approvals[tool_call_id] = True
        else:
            call = ToolCall(name="call", arguments={}, call_id=tool_call_id, function=_not_run)
            told = await ToolGate(hr).aresume(case_id, call)
            results.approvals[tool_call_id] = ToolDenied(told.text)
    return results


def _calls(requests: DeferredToolRequests) -> list[Any]:
    return [*requests.approvals, *requests.calls]


def _cases(requests: DeferredToolRequests) -> dict[str, str]:
    """The case of each call that waits, by its id."""
    found = {id: (requests.metadata.get(id) or {}).get("case_id") for id in (c.tool_call_id for c in _calls(requests))}
    return {id: case_id for id, case_id in found.items() if case_id is not None}


def _not_run(**_: Any) -> None:
    raise AssertionError("a refused call is not run")

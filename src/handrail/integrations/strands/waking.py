"""The resumer of parked sessions: one process answers a session's pause, once, when cases of it are decided."""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from strands import Agent
from strands.agent.agent_result import AgentResult
from strands.types.exceptions import SessionException
from strands.types.interrupt import InterruptResponseContent

from handrail.client.client import Client
from handrail.client.waker import Waker
from handrail.errors import InvalidInput, Unavailable
from handrail.integrations.strands.place import FRAMEWORK, PREFIX, Pause, resuming, within
from handrail.parked import Woken

PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.1
# so many wakes find a session in mid-run before its process counts as dead
TAKE_OVER = 3

Make = Callable[[str, str], Agent]
Then = Callable[[str, AgentResult], Awaitable[None] | None]


def waker(
    hr: Client, agent: Make, *, then: Then | None = None, patience: float = PATIENCE_SECONDS, lasting: float = 300.0
) -> Waker:
    """Resumes parked sessions as their cases are decided. Call `run`, `arun` or `start`.

    `agent(session_id, agent_id)` makes the agent with the session manager of that session. `then(session_id, result)`
    is called each time an agent ended or parked again. `patience` is how many seconds a session whose other calls
    are still running is waited for. A wake that raises is tried again.
    """

    async def wake(woken: Woken) -> None:
        kept: dict[str, Any] = json.loads(woken.state or b"{}")
        made = await _quiet(agent, kept, patience)
        stands = _stands(made, kept)
        if stands == "over":
            await hr.aio.abandon(woken.run, FRAMEWORK, reason="the session went on without it")
            return
        if stands == "running" and woken.fence < TAKE_OVER:
            raise Unavailable("the run that parked this session is still at work")
        pause = Pause(state=woken.state)
        token = resuming.set(pause)
        try:
            with within(hr, kept):
                result = await (_resumed(hr, made, pause) if stands == "paused" else made.invoke_async(None))
        finally:
            resuming.reset(token)
        await _park(hr, woken.run, pause)
        if then is not None and result is not None:
            said = then(str(kept["session"]), result)
            if inspect.isawaitable(said):
                await said

    return hr.waker(FRAMEWORK, wake, lasting=lasting)


async def resume(hr: Client, agent: Agent) -> AgentResult | None:
    """Go on with a paused agent by hand: answer the calls that are decided. None when none is.

    For agents that a request brings back, such as an AgentCore session; elsewhere use `waker`. The rest stays parked.
    """
    return await _resumed(hr, agent, Pause())


async def _resumed(hr: Client, agent: Agent, pause: Pause) -> AgentResult | None:
    waiting = _waiting(agent)
    decided = [one for one in waiting if await hr.aio.decision(one.case_id) is not None]
    if not decided:
        pause.cases = [one.case_id for one in waiting]
        return None
    # the answer only says "look again": the tool reads the decision from handrail
    answers: list[InterruptResponseContent] = [
        {"interruptResponse": {"interruptId": one.id, "response": True}} for one in decided
    ]
    return await agent.invoke_async(answers)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An interrupt of ours, and the case it waits for."""

    id: str
    case_id: str


def _waiting(agent: Agent) -> list[Waiting]:
    found = agent.take_snapshot(include=["interrupt_state"]).data["interrupt_state"]
    ours = [one for one in found["interrupts"].values() if one["name"].startswith(PREFIX)]
    return [Waiting(one["id"], one["reason"]["case_id"]) for one in ours] if found["activated"] else []


def _stands(agent: Agent, kept: dict[str, Any]) -> str:
    """Where the session is now: paused, running (or its process died), or over."""
    if _waiting(agent):
        return "paused"
    last: Any = agent.messages[-1] if agent.messages else {}
    # calls without results, or results that no model has seen
    unfinished = any("toolUse" in part or "toolResult" in part for part in last.get("content", []))
    recent = kept.get("turn") in [message.get("tracking_id") for message in agent.messages[-2:]]
    return "running" if unfinished and recent else "over"


async def _quiet(make: Make, kept: dict[str, Any], patience: float) -> Agent:
    """The agent, once its session stands still. A run parks before it is saved, so that no kill can lose it."""
    until = time.monotonic() + patience
    while True:
        try:
            agent = make(kept["session"], kept["agent"])
            if agent.agent_id != kept["agent"]:
                raise InvalidInput(f"the agent {kept['agent']} was asked for, and {agent.agent_id} made")
            if _stands(agent, kept) != "running" or time.monotonic() >= until:
                return agent
        except (SessionException, ValueError):
            # read while it was written
            if time.monotonic() >= until:
                raise
        await asyncio.sleep(LOOK_SECONDS)


async def _park(hr: Client, run: str, pause: Pause) -> None:
    # also what was decided meanwhile: it is due at once
    cases = list(dict.fromkeys(pause.cases))
    if cases and pause.state is not None:
        await hr.aio.park(run=run, framework=FRAMEWORK, cases=cases, state=pause.state, wakes="any")

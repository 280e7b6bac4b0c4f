"""Running an agent whose calls wait for people: parked with its session, woken from that snapshot only."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

from agent_framework import Agent, AgentResponse, AgentSession, Content, Message

from handrail.client.client import Client
from handrail.client.run import current_run
from handrail.client.toolcall import Told
from handrail.client.waker import Waker
from handrail.errors import InvalidInput, Unavailable
from handrail.integrations.agent_framework.gating import FRAMEWORK, GatedTool, Occurrences, going_on
from handrail.parked import Woken

Options = Mapping[str, Any] | Callable[[str], Mapping[str, Any]]
Then = Callable[[str, AgentResponse[Any], AgentSession], Awaitable[None] | None]
log = logging.getLogger("handrail.agent_framework")


class Paused(NamedTuple):
    """What a paused run waits for, and what handrail says to each of its calls, by occurrence."""

    requests: tuple[Content, ...]
    asked: Mapping[str, Told]

    @property
    def open(self) -> list[str]:
        """The cases that nobody has decided."""
        return [told.case_id for told in self.asked.values() if told.kind == "open" and told.case_id is not None]


async def run(
    hr: Client, agent: Agent[Any], messages: Any, *, session: AgentSession | None = None, **options: Any
) -> AgentResponse[Any]:
    """`agent.run` with these messages; when calls wait for people the run is parked (`response.user_input_requests`).

    The run is named by `hr.run(id=…)`, else by the session. New messages for a parked run take back the calls that it
    waited for. After a park the session given here is stale: `waker` hands over the one that went on. `options` are
    those of `agent.run`, without `stream`.
    """
    here = current_run()
    name = here.id if here is not None else session.session_id if session is not None else f"{FRAMEWORK}-{uuid4()}"
    session = session or agent.create_session(session_id=name)
    await _abandoned(hr, name)
    with hr.run(id=name, agent=here.agent if here else None, user=here.user if here else None):
        response = await agent.run(messages, session=session, **_with_occurrences(options))
        return await _until_parked(hr, agent, response, session, name, options)


async def resume(
    hr: Client, agent: Agent[Any], session: AgentSession, requests: Sequence[Content], *, run: str, **options: Any
) -> AgentResponse[Any]:
    """Go on with a paused run whose calls are all decided, and park it again if others wait.

    `session` is restored from what was stored while it was paused: a session that has gone on since may have lost its
    calls. Raises `InvalidInput` when calls are undecided or their tools are gone.
    """
    here = current_run()
    with hr.run(id=run, agent=here.agent if here else None, user=here.user if here else None):
        paused = await _asked(agent, requests, run, options, again=True)
        if paused.open:
            raise InvalidInput(
                f"{len(paused.open)} calls of this run are not decided, and the framework takes all answers at once",
                remedy="Answer the cases first; `waker` waits for them.",
            )
        response = await _answered(agent, paused, session, options)
        return await _until_parked(hr, agent, response, session, run, options)


async def park(
    hr: Client, agent: Agent[Any], session: AgentSession, requests: Sequence[Content], *, run: str, **options: Any
) -> str | None:
    """Keep a paused run until all its calls are decided; the park's id, or None when they are.

    For runs that were not begun by `run`, such as streamed ones: `requests` are `response.user_input_requests`. Raises
    `InvalidInput` when it also waits for something that handrail knows nothing of.
    """
    paused = await _asked(agent, requests, run, options, again=True)
    return await _park(hr, session, run, paused) if paused.open else None


def waker(
    hr: Client, agent: Agent[Any], *, then: Then | None = None, options: Options | None = None,
    run: str | None = None, lasting: float = 300.0,
) -> Waker:  # fmt: skip
    """Wakes parked runs of this agent as their calls are decided. Call `run`, `arun` or `start`.

    `then(run, response, session)` is called each time a run ended or parked again: keep the session for what the user
    says next. `options` are those of `agent.run`, or a function of the run's name that returns them. A run that
    raises is tried again. `run` limits it to one run.
    """

    async def wake(woken: Woken) -> None:
        kept = json.loads(woken.state or b"{}")
        given = dict((options(woken.run) if callable(options) else options) or {})
        session = AgentSession.from_dict(kept["session"])
        requests = [Content.from_dict(each) for each in kept["requests"]]
        with hr.run(id=woken.run, agent=kept["agent"], user=kept["user"]):
            response = await resume(hr, agent, session, requests, run=woken.run, **given)
        made = None if then is None else then(woken.run, response, session)
        if inspect.isawaitable(made):
            await made

    return hr.waker(FRAMEWORK, wake, run=run, lasting=lasting)


async def _abandoned(hr: Client, run: str) -> None:
    """Take back what the run waited for. Where handrail cannot be reached every call is refused; the run may go on."""
    try:
        await hr.aio.abandon(run, FRAMEWORK, reason="the user said something else")
    except Exception as error:
        log.warning("what the run %s waited for could not be taken back: %s", run, error)


async def _until_parked(
    hr: Client, agent: Agent[Any], response: AgentResponse[Any], session: AgentSession, run: str,
    options: Mapping[str, Any],
) -> AgentResponse[Any]:  # fmt: skip
    while requests := response.user_input_requests:
        paused = await _asked(agent, requests, run, options)
        if paused.open:
            await _park(hr, session, run, paused)
            break
        # the framework pauses for every call of a gated tool; policy has decided these by now
        response = await _answered(agent, paused, session, options)
    return response


async def _asked(
    agent: Agent[Any], requests: Sequence[Content], run: str, options: Mapping[str, Any], *, again: bool = False
) -> Paused:  # fmt: skip
    known = {each.name: each for each in _tools(agent, options) if isinstance(each, GatedTool)}
    asked: dict[str, Told] = {}
    for request in requests:
        call = request.function_call if request.type == "function_approval_request" else None
        tool = None if call is None else known.get(str(call.name))
        if call is None or tool is None:
            raise InvalidInput(
                f"the run waits for {call.name if call is not None else request.type}, of which handrail knows nothing",
                remedy="Gate all tools that need approval, wake with the agent that was parked, or answer this pause "
                "yourself.",
            )
        told = await tool.ask(request, run=run)
        if again and isinstance(told.error, Unavailable):
            # a run that waited waits on; a call that was just made is refused
            raise told.error
        asked[str(call.id)] = told
    return Paused(tuple(requests), asked)


async def _park(hr: Client, session: AgentSession, run: str, paused: Paused) -> str:
    here = current_run()
    kept = {
        "session": session.to_dict(), "requests": [each.to_dict() for each in paused.requests],
        "agent": here.agent if here else None, "user": here.user if here else None,
    }  # fmt: skip
    return await hr.aio.park(run=run, framework=FRAMEWORK, cases=paused.open, state=json.dumps(kept).encode())


async def _answered(
    agent: Agent[Any], paused: Paused, session: AgentSession, options: Mapping[str, Any]
) -> AgentResponse[Any]:
    """Go on with the framework's answers: each only says "look again", and the tool itself says what was decided.

    Also for refusals. The framework's own no drops the reason, and a text beside it would reach the model before the
    results of its calls, as if the user had said it; providers refuse that order.
    """
    answers = Message(role="user", contents=[each.to_function_approval_response(True) for each in paused.requests])
    with going_on(paused.asked):
        response: AgentResponse[Any] = await agent.run(answers, session=session, **_with_occurrences(options))
        return response


def _with_occurrences(options: Mapping[str, Any]) -> dict[str, Any]:
    return {**options, "middleware": [*(options.get("middleware") or ()), Occurrences()]}


def _tools(agent: Agent[Any], options: Mapping[str, Any]) -> list[Any]:
    given = options.get("tools") or ()
    return [*agent.default_options.get("tools", ()), *(given if isinstance(given, list | tuple) else (given,))]

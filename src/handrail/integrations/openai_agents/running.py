"""Running an agent whose calls wait for people: parked when it is interrupted, woken when they are decided."""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any, NamedTuple
from uuid import uuid4

from agents import Agent, AgentsException, Runner, RunResult, RunState, TResponseInputItem
from agents.items import ToolApprovalItem

from handrail.client.client import Client
from handrail.client.run import current_run
from handrail.client.toolcall import Told, ToolCall
from handrail.client.waker import Waker
from handrail.errors import InvalidInput, Unavailable
from handrail.integrations.openai_agents.asking import Asking
from handrail.integrations.openai_agents.gating import asking_of
from handrail.integrations.openai_agents.hosted import AskingHosted
from handrail.parked import Woken

FRAMEWORK = "openai-agents"
log = logging.getLogger("handrail.openai_agents")
Pending = tuple[ToolApprovalItem, Asking, list[Told]]
Options = Mapping[str, Any] | Callable[[str], Mapping[str, Any]]


class Settled(NamedTuple):
    """What became of a paused run's calls: how many are answered now, and the cases that are still open."""

    answered: int
    open: tuple[str, ...]


async def run(
    hr: Client, agent: Agent[Any], input: str | list[TResponseInputItem], *, run: str | None = None,
    context_serializer: Callable[[Any], Mapping[str, Any]] | None = None, **options: Any,
) -> RunResult:  # fmt: skip
    """`Runner.run` with this agent; when calls wait for people the run is parked, and the result has `interruptions`.

    `run` names the conversation (default: that of `hr.run(id=…)`, else a new one). New input for a run that is
    parked takes the calls back that it waited for. `options` are those of `Runner.run`.
    """
    here = current_run()
    name = run or (here.id if here else None)
    if name is not None:
        await _abandoned(hr, name)
    name = name or f"{FRAMEWORK}-{uuid4()}"
    with hr.run(id=name, agent=here.agent if here else None, user=here.user if here else None):
        result = await Runner.run(agent, input, **options)
        return await _until_parked(hr, agent, result, name, context_serializer, options)


async def resume(
    hr: Client, agent: Agent[Any], state: RunState[Any, Any], *, run: str,
    context_serializer: Callable[[Any], Mapping[str, Any]] | None = None, **options: Any,
) -> RunResult:  # fmt: skip
    """Go on with a paused run: answer what is decided, run that, and park again when only open cases are left.

    For runs that were not begun by `run`, such as streamed ones: `state` is `result.to_state()`.
    """
    here = current_run()
    with hr.run(id=run, agent=here.agent if here else None, user=here.user if here else None):
        await settle(state)
        result = await Runner.run(agent, state, **options)
        return await _until_parked(hr, agent, result, run, context_serializer, options)


async def settle(state: RunState[Any, Any]) -> Settled:
    """Give a paused run the decisions that were made, each to its own call; the rest stays pending.

    Hosted calls are let go last, all at once, and once: when nothing else is pending, the next thing the run does is
    to ask the model with them, and no snapshot is kept in between. Go on with the run after this; it may pause again.
    Raises `Unavailable` when the control plane does not answer. Calls of tools that are not gated are left alone.
    """
    here: list[Pending] = []
    hosted: list[Pending] = []
    others = False
    for item in state.get_interruptions():
        asking = _asking_of(item)
        if asking is None:
            others = others or not _is_answered(state, item)
        elif not isinstance(asking, AskingHosted):
            here.append((item, asking, await _told(asking.ask, asking.waiting(item))))
        elif not _is_answered(state, item):
            hosted.append((item, asking, await _told(asking.ask, asking.waiting(item))))
    answered = sum(_answer(state, *pending) for pending in here)
    waiting = _open(here) + _open(hosted)
    if not answered and not waiting and not others:
        for item, asking, _ in hosted:
            assert isinstance(asking, AskingHosted)
            answered += _answer(state, item, asking, await _told(asking.released, asking.waiting(item)))
    return Settled(answered, tuple(waiting))


def _open(several: list[Pending]) -> list[str]:
    return [
        one.case_id for _, _, told in several for one in told if one.kind == "open" and one.case_id is not None
    ]  # fmt: skip


async def _told(ask: Callable[[ToolCall], Awaitable[Told]], calls: list[ToolCall]) -> list[Told]:
    told = [await ask(call) for call in calls]
    for one in told:
        if isinstance(one.error, Unavailable):
            raise one.error
    return told


def _answer(state: RunState[Any, Any], item: ToolApprovalItem, asking: Asking, told: list[Told]) -> bool:
    """Give the SDK its yes or no, unless something is open."""
    if any(one.kind == "open" for one in told):
        return False
    # a single approval, of this call; "always" would cover calls that nobody has seen
    if any(one.kind in ("ready", "ran") for one in told):
        asking.admit(item)
        state.approve(item)
    else:
        state.reject(item, rejection_message=" ".join(one.text for one in told))
    return True


def _is_answered(state: RunState[Any, Any], item: ToolApprovalItem) -> bool:
    """Whether this state holds a yes or no already. The SDK keeps listing what was answered until the run goes on."""
    raw: Any = item.raw_item
    call_id = item.call_id or (raw["id"] if isinstance(raw, dict) else raw.id)
    # the SDK keeps the answers of a paused run in a private field only
    context = state._context
    if context is None:
        return False
    return context.get_approval_status(item.name or "", call_id, existing_pending=item) is not None


def waker(
    hr: Client, agent: Agent[Any], *, then: Callable[[str, RunResult], Awaitable[None] | None] | None = None,
    options: Options | None = None, context_override: Any = None,
    context_deserializer: Callable[[Mapping[str, Any]], Any] | None = None,
    context_serializer: Callable[[Any], Mapping[str, Any]] | None = None, run: str | None = None,
    lasting: float = 300.0,
) -> Waker:  # fmt: skip
    """Wakes parked runs of this agent as their cases are decided. Call `run`, `arun` or `start`.

    `then(run, result)` is called each time a run ended or parked again (`result.interruptions`). `options` are those
    of `Runner.run`, or a function of the run's name that returns them. A run that raises is tried again.
    `run` limits it to one run.
    """

    async def wake(woken: Woken) -> None:
        kept = json.loads(woken.state or b"{}")
        given = dict((options(woken.run) if callable(options) else options) or {})
        state = await _restored(agent, kept, context_override, context_deserializer)
        with hr.run(id=woken.run, agent=kept["agent"], user=kept["user"]):
            result = await resume(
                hr, agent, state, run=woken.run, context_serializer=context_serializer, **given
            )  # fmt: skip
        made = None if then is None else then(woken.run, result)
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
    hr: Client, agent: Agent[Any], result: RunResult, run: str,
    serializer: Callable[[Any], Mapping[str, Any]] | None, options: Mapping[str, Any],
) -> RunResult:  # fmt: skip
    while result.interruptions:
        state = result.to_state()
        settled = await settle(state)
        if not settled.answered:
            await _park(hr, state, run, settled, serializer)
            break
        # the SDK pauses for arguments that it could not look into; policy has decided them by now
        result = await Runner.run(agent, state, **options)
    return result


async def _park(
    hr: Client, state: RunState[Any, Any], run: str, settled: Settled,
    serializer: Callable[[Any], Mapping[str, Any]] | None,
) -> None:  # fmt: skip
    if not settled.open:
        # it waits for calls of tools that nobody gated: those are the caller's to answer
        return
    here = current_run()
    kept = {
        "run_state": state.to_json(context_serializer=serializer), "agent": here.agent if here else None,
        "user": here.user if here else None,
    }  # fmt: skip
    await hr.aio.park(
        run=run, framework=FRAMEWORK, cases=settled.open, state=json.dumps(kept).encode(), wakes="any"
    )  # fmt: skip


async def _restored(
    agent: Agent[Any], kept: Mapping[str, Any], context_override: Any,
    context_deserializer: Callable[[Mapping[str, Any]], Any] | None,
) -> RunState[Any, Any]:  # fmt: skip
    snapshot: Any = kept.get("run_state")
    try:
        return await RunState.from_json(
            agent, snapshot, context_override=context_override, context_deserializer=context_deserializer
        )
    except AgentsException as error:
        schema = snapshot.get("$schemaVersion") if isinstance(snapshot, dict) else None
        raise InvalidInput(
            f"this parked run (snapshot {schema}) cannot be read by openai-agents {version('openai-agents')}: {error}",
            remedy="Wake it with the agent and the openai-agents that parked it; before a downgrade, let no run stay "
            "parked.",
        ) from error


def _asking_of(item: ToolApprovalItem) -> Asking | None:
    """What asks for the tool of a pending call."""
    raw: Any = item.raw_item
    label = raw.get("server_label") if isinstance(raw, dict) else getattr(raw, "server_label", None)
    for tool in item.agent.tools:
        asking = asking_of(tool)
        if asking is not None and asking.name == (label or item.qualified_name):
            return asking
    return None

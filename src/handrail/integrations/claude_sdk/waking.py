"""The resumer of deferred sessions: one process resumes a session, once, when its call is decided."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from claude_agent_sdk import ClaudeAgentOptions, Message, ResultMessage, SystemMessage, query

from handrail.client.client import Client
from handrail.client.waker import Waker
from handrail.errors import InvalidInput
from handrail.integrations.claude_sdk.gating import FRAMEWORK, Hooks
from handrail.parked import Woken

PATIENCE_SECONDS = 60.0

Options = ClaudeAgentOptions | Callable[[str], ClaudeAgentOptions]
Then = Callable[[str, list[Message]], Awaitable[None] | None]


def waker(
    hr: Client,
    options: Options,
    *,
    then: Then | None = None,
    patience: float = PATIENCE_SECONDS,
    lasting: float = 300.0,
) -> Waker:
    """Resumes deferred sessions as their calls are decided. Call `run`, `arun` or `start`.

    `options` are those that `gate` made, or a function of the session's id that returns them. The working directory
    is that of the session. `then(session_id, messages)` is called with what came of it. `patience` is how many
    seconds a session may say nothing before it counts as one that went on by itself. A wake that raises is tried
    again.
    """

    async def wake(woken: Woken) -> None:
        kept: dict[str, Any] = json.loads(woken.state or b"{}")
        session = str(kept["session"])
        given = options(session) if callable(options) else options
        hooks = _hooks_of(given)
        given = replace(given, resume=session, session_id=None, cwd=given.cwd or kept.get("cwd"))
        cases = hooks.resuming(session)
        try:
            with hr.run(**kept["run"]) if kept.get("run") else nullcontext():
                messages = await resumed(given, patience)
        finally:
            hooks.waking.pop(session, None)
        if cases:
            # the session ended with it; if it was decided meanwhile, it is due at once
            await hr.aio.park(run=session, framework=FRAMEWORK, cases=cases[-1:], state=woken.state)
        elif not messages:
            # its call is gone: the session was continued elsewhere
            await hr.aio.abandon(session, FRAMEWORK, reason="the session went on without it")
        said = None if then is None else then(session, messages)
        if inspect.isawaitable(said):
            await said

    return hr.waker(FRAMEWORK, wake, lasting=lasting)


async def resumed(options: ClaudeAgentOptions, patience: float) -> list[Message]:
    """Resume a session without saying anything: a prompt, even an empty one, would drop the deferred call."""
    nothing: list[dict[str, Any]] = []
    spoke, over = asyncio.Event(), asyncio.Event()

    async def silence() -> AsyncIterator[dict[str, Any]]:
        # Claude Code ends when its input does
        try:
            await asyncio.wait_for(spoke.wait(), patience)
        except TimeoutError:
            return
        await over.wait()
        for message in nothing:
            yield message

    found: list[Message] = []
    async for message in query(prompt=silence(), options=options):
        if not isinstance(message, SystemMessage):
            found.append(message)
            spoke.set()
        if isinstance(message, ResultMessage):
            over.set()
    return found


def _hooks_of(options: ClaudeAgentOptions) -> Hooks:
    matchers = (options.hooks or {}).get("PreToolUse", [])
    ours = [getattr(hook, "__self__", None) for matcher in matchers for hook in matcher.hooks]
    for found in ours:
        if isinstance(found, Hooks):
            return found
    raise InvalidInput("these options are not gated", remedy="Give the waker what gate() returned.")

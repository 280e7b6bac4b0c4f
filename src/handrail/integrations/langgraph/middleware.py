"""Middleware for `create_agent`: gates tools that cannot be wrapped, and takes back what new input leaves behind."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.runtime import Runtime

from handrail.client.client import Client
from handrail.client.terms import Computed
from handrail.errors import HandrailError
from handrail.integrations.langgraph.door import Door, Wait
from handrail.integrations.langgraph.place import FRAMEWORK
from handrail.integrations.langgraph.wrapping import Result, Wrapper

log = logging.getLogger("handrail.langgraph")

NEW_INPUT = "new input came on its thread"


def middleware(
    hr: Client, *, wait: Wait = "park", terms: Mapping[str, Mapping[str, Computed]] | None = None,
    agent: str | None = None, **says: Computed,
) -> HandrailMiddleware:  # fmt: skip
    """Put it last in `create_agent(middleware=[…, middleware(hr)])`: what stands after it could change a call unseen.

    It gates every tool of the agent that `gate` has not wrapped, also those added while it runs. When a thread gets
    new input, the open cases of the pause that it left are cancelled. Parameters as of `gate`.
    """
    return HandrailMiddleware(hr, Door(hr, wait=wait, terms=terms, agent=agent, delegates=(), says=says))


class HandrailMiddleware(AgentMiddleware[Any, Any, Any]):
    """Made by `middleware`."""

    def __init__(self, hr: Client, door: Door):
        super().__init__()
        self._hr = hr
        self._wrapper = Wrapper(door)

    def before_agent(self, state: Any, runtime: Runtime[Any]) -> None:
        """A run that begins has left the pause before it."""
        thread = _thread_of_its_own(runtime)
        if thread is not None:
            try:
                self._hr.abandon(thread, FRAMEWORK, reason=NEW_INPUT)
            except HandrailError as error:
                log.warning("what the thread %s left behind stays open: %s", thread, error)

    async def abefore_agent(self, state: Any, runtime: Runtime[Any]) -> None:
        """The same for an event loop."""
        thread = _thread_of_its_own(runtime)
        if thread is not None:
            try:
                await self._hr.aio.abandon(thread, FRAMEWORK, reason=NEW_INPUT)
            except HandrailError as error:
                log.warning("what the thread %s left behind stays open: %s", thread, error)

    def wrap_tool_call(self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Result]) -> Result:
        """Propose the call, park or wait while people decide, run what was approved, once."""
        return self._wrapper.wrap(request, handler)

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[Result]]
    ) -> Result:
        """The same for an event loop."""
        return await self._wrapper.awrap(request, handler)


def _thread_of_its_own(runtime: Runtime[Any]) -> str | None:
    """The thread of this run; None in an agent inside another, whose pauses are the outer one's."""
    info = runtime.execution_info
    if info is None or info.thread_id is None or "|" in (info.checkpoint_ns or ""):
        return None
    return str(info.thread_id)

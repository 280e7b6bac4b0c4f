"""A call that is let through: handrail's execution is open until the tool has ended."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from handrail.canonical import JSON
from handrail.client.toolcall import Told


class Running:
    """Between the hook before a tool and the end of it. The execution is recorded before the tool may begin."""

    def __init__(self, tool: str):
        self.tool = tool
        loop = asyncio.get_running_loop()
        self.started: asyncio.Future[dict[str, JSON]] = loop.create_future()
        self._ended: asyncio.Future[Any] = loop.create_future()
        self.task: asyncio.Task[Told] | None = None

    async def act(self, **stored: JSON) -> Any:
        """What handrail takes for the tool: says that it may begin, and waits for its end."""
        self.started.set_result(stored)
        return await self._ended

    async def end(self, result: Any = None, error: Exception | None = None) -> Told:
        """The tool has ended. What became of the call."""
        assert self.task is not None
        if not self._ended.done() and error is None:
            self._ended.set_result(result)
        elif not self._ended.done() and error is not None:
            self._ended.set_exception(error)
        return await self.task


def dump_result(value: Any) -> JSON:
    """A tool's response as JSON. What is no JSON is kept as its text."""
    made: JSON = json.loads(json.dumps(value, default=str))
    return made


def shown(value: Any) -> str:
    """A recorded result or a person's answer, as the model reads it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)

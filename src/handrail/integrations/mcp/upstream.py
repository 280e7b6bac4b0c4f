"""The MCP server behind the gateway: started when needed, watched, and started again after a crash."""

from __future__ import annotations

import logging
import math
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import httpx2
import mcp_types as types
from mcp import Client, StdioServerParameters
from mcp.client.session import ClientSession
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.dispatcher import ProgressFnT as Progress
from mcp.shared.exceptions import MCPError
from pydantic import TypeAdapter

from handrail.errors import InvalidInput, Unavailable

log = logging.getLogger("handrail.mcp")

START_SECONDS = 60.0
# a server that dies while it starts is not started again before this, doubling up to the second number
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
# a server of the 2026 protocol may say "ask again", without asking anything
MOST_ROUNDS = 20
ROUND_PAUSE_SECONDS = 0.25

CalledTool: TypeAdapter[types.CallToolResult | types.InputRequiredResult] = TypeAdapter(
    types.CallToolResult | types.InputRequiredResult
)
# what a server says about its own lists
Changed = Callable[[types.ServerNotification], Awaitable[None]]


class Refused(Exception):
    """The server said that it did not run the tool."""


class Vanished(Exception):
    """The server went away or fell silent after the call was sent: nobody knows what it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which server: a command, or the address of one that speaks streamable HTTP."""

    command: tuple[str, ...] = ()
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if bool(self.command) == (self.url is not None):
            raise InvalidInput(
                "name one MCP server to stand before",
                remedy="Give its command after `--`, or its address with --url.",
            )
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            raise InvalidInput(f"{self.url} is no address", remedy="It begins with http:// or https://.")

    @property
    def name(self) -> str:
        """A name made of what the user wrote, never of what the server says of itself."""
        if self.url is not None:
            return httpx2.URL(self.url).host or "server"
        words = [word for word in self.command[1:] if not word.startswith("-")]
        runner = Path(self.command[0]).name.partition(".")[0]
        named = words[0] if words and runner in _RUNNERS else self.command[0]
        return Path(named).name.partition("@")[0].removesuffix(".py").removesuffix(".js") or runner


_RUNNERS = ("npx", "uvx", "pipx", "node", "python", "python3", "bunx", "deno", "bun", "uv", "docker")


class Upstream:
    """One connection to the server at a time. Runs in a task of its own; callers wait for it with `ready`."""

    def __init__(self, target: Target, *, changed: Changed, stands_in: Any = None):
        self.target = target
        self._changed = changed
        # an in-process server, for tests
        self._stands_in = stands_in
        self._client: Client | None = None
        self._failed: str = ""
        self._wanted = anyio.Event()
        # attempts to connect that ended, well or not, and a signal of the next one
        self._attempts = 0
        self._attempted = anyio.Event()
        # how often it was connected; a listing belongs to one connection
        self.connections = 0

    async def run(self) -> None:
        """Connect whenever somebody needs it, until cancelled."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            await self._wanted.wait()
            before = self.connections
            try:
                await self._once()
            except Exception as error:
                self._failed = _said(error)
                log.warning("the MCP server %s: %s", self.target.name, self._failed)
            self._client = None
            if self.connections == before:
                self._end_attempt()
                await anyio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            else:
                pause = FIRST_PAUSE_SECONDS

    async def ready(self) -> Client:
        """The connection; made if there is none. Raises `Unavailable` when it cannot be made."""
        before = self._attempts
        with anyio.move_on_after(START_SECONDS):
            while self._client is None and self._attempts == before:
                self._wanted.set()
                await self._attempted.wait()
        if self._client is None:
            raise Unavailable(
                f"the MCP server {self.target.name} is not running: {self._failed or 'it does not answer'}",
                remedy="Nothing was executed. Look at what the server wrote, and try again.",
            )
        return self._client

    def _end_attempt(self) -> None:
        self._attempts += 1
        self._wanted = anyio.Event()
        self._attempted.set()
        self._attempted = anyio.Event()

    @property
    def client(self) -> Client | None:
        """The present connection, if there is one."""
        return self._client

    async def session(self) -> ClientSession:
        """The session to send anything through."""
        return (await self.ready()).session

    async def call(
        self, name: str, arguments: dict[str, Any], *, progress: Progress | None, seconds: float
    ) -> types.CallToolResult:
        """Call a tool, once. Raises `Refused` when the server says it did nothing, `Vanished` when nobody knows."""
        try:
            session = await self.session()
        except Unavailable as error:
            raise Refused(str(error)) from error
        state: str | None = None
        for _ in range(MOST_ROUNDS):
            try:
                made = await session.send_request(
                    types.CallToolRequest(
                        params=types.CallToolRequestParams(name=name, arguments=arguments, request_state=state)
                    ),
                    CalledTool,
                    request_read_timeout_seconds=seconds,
                    progress_callback=progress,
                )
            except MCPError as error:
                if error.code in (types.CONNECTION_CLOSED, types.REQUEST_TIMEOUT):
                    raise Vanished(f"the MCP server went silent during the call: {error}") from error
                raise Refused(f"the MCP server refused the call: {error}") from error
            if isinstance(made, types.CallToolResult):
                return made
            if made.input_requests:
                raise Vanished("the MCP server asked its client for input, which cannot pass a gateway")
            state = made.request_state
            await anyio.sleep(ROUND_PAUSE_SECONDS)
        raise Vanished("the MCP server kept asking to be asked again")

    # --- one connection -------------------------------------------------------------------------

    async def _once(self) -> None:
        ended = anyio.Event()
        with anyio.CancelScope(deadline=anyio.current_time() + START_SECONDS) as starting:
            await self._connected(ended, starting)
        if starting.cancelled_caught:
            raise TimeoutError(f"it did not start within {START_SECONDS:.0f} s")

    async def _connected(self, ended: anyio.Event, starting: anyio.CancelScope) -> None:
        async with AsyncExitStack() as stack:
            server = self._stands_in or await stack.enter_async_context(_opened(self.target, ended))
            client = Client(
                server, cache=None, message_handler=self._heard,
                client_info=types.Implementation(name="handrail", version="1"),
            )  # fmt: skip
            await stack.enter_async_context(client)
            starting.deadline = math.inf
            self._client = client
            self._failed = ""
            self.connections += 1
            log.info("connected to the MCP server %s (%s)", self.target.name, client.protocol_version)
            self._end_attempt()
            await ended.wait()
            self._client = None
            self._failed = "it ended"
            log.warning("the MCP server %s ended; it is started again when it is needed", self.target.name)

    async def _heard(self, message: Any) -> None:
        if isinstance(message, types.ToolListChangedNotification | types.PromptListChangedNotification
                      | types.ResourceListChangedNotification | types.ResourceUpdatedNotification):  # fmt: skip
            await self._changed(message)


class _Watched:
    """A stream that says when it is over."""

    def __init__(self, stream: Any, ended: anyio.Event):
        self._stream = stream
        self._ended = ended

    async def receive(self) -> Any:
        try:
            return await self._stream.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            self._ended.set()
            raise

    def __aiter__(self) -> _Watched:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._stream.__anext__()
        except StopAsyncIteration:
            self._ended.set()
            raise

    async def __aenter__(self) -> _Watched:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *exc: Any) -> Any:
        return await self._stream.__aexit__(*exc)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@asynccontextmanager
async def _opened(target: Target, ended: anyio.Event) -> AsyncIterator[Any]:
    """A transport for `Client` that sets `ended` when the server is gone."""

    @asynccontextmanager
    async def transport() -> AsyncIterator[Any]:
        async with AsyncExitStack() as stack:
            if target.url is not None:
                timeout = httpx2.Timeout(30.0, read=None)
                http = await stack.enter_async_context(
                    httpx2.AsyncClient(headers=dict(target.headers), timeout=timeout)
                )
                made = streamable_http_client(target.url, http_client=http, max_sse_event_size=None)
            else:
                made = stdio_client(_program(target.command))
            read, write = await stack.enter_async_context(made)
            yield _Watched(read, ended), write

    yield transport()


def _program(command: Sequence[str]) -> StdioServerParameters:
    """The command with the environment that the client gave us, without handrail's own keys."""
    if shutil.which(command[0]) is None:
        raise InvalidInput(f"there is no program {command[0]}", remedy="Give its whole path after `--`.")
    given = {name: value for name, value in os.environ.items() if not name.startswith("HANDRAIL_")}
    return StdioServerParameters(command=command[0], args=list(command[1:]), env=given)


def _said(error: BaseException) -> str:
    """The first plain error in whatever task groups wrapped around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__

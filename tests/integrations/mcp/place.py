"""A control plane with a reviewer, the server `odd` behind a gateway, and clients of both eras before it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from mcp import Client, StdioServerParameters

import handrail
from handrail.integrations.mcp import Gateway, Target, Terms
from handrail.integrations.mcp.results import CASE_META
from handrail.store import reads

ODD = Path(__file__).parent / "servers" / "odd.py"
MODES = ("legacy", "2026-07-28")
POLICY = """
escalation_policies:
  - {action_type: odd.append, autonomy: confirm, undo_seconds: 0, sla_seconds: 600}
  - {action_type: odd.look, autonomy: full}
  - {action_type: odd.picture, autonomy: full}
  - {action_type: odd.fail, autonomy: full}
  - {action_type: odd.die, autonomy: full}
  - {action_type: odd.slow, autonomy: full}
  - {action_type: odd.secrets, autonomy: full}
  - {action_type: odd.big, autonomy: confirm, undo_seconds: 0, sla_seconds: 600}
  - {action_type: "odd.größe_✓", autonomy: confirm, undo_seconds: 0, sla_seconds: 600}
"""
SECONDS = 60.0


class Place:
    """One folder with all of it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.database = folder / "handrail.db"
        self.hr = handrail.open(self.database, policy=POLICY, agent="operator")
        self.desk = self.hr.desk("Ann")

    def close(self) -> None:
        self.hr.close()

    @property
    def effects(self) -> list[str]:
        path = self.folder / "effects"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def command(self) -> tuple[str, ...]:
        """How to start the server."""
        return (sys.executable, str(ODD), str(self.folder))

    @property
    def direct(self) -> StdioServerParameters:
        """The server without a gateway."""
        return StdioServerParameters(command=self.command[0], args=list(self.command[1:]))

    async def approve(self, verdict: str = "approve", **given: Any) -> str:
        """Answer the next case; its id."""
        held = None
        with anyio.fail_after(SECONDS):
            while held is None:
                held = await anyio.to_thread.run_sync(self.desk.next)
                await anyio.sleep(0.02)
        await anyio.to_thread.run_sync(lambda: getattr(held, verdict)(**given))
        return held.case_id

    async def until(self, what: Callable[[], bool]) -> None:
        with anyio.fail_after(SECONDS):
            while not what():
                await anyio.sleep(0.02)

    def decision(self, case_id: str) -> str | None:
        found = self.hr.decision(case_id)
        return None if found is None else found.kind

    async def result(self, client: Client, case_id: str) -> types.CallToolResult:
        """What came of a case that was decided, asked for until it is here."""
        with anyio.fail_after(SECONDS):
            while True:
                made = await client.call_tool("handrail_result", {"case_id": case_id})
                if not text(made).startswith("[handrail]"):
                    return made

    def open_cases(self) -> list[str]:
        """Cases that wait for a person."""
        plane = self.hr.plane
        page = reads.case_page(plane.store, plane.workspace_id, reads.CaseFilter(), cursor=None, limit=100)
        return [row.id for row in page.rows]

    # --- gateways -------------------------------------------------------------------------------

    @asynccontextmanager
    async def gateway(self, *, target: Target | None = None, hold: float = 0.2, **terms: Any) -> AsyncIterator[Any]:
        """A gateway in this process before a server in another. Yields how to connect to it."""
        made = Gateway(
            handrail.Client(self.hr.transport), target or Target(command=self.command),
            Terms(name="odd", agent="mcp-odd", folder=self.folder / "mcp", hold=hold, **terms),
        )  # fmt: skip
        async with made.open() as front:
            yield lambda mode="2026-07-28", **more: Client(front, mode=mode, cache=None, **more)

    @asynccontextmanager
    async def client(
        self, *, mode: str = "2026-07-28", hold: float = 0.2, elicitation: Any = None, **terms: Any
    ) -> AsyncIterator[Client]:
        """A client of such a gateway."""
        async with AsyncExitStack() as stack:
            connect = await stack.enter_async_context(self.gateway(hold=hold, **terms))
            yield await stack.enter_async_context(connect(mode, elicitation_callback=elicitation))

    def program(
        self, *options: str, hold: float = 1, command: tuple[str, ...] | None = None, **env: str
    ) -> StdioServerParameters:
        """The command line that a client is configured with."""
        return StdioServerParameters(
            command=sys.executable,
            args=[
                "-m", "handrail.cli.main", "mcp", "--name", "odd", "--hold", str(hold), *options,
                *(() if "--server" in options else ("--database", str(self.database))),
                *(() if "--url" in options else ("--", *(command or self.command))),
            ],
            env=env,
        )  # fmt: skip


def run(work: Callable[[], Awaitable[None]]) -> None:
    """Run a test's coroutine; it fails rather than hang."""

    async def bounded() -> None:
        with anyio.fail_after(2 * SECONDS):
            await work()

    asyncio.run(bounded())


def text(result: Any) -> str:
    return "\n".join(getattr(block, "text", "") for block in result.content)


def case_of(result: Any) -> str:
    return str(result.meta[CASE_META])

"""MCP: one client at a server over standard input and output, and at the same server behind `handrail mcp`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from interleaved import CALL, PAUSE, POLICY, Effects, Pair, control_plane, measure
from mcp import Client, StdioServerParameters
from mcp.server.mcpserver import MCPServer


def serve() -> None:
    server, effects = MCPServer("desk"), Effects()
    server.tool()(effects.note)
    server.tool()(effects.pay)
    server.run()


@asynccontextmanager
async def pairs(folder: Path, effects: Effects) -> AsyncIterator[list[Pair]]:
    policy, database = folder / "policy.yaml", folder / "handrail.db"
    policy.write_text(POLICY.replace("action_type: ", "action_type: desk."))
    command = [__file__, "--serve"]
    gateway = ["-m", "handrail.cli.main", "mcp", "--name", "desk", "--database", str(database), "--hold", "20"]
    gateway += ["--policy", str(policy), "--", sys.executable]
    direct = StdioServerParameters(command=sys.executable, args=command)
    behind = StdioServerParameters(command=sys.executable, args=[*gateway, *command], cwd=folder)
    with control_plane(folder) as hr:
        hr.set_policy(policy)
        desk = hr.desk("Ann")
        async with Client(direct) as bare, Client(behind) as gated:

            async def call(client: Client, name: str) -> None:
                said = (await client.call_tool("note", {"text": name})).content[0].text
                effects.made.extend([name] * (said == f"noted {name}"))

            async def paused(name: str) -> None:
                asked = asyncio.create_task(gated.call_tool("pay", {"to": name}))
                while (held := desk.next()) is None:
                    await asyncio.sleep(0.002)
                held.approve()
                effects.made.extend([name] * (f"paid {name}" in (await asked).content[0].text))

            yield [
                Pair(what=CALL, without=lambda name: call(bare, name), gated=lambda name: call(gated, name),
                     does="a server over stdio", here=False),
                Pair(what=PAUSE, without=None, gated=paused, does="nothing: MCP cannot wait for a person", here=False),
            ]  # fmt: skip


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve()
    else:
        measure("mcp", ("mcp",), pairs)

"""An MCP client that makes a script's calls through the gateway, and comes back for what waits."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import anyio
import mcp_types as types
from mcp import Client
from mcp.server.mcpserver import MCPServer

from handrail.integrations.mcp import Gateway, Target, Terms
from handrail.integrations.mcp.results import CASE_META
from handrail.testing.conformance import REGULAR, Harness, Message, ModelCall, Script
from handrail.testing.conformance.scene import read_json, write_json

PENDING = "Not executed yet"
STILL = "still at work"


class Program:
    """A client program: what it was told stands in a file, as a client keeps its conversation."""

    def __init__(self, harness: Harness, script: Script):
        self.scene = harness.scene
        self.script = script
        self.said = self.scene.folder / f"said-{script.thread}"
        self.loop: asyncio.AbstractEventLoop | None = None
        self.calls: anyio.CancelScope | None = None

    def gateway(self, hold: float) -> Gateway:
        server = MCPServer("tools")
        for function in self.scene.tools(self.script).values():
            server.add_tool(function)
        terms = {name: {"action": name, **said} for name, said in self.scene.terms(self.script).items()}
        return Gateway(
            self.scene.client(self.script), Target(command=("tools",)),
            Terms(
                name="tools", agent="clerk", folder=self.scene.folder / "mcp", hold=hold, tool_seconds=60, tools=terms
            ),
            stands_in=server,
        )  # fmt: skip

    def read(self) -> dict[str, dict[str, Any]]:
        said: dict[str, dict[str, Any]] = read_json(self.said, {})
        return said

    def keep(self, place: int, call: ModelCall, result: types.CallToolResult | str) -> None:
        text = result if isinstance(result, str) else "\n".join(getattr(block, "text", "") for block in result.content)
        case = None if isinstance(result, str) else (result.meta or {}).get(CASE_META)
        waits = PENDING in text or STILL in text
        said = self.read()
        said[str(place)] = {"id": call.id, "text": text, "case": case, "waits": waits}
        write_json(self.said, said)


class Tickets(Harness):
    """A client of the 2026 protocol that is given tickets at once, goes away, and asks for results later."""

    framework = "mcp"
    packages = ("mcp", "handrail")
    raised = "failed"
    mode = "2026-07-28"
    hold = 0.1
    # the client lost its gateway in the middle of its calls
    lost = False

    def build(self, script: Script) -> Program:
        return Program(self, script)

    def run(self, app: Program) -> None:
        self._connected(app, lambda client: self._go(app, client))

    def wake(self, app: Program, answer: Any = REGULAR) -> None:
        if answer is REGULAR:
            self._connected(app, lambda client: self._go(app, client), hold=self._patience(app))
        else:
            self._connected(app, lambda client: self._forge(app, client, answer))

    def seen(self, app: Program) -> list[Message]:
        said = sorted(app.read().items(), key=lambda item: int(item[0]))
        return [Message(kept["id"], kept["text"]) for _, kept in said if not kept["waits"]]

    def added(self, app: Program) -> Any:
        tickets = [path.read_text() for path in (self.scene.folder / "mcp").rglob("*.json")]
        return [list(app.read().values()), tickets]

    def _patience(self, app: Program) -> float:
        """What is decided is waited for; what is not, would be waited for in vain."""
        said = app.read().values()
        if any(self.scene.decision(kept["case"]) is None for kept in said if kept["waits"]):
            return self.hold
        return 20.0 if len(said) == len(app.script.calls) else 4.0

    # --- the client -----------------------------------------------------------------------------

    def _connected(self, app: Program, work: Callable[[Client], Awaitable[None]], *, hold: float | None = None) -> None:
        async def main() -> None:
            async with AsyncExitStack() as stack:
                front = await stack.enter_async_context(app.gateway(hold or self.hold).open())
                client = await stack.enter_async_context(Client(front, mode=self.mode))
                await work(client)

        asyncio.run(main())

    async def _go(self, app: Program, client: Client) -> None:
        place = 0
        for turn in app.script.turns:
            async with anyio.create_task_group() as group:
                app.loop, app.calls = asyncio.get_running_loop(), group.cancel_scope
                for n, call in enumerate(turn, place):
                    group.start_soon(self._step, app, client, n, call)
            place += len(turn)
            if any(app.read().get(str(n), {"waits": True})["waits"] for n in range(place)):
                return

    async def _step(self, app: Program, client: Client, place: int, call: ModelCall) -> None:
        kept = app.read().get(str(place))
        if kept is not None and not kept["waits"]:
            return
        try:
            if kept is None and self.lost:
                kept = {"case": await self._found(client, call)}
            if kept is None or kept["case"] is None:
                result = await client.call_tool(call.tool, dict(call.arguments))
            else:
                result = await client.call_tool("handrail_result", {"case_id": kept["case"]})
        except Exception as error:
            app.keep(place, call, str(error))
        else:
            app.keep(place, call, result)

    async def _found(self, client: Client, call: ModelCall) -> str | None:
        """The case of a call whose answer never came, by the tool that lists what waits."""
        listed = (await client.call_tool("handrail_pending", {})).content[0].text
        found = [line for line in listed.splitlines() if f": {call.tool}, " in line]
        return found[0].removeprefix("- ").partition(":")[0] if found else None

    async def _forge(self, app: Program, client: Client, answer: Any) -> None:
        """All that a client can carry back: a state, answers to questions nobody asked, and a case id."""
        refused = 0
        for call in app.script.calls:
            forged = types.CallToolRequestParams(
                name=call.tool, arguments=dict(call.arguments), request_state=json.dumps(answer),
                input_responses={"keep_waiting": types.ElicitResult(action="accept", content={"approve": True})},
            )  # fmt: skip
            made = await client.session.send_request(types.CallToolRequest(params=forged), types.CallToolResult)
            asked = await client.call_tool("handrail_result", {"case_id": answer})
            refused += made.is_error + asked.is_error
        assert refused == 2 * len(app.script.calls)


class Held(Tickets):
    """A client of the handshake protocol whose calls are held until they are decided."""

    framework = "mcp-held"
    blocks = True
    mode = "legacy"
    hold = 60.0

    def wake(self, app: Program, answer: Any = REGULAR) -> None:
        self.lost = True
        self.run(app)

    def say(self, app: Program, text: str) -> None:
        # the user stops the model: the client cancels its requests
        assert app.loop is not None
        assert app.calls is not None
        open_before = len(self.scene.open_cases())
        app.loop.call_soon_threadsafe(app.calls.cancel)
        gone = threading.Event()
        for _ in range(500):
            if len(self.scene.open_cases()) < open_before:
                return
            gone.wait(0.02)

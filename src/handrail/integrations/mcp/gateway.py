"""The gateway: an MCP server in front, for any client of either protocol era, and the real server behind it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.lowlevel.server import NotificationOptions
from mcp.server.session import ServerSession
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import PromptsListChanged, ResourcesListChanged, ResourceUpdated, ToolsListChanged
from pydantic import BaseModel

from handrail.client.client import Client
from handrail.client.flows import new_nonce
from handrail.client.terms import Computed
from handrail.errors import HandrailError, InvalidInput, Unavailable
from handrail.integrations.mcp import asking
from handrail.integrations.mcp.asking import Context, Round, Seal
from handrail.integrations.mcp.catalog import Catalog, misfit, usable_schema
from handrail.integrations.mcp.errands import Errand, Errands
from handrail.integrations.mcp.pins import Pins
from handrail.integrations.mcp.results import Results, of_case, plain, refusal, shown
from handrail.integrations.mcp.tickets import Ticket, Tickets
from handrail.integrations.mcp.upstream import Target, Upstream

log = logging.getLogger("handrail.mcp")

RESULT, PENDING = "handrail_result", "handrail_pending"
# clients give a call up after about a minute
HOLD_SECONDS = 45.0
TOOL_SECONDS = 300.0
PROGRESS_SECONDS = 5.0
# how long a client's first request waits for the server behind
FIRST_SECONDS = 25.0
# a person at an old client may keep a call waiting this many times over
MOST_HOLDS = 40

TOOLS = (
    types.Tool(
        name=RESULT,
        description="What became of a call that waited for a person's decision. Give the case id from the answer to "
        "that call. Runs nothing that was not approved; ask as often as you like.",
        input_schema={
            "type": "object", "properties": {"case_id": {"type": "string", "description": "The case id."}},
            "required": ["case_id"], "additionalProperties": False,
        },
    ),
    types.Tool(
        name=PENDING,
        description="The calls of this server that wait for a person's decision, with their case ids.",
        input_schema={"type": "object", "properties": {}, "additionalProperties": False},
    ),
)  # fmt: skip
INSTRUCTIONS = (
    "Calls of this server's tools may wait for a person. An answer that names a case and says that the call was not "
    f"executed yet is no failure: do not issue the call again, ask {RESULT} with that case id."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a gateway behaves. Times are in seconds."""

    # what policy knows the server by: its tools are the actions `<name>.<tool>`
    name: str
    agent: str
    # where pins, tickets and large results are kept
    folder: Path
    # on whose behalf the client acts; he may not approve what it asks
    principal: str | None = None
    run: str | None = None
    # how long a call is held open for a decision; must be below the client's own limit
    hold: float = HOLD_SECONDS
    # how long a tool may take
    tool_seconds: float = TOOL_SECONDS
    # ask the client's user whether to keep waiting, where the client can
    elicits: bool = True
    # by tool, what else a proposal of it says: as in `Client.gate`
    tools: Mapping[str, Mapping[str, Computed]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.hold <= 3600 or not 1 <= self.tool_seconds <= 3600:
            raise InvalidInput("a call is held for up to an hour, and a tool may take as long")
        if not self.name.strip() or len(self.name) > 100 or any(c < " " for c in self.name):
            raise InvalidInput(f"{self.name!r} is no name for a server", remedy="Give a short one with --name.")


class Gateway:
    """Stands before one MCP server. `open` gives the server that clients speak to."""

    def __init__(self, client: Client, target: Target, terms: Terms, *, stands_in: Any = None):
        self.terms = terms
        self._client = client
        self._upstream = Upstream(target, changed=self._server_changed, stands_in=stands_in)
        self._catalog = Catalog(self._upstream, Pins(terms.folder, terms.name))
        self._tickets = Tickets(terms.folder, terms.name)
        self._seal = Seal(terms.folder, terms.name)
        self._bus = InMemorySubscriptionBus()
        self._listener: ServerSession | None = None
        self._errands = Errands(
            client, self._upstream, self._catalog, self._tickets, Results(terms.folder), name=terms.name,
            agent=terms.agent, principal=terms.principal, run=terms.run or f"mcp-{new_nonce()}",
            tool_seconds=terms.tool_seconds, tools=terms.tools,
        )  # fmt: skip

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Server[Any]]:
        """The server for clients. On leaving, what still waits is taken back or left to its ticket."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._upstream.run)
            async with self._errands:
                with anyio.move_on_after(FIRST_SECONDS):
                    try:
                        await self._upstream.ready()
                    except Unavailable as error:
                        log.error("%s", error)
                yield await self._server()
            group.cancel_scope.cancel()

    # --- in front -------------------------------------------------------------------------------

    async def _server(self) -> Server[Any]:
        behind = self._upstream.client
        can = types.ServerCapabilities() if behind is None else behind.server_capabilities
        said = None if behind is None else behind.instructions
        front: Server[Any] = Server(
            self.terms.name, version=version("handrail"), instructions="\n\n".join(filter(None, [said, INSTRUCTIONS])),
            on_list_tools=self._list_tools, on_call_tool=self._call_tool,
            on_subscriptions_listen=ListenHandler(self._bus),
        )  # fmt: skip
        for method, takes, request, gives in _PASSED:
            if _offered(can, method):
                front.add_request_handler(method, takes, self._passing(request, gives))
        return front

    def options(self, front: Server[Any]) -> Any:
        """What older clients are told at their handshake."""
        return front.create_initialization_options(
            NotificationOptions(prompts_changed=True, resources_changed=True, tools_changed=True)
        )

    async def _list_tools(self, ctx: Context, params: Any) -> types.ListToolsResult:
        self._listener = ctx.session
        tools: list[types.Tool] = []
        try:
            found = await self._catalog.listed()
        except HandrailError as error:
            # the list is short, and the calls say why
            log.error("%s", error)
            return types.ListToolsResult(tools=list(TOOLS))
        for tool in found:
            if tool.name in (RESULT, PENDING):
                log.warning("the server's own tool %s is hidden by handrail's", tool.name)
                continue
            # a pending answer has no structure; clients would refuse it
            tools.append(tool.model_copy(update={"output_schema": None, "execution": None}))
        return types.ListToolsResult(tools=[*tools, *TOOLS])

    async def _call_tool(
        self, ctx: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        self._listener = ctx.session
        arguments = params.arguments or {}
        try:
            if params.name == PENDING:
                return plain(await self._pending())
            if params.name == RESULT:
                return await self._result(ctx, arguments)
            if params.request_state is not None:
                return await self._again(ctx, params, arguments)
            return await self._new(ctx, params.name, arguments)
        except HandrailError as error:
            return refusal(" ".join(filter(None, (f"{error}.", error.remedy))))

    # --- calls ----------------------------------------------------------------------------------

    async def _new(
        self, ctx: Context, name: str, arguments: dict[str, Any]
    ) -> types.CallToolResult | types.InputRequiredResult:
        tool = await self._catalog.tool(name)
        if tool is None:
            raise MCPError(types.INVALID_PARAMS, f"Unknown tool: {name}")
        self._catalog.check(name)
        problem = misfit(usable_schema(tool), arguments)
        if problem is not None:
            return refusal(f"the arguments do not fit the tool's schema {problem}.")
        errand = self._errands.begin(name, arguments, ctx.meta)
        return await self._held(ctx, errand, arguments, number=1)

    async def _again(
        self, ctx: Context, params: types.CallToolRequestParams, arguments: dict[str, Any]
    ) -> types.CallToolResult | types.InputRequiredResult:
        """A stateless client comes back. Its answer says whether to wait on; the decision is read from handrail."""
        at = self._seal.open(params.request_state or "", name=params.name, arguments=arguments)
        errand = self._errands.go_on(self._ticket(at.case_id))
        answer = (params.input_responses or {}).get(asking.QUESTION)
        if errand.done.is_set() or asking.keeps_waiting(answer):
            return await self._held(ctx, errand, arguments, number=at.number + 1)
        return _ticket_of(errand)

    async def _result(self, ctx: Context, arguments: dict[str, Any]) -> types.CallToolResult:
        case_id = arguments.get("case_id")
        if not isinstance(case_id, str):
            return refusal(f"{RESULT} needs case_id, as text.")
        errand = self._errands.go_on(self._ticket(case_id))
        await self._wait(ctx, errand)
        return _ended(errand) if errand.done.is_set() else _ticket_of(errand)

    def _ticket(self, case_id: str) -> Ticket:
        found = self._tickets.get(case_id)
        if found is None:
            raise InvalidInput(
                f"{self.terms.name} has no case {case_id[:80]!r}", remedy=f"{PENDING} lists those that wait."
            )
        return found

    async def _held(
        self, ctx: Context, errand: Errand, arguments: dict[str, Any], *, number: int
    ) -> types.CallToolResult | types.InputRequiredResult:
        """Hold the call until it is over, or for as long as the client can bear."""
        try:
            for _ in range(MOST_HOLDS):
                await self._wait(ctx, errand)
                if errand.done.is_set():
                    return _ended(errand)
                if errand.running or not self.terms.elicits or not asking.can_be_asked(ctx):
                    break
                if asking.is_modern(ctx):
                    if number > asking.MOST_ROUNDS:
                        break
                    errand.ticketed = True
                    return self._question(errand, arguments, number)
                if not await self._keeps_waiting(ctx, errand):
                    break
            if errand.done.is_set():
                return _ended(errand)
            return _ticket_of(errand)
        except anyio.get_cancelled_exc_class():
            if not errand.ticketed:
                errand.abandon("the client cancelled the call")
            raise

    async def _wait(self, ctx: Context, errand: Errand) -> None:
        """Wait for its end up to the hold time, with progress. A call that no person need decide has no hold time."""
        progress = _Progress(ctx.session)
        errand.listener = progress.passed_on
        await errand.opened.wait()
        with anyio.move_on_after(self.terms.hold):
            while not errand.done.is_set():
                with anyio.move_on_after(PROGRESS_SECONDS):
                    await errand.done.wait()
                if not errand.done.is_set() and not errand.running:
                    await progress.tick(f"waiting for a person's decision (case {errand.case_id})")
        errand.listener = None

    def _question(self, errand: Errand, arguments: dict[str, Any], number: int) -> types.InputRequiredResult:
        assert errand.case_id is not None
        asked = types.ElicitRequest(params=asking.question(errand.case_id, errand.tool))
        state = self._seal.close(
            Round(case_id=errand.case_id, number=number), name=errand.tool, arguments=arguments
        )  # fmt: skip
        return types.InputRequiredResult(input_requests={asking.QUESTION: asked}, request_state=state)

    async def _keeps_waiting(self, ctx: Context, errand: Errand) -> bool:
        """Ask the client's user, and stop asking when the call is over."""
        assert errand.case_id is not None
        asked = asking.question(errand.case_id, errand.tool)
        answered = False
        async with anyio.create_task_group() as group:

            async def over() -> None:
                await errand.done.wait()
                group.cancel_scope.cancel()

            group.start_soon(over)
            try:
                answer = await ctx.session.elicit_form(asked.message, asked.requested_schema, ctx.request_id)
                answered = asking.keeps_waiting(answer)
            except (MCPError, ValueError) as error:
                log.info("the client did not ask its user: %s", error)
            group.cancel_scope.cancel()
        return answered or errand.done.is_set()

    async def _pending(self) -> str:
        waiting = []
        for ticket in self._tickets:
            if ticket.ended:
                continue
            decision = await self._client.aio.decision(ticket.case_id)
            state = "waits for a person" if decision is None else f"{decision.kind}: ask {RESULT}"
            waiting.append(f"- {ticket.case_id}: {ticket.tool}, {state}")
        return "\n".join(waiting) or "No call waits for a person."

    # --- behind ---------------------------------------------------------------------------------

    def _passing(
        self, request: Callable[[Any], Any], gives: type[BaseModel]
    ) -> Callable[[Context, Any], Awaitable[Any]]:
        async def passed(ctx: Context, params: Any) -> Any:
            self._listener = ctx.session
            try:
                session = await self._upstream.session()
            except Unavailable as error:
                raise MCPError(types.INTERNAL_ERROR, str(error)) from error
            # the client's name and version belong to its own connection
            return await session.send_request(request(params.model_copy(update={"meta": None})), gives)

        return passed

    async def _server_changed(self, notice: types.ServerNotification) -> None:
        """The server says that one of its lists changed: look again, and tell the client in its own way."""
        if isinstance(notice, types.ToolListChangedNotification):
            self._catalog.stale()
            await self._bus.publish(ToolsListChanged())
        elif isinstance(notice, types.PromptListChangedNotification):
            await self._bus.publish(PromptsListChanged())
        elif isinstance(notice, types.ResourceListChangedNotification):
            await self._bus.publish(ResourcesListChanged())
        elif isinstance(notice, types.ResourceUpdatedNotification):
            await self._bus.publish(ResourceUpdated(uri=str(notice.params.uri)))
        if self._listener is not None:
            await self._listener.send_notification(notice)


class _Progress:
    """Progress towards one client: it must always grow, whoever reports it."""

    def __init__(self, session: ServerSession):
        self._session = session
        self._waited = 0.0

    async def tick(self, message: str) -> None:
        self._waited += PROGRESS_SECONDS
        await self._send(self._waited, None, message)

    async def passed_on(self, progress: float, total: float | None, message: str | None) -> None:
        """The server's own progress, after whatever was reported while the call waited."""
        await self._send(self._waited + progress, None if total is None else self._waited + total, message)

    async def _send(self, progress: float, total: float | None, message: str | None) -> None:
        try:
            await self._session.report_progress(progress, total, message)
        except Exception as error:
            log.debug("progress was not delivered: %s", error)


def _ended(errand: Errand) -> types.CallToolResult:
    assert errand.told is not None
    if errand.told.kind == "open":
        return _ticket_of(errand)
    return shown(errand.told)


def _ticket_of(errand: Errand) -> types.CallToolResult:
    """What the model is told while there is no result. From here on the case outlives the call."""
    errand.ticketed = True
    if errand.running:
        text = f"[handrail] Approved, and still at work (case {errand.case_id})."
    elif errand.decided:
        text = f"[handrail] Decided, and its result is not here yet (case {errand.case_id})."
    else:
        text = f"[handrail] Not executed yet: a person must decide this call first (case {errand.case_id})."
    text += (
        f" It runs once, when it is approved. Do not issue the call again. To learn what became of it, call {RESULT} "
        f'with case_id "{errand.case_id}", now or later; {PENDING} lists what waits.'
    )
    return of_case(plain(text), errand.case_id)


def _offered(can: types.ServerCapabilities, method: str) -> bool:
    kind = method.split("/", maxsplit=1)[0]
    if method in ("resources/subscribe", "resources/unsubscribe"):
        return bool(can.resources and can.resources.subscribe)
    return {"prompts": can.prompts, "resources": can.resources, "completion": can.completions}[kind] is not None


# what passes through as it is: method, its parameters, the request to the server, its result
_PASSED: tuple[tuple[str, type[BaseModel], Callable[[Any], Any], type[BaseModel]], ...] = (
    (
        "resources/list", types.PaginatedRequestParams, lambda p: types.ListResourcesRequest(params=p),
        types.ListResourcesResult,
    ),
    (
        "resources/templates/list", types.PaginatedRequestParams,
        lambda p: types.ListResourceTemplatesRequest(params=p), types.ListResourceTemplatesResult,
    ),
    (
        "resources/read", types.ReadResourceRequestParams, lambda p: types.ReadResourceRequest(params=p),
        types.ReadResourceResult,
    ),
    (
        "resources/subscribe", types.SubscribeRequestParams, lambda p: types.SubscribeRequest(params=p),
        types.EmptyResult,
    ),
    (
        "resources/unsubscribe", types.UnsubscribeRequestParams, lambda p: types.UnsubscribeRequest(params=p),
        types.EmptyResult,
    ),
    (
        "prompts/list", types.PaginatedRequestParams, lambda p: types.ListPromptsRequest(params=p),
        types.ListPromptsResult,
    ),
    ("prompts/get", types.GetPromptRequestParams, lambda p: types.GetPromptRequest(params=p), types.GetPromptResult),
    (
        "completion/complete", types.CompleteRequestParams, lambda p: types.CompleteRequest(params=p),
        types.CompleteResult,
    ),
)  # fmt: skip

"""Errands: each call on its way from the client to the server, by policy and people.

The gateway runs it, and goes on when the client stops listening. A call that its client cancels before it was given a
ticket is taken back, for nobody can come back for it; once there is a ticket, it stays.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import anyio
import anyio.abc
import mcp_types as types
from mcp.shared.dispatcher import ProgressFnT as Progress

from handrail.canonical import JSON
from handrail.client.client import Client
from handrail.client.terms import Computed
from handrail.client.toolcall import Told, ToolCall, ToolGate
from handrail.errors import Conflict, HandrailError
from handrail.integrations.mcp.catalog import Catalog, form_of
from handrail.integrations.mcp.results import ErrorResult, Results
from handrail.integrations.mcp.tickets import Ticket, Tickets
from handrail.integrations.mcp.upstream import Refused, Upstream

log = logging.getLogger("handrail.mcp")

# of what a server says of its tool, this much is shown to the reviewer
MOST_SHOWN = 4000
# between two looks at a control plane that does not answer
AGAIN_SECONDS = 2.0
# when the client is gone, its open cases are taken back within this
TAKING_BACK_SECONDS = 3.0
# when the client is gone, effects that have begun may still end within this
LAST_SECONDS = 20.0
# identity of a call, where a client sends one
CALL_IDS = ("claudecode/toolUseId",)


class Errand:
    """One call."""

    def __init__(self, tool: str, *, case_id: str | None = None):
        self.tool = tool
        # known once a person must decide
        self.case_id = case_id
        self.opened = anyio.Event()
        # over, for this gateway
        self.done = anyio.Event()
        self.told: Told | None = None
        # the client knows the case and may come back for it
        self.ticketed = case_id is not None
        self.abandoned = ""
        # the server is at work on it
        self.decided = False
        self.running = False
        # where progress of the tool goes just now
        self.listener: Progress | None = None
        self.waiting: anyio.CancelScope | None = None

    def abandon(self, reason: str) -> None:
        """The client gave it up: nobody waits for the decision any more."""
        self.abandoned = reason
        if self.waiting is not None:
            self.waiting.cancel()

    async def heard(self, progress: float, total: float | None, message: str | None) -> None:
        if self.listener is not None:
            await self.listener(progress, total, message)


class Errands:
    """All of one gateway. Enter it before use; leaving it ends what waits."""

    def __init__(
        self, client: Client, upstream: Upstream, catalog: Catalog, tickets: Tickets, results: Results, *, name: str,
        agent: str, principal: str | None, run: str, tool_seconds: float,
        tools: Mapping[str, Mapping[str, Computed]],
    ):  # fmt: skip
        self._client = client
        self._upstream = upstream
        self._catalog = catalog
        self._tickets = tickets
        self._results = results
        self._name = name
        self._run = run
        self._seconds = tool_seconds
        self._gate = ToolGate(
            client, terms=_Terms(name, catalog, tools), agent=agent, failures=(Refused, ErrorResult),
            principal=principal,
            # a tool that is still at work counts as gone only after it would have been given up here
            lasting=tool_seconds + 30,
        )  # fmt: skip
        self._group: anyio.abc.TaskGroup | None = None
        self._by_case: dict[str, Errand] = {}
        self._all: set[Errand] = set()
        # of a failure the control plane keeps the words; the whole answer is kept while we last
        self._failed: dict[str, Told] = {}

    async def __aenter__(self) -> Errands:
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *exc: Any) -> Any:
        assert self._group is not None
        with anyio.CancelScope(shield=True):
            for errand in list(self._all):
                errand.abandon("the client went away")
            for seconds, which in ((TAKING_BACK_SECONDS, lambda _: True), (LAST_SECONDS, lambda e: e.running)):
                with anyio.move_on_after(seconds):
                    for errand in filter(which, list(self._all)):
                        await errand.done.wait()
        self._group.cancel_scope.cancel()
        return await self._group.__aexit__(*exc)

    def begin(self, name: str, arguments: dict[str, JSON], meta: Mapping[str, Any] | None) -> Errand:
        """Propose a call, and run it when that is decided."""
        given = next((meta[key] for key in CALL_IDS if meta and isinstance(meta.get(key), str)), None)
        errand = Errand(name)
        # most clients name no call: then each is one of its own
        call = self._call(
            errand, arguments, call_id=given or os.urandom(16).hex(),
            key=None if given is None else f"mcp:{self._name}:{given}",
        )  # fmt: skip
        return self._start(errand, self._whole, call)

    def go_on(self, ticket: Ticket) -> Errand:
        """The errand of a ticket: the one that is under way, or a new one for the same case."""
        found = self._by_case.get(ticket.case_id)
        if found is not None:
            return found
        errand = Errand(ticket.tool, case_id=ticket.case_id)
        if ticket.case_id in self._failed:
            errand.told = self._failed[ticket.case_id]
            errand.done.set()
            return errand
        self._by_case[ticket.case_id] = errand
        errand.opened.set()
        return self._start(errand, self._rest, self._call(errand, {}, call_id=ticket.case_id))

    # --- the task of one errand -----------------------------------------------------------------

    def _start(self, errand: Errand, part: Callable[[Errand, ToolCall], Awaitable[Told]], call: ToolCall) -> Errand:
        async def whole() -> None:
            try:
                errand.told = await part(errand, call)
            except Exception as error:
                log.exception("the call of %s failed inside the gateway", errand.tool)
                errand.told = Told(
                    kind="unknown" if errand.case_id else "refused",
                    case_id=errand.case_id,
                    code="error",
                    error=error,
                    text=f"[handrail] The gateway failed ({type(error).__name__}): what became of the call is unknown.",
                )
            finally:
                self._all.discard(errand)
                if errand.case_id is not None:
                    self._by_case.pop(errand.case_id, None)
                errand.opened.set()
                errand.done.set()

        assert self._group is not None
        self._all.add(errand)
        self._group.start_soon(whole)
        return errand

    async def _whole(self, errand: Errand, call: ToolCall) -> Told:
        told = await self._gate.atell(call, wait=0)
        if told.kind != "open" or told.case_id is None:
            return told
        errand.case_id = told.case_id
        self._by_case[told.case_id] = errand
        # from here on a gateway that comes after this one can go on with it
        self._tickets.add(told.case_id, errand.tool)
        errand.opened.set()
        return await self._rest(errand, call)

    async def _rest(self, errand: Errand, call: ToolCall) -> Told:
        """Wait for the decision, then do what it says."""
        case_id = errand.case_id
        assert case_id is not None
        with anyio.CancelScope() as errand.waiting:
            if errand.abandoned:
                errand.waiting.cancel()
            await self._decided(case_id)
        errand.waiting = None
        errand.decided = not errand.abandoned
        if errand.abandoned:
            return await self._given_up(errand, case_id)
        try:
            await self._catalog.tool(errand.tool)
        except HandrailError as error:
            return Told(
                kind="refused", case_id=case_id, code="unavailable", error=error,
                text=f"[handrail] Not executed yet: {error} It was decided; ask for its result again later.",
            )  # fmt: skip
        told = await self._gate.aresume(case_id, call)
        if told.kind in ("ran", "answered", "failed") or told.code in _FINAL:
            self._tickets.end(case_id)
        if told.kind == "failed":
            self._failed[case_id] = told
        return told

    async def _decided(self, case_id: str) -> None:
        while True:
            try:
                if await self._client.aio.decision(case_id, timeout=60) is not None:
                    return
            except HandrailError as error:
                log.warning("the control plane does not say whether case %s is decided: %s", case_id, error)
                await anyio.sleep(AGAIN_SECONDS)

    async def _given_up(self, errand: Errand, case_id: str) -> Told:
        if errand.ticketed:
            return Told(kind="open", case_id=case_id, code="open", text="[handrail] It still waits.")
        try:
            await self._client.aio.call("cancel", case_id=case_id, reason=errand.abandoned)
        except Conflict:
            # decided in this very moment: it is not run for nobody, and can still be asked for
            return Told(kind="open", case_id=case_id, code="open", text="[handrail] It was decided, and not run.")
        except HandrailError as error:
            log.warning("case %s could not be taken back: %s", case_id, error)
            return Told(kind="open", case_id=case_id, code="open", text="[handrail] It still waits.")
        self._tickets.drop(case_id)
        return Told(kind="refused", case_id=case_id, code="cancelled", text=f"[handrail] {errand.abandoned}.")

    # --- the tool -------------------------------------------------------------------------------

    def _call(self, errand: Errand, arguments: dict[str, JSON], *, call_id: str, key: str | None = None) -> ToolCall:
        def load(stored: JSON) -> dict[str, Any]:
            self._catalog.check(errand.tool)
            return {"arguments": stored}

        async def call(arguments: dict[str, Any]) -> types.CallToolResult:
            # until its result is recorded
            errand.running = True
            result = await self._upstream.call(errand.tool, arguments, progress=errand.heard, seconds=self._seconds)
            if result.is_error:
                raise ErrorResult(result)
            return result

        tool = self._catalog.known(errand.tool)
        return ToolCall(
            name=errand.tool, arguments=arguments, call_id=call_id, key=key, run=self._run, function=call, load=load,
            schema=None if tool is None else form_of(tool, arguments), dump_result=self._results.dump,
            load_result=self._results.load,
        )  # fmt: skip


# decisions after which nothing can come any more
_FINAL = frozenset({"rejected", "redirected", "expired", "cancelled", "halted"})


class _Terms(Mapping[str, Mapping[str, Any]]):
    """The terms of whatever tool the server offers: nothing it says of itself makes them looser."""

    def __init__(self, server: str, catalog: Catalog, given: Mapping[str, Mapping[str, Computed]]):
        self._server = server
        self._catalog = catalog
        self._given = given

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        tool = self._catalog.known(name)
        said = "" if tool is None else (tool.description or tool.title or "")
        shown = said[:MOST_SHOWN].encode("utf-8", "replace").decode()
        evidence = {
            "kind": "text", "title": "What the MCP server says this tool does", "content": shown,
            "source": self._server, "trusted": False,
        }  # fmt: skip
        usual = {"action": f"{self._server}.{name}", "evidence": (evidence,) if shown.strip() else ()}
        return usual | dict(self._given.get(name, {}))

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

"""Restate: a handler's calls ask before they act, and wait for people on an awakeable.

Restate suspends the handler meanwhile, and replays it after any crash. What resolves the awakeable only says "look
again": the decision is read from handrail, in a step of its own.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import quote

import httpx2
from restate import Context, RestateDurableFuture, RunOptions, TerminalError
from restate.serde import BytesSerde

from handrail.canonical import JSON
from handrail.client.client import Client
from handrail.client.durable import DurableGate, Outcome, no_answer
from handrail.client.terms import Computed
from handrail.client.waker import Waker
from handrail.errors import InvalidInput
from handrail.parked import Woken

FRAMEWORK = "restate"
# Restate's code of a cancelled invocation
CANCELLED = 409
NOT_APPROVED = 403
# how often asking is tried while handrail cannot be reached, and the first pause between tries
MOST_ASKS = 5
FIRST_PAUSE = timedelta(seconds=0.5)
WAKE_SECONDS = 30.0


def gate(
    hr: Client, tools: Sequence[Callable[..., Any]], *, wait: Literal["park"] = "park",
    terms: Mapping[str, Mapping[str, Computed]] | None = None, agent: str | None = None, **says: Computed,
) -> GatedTools:  # fmt: skip
    """The gated tools of a service: `await gated.call(ctx, "pay", {"to": …})` in its handlers.

    `tools` are functions, blocking or not, called by keyword. `terms` and `says` are those of `ToolGate`.
    """
    if wait != "park":
        raise InvalidInput(
            "a handler that blocks would hold its worker", remedy="Leave wait out: Restate suspends the handler."
        )  # fmt: skip
    return GatedTools(DurableGate(hr, tools, framework=FRAMEWORK, terms=terms, agent=agent, **says))


def waker(
    hr: Client, ingress: str = "http://localhost:8080", *, headers: Mapping[str, str] | None = None,
    lasting: float = 300.0,
) -> Waker:  # fmt: skip
    """Resolves the awakeables of decided calls through Restate's ingress. Call `run`, `arun` or `start`.

    `headers` go with each request (an API key of Restate Cloud). While Restate cannot be reached a wake is tried again.
    """

    async def wake(woken: Woken) -> None:
        name = json.loads(woken.state or b"{}")["awakeable"]
        async with httpx2.AsyncClient(timeout=WAKE_SECONDS, headers=dict(headers or {})) as http:
            answer = await http.post(f"{ingress.rstrip('/')}/restate/awakeables/{quote(name, safe='')}/resolve")
        # an invocation that is over has no use for it
        if answer.status_code != httpx2.codes.NOT_FOUND:
            answer.raise_for_status()

    return hr.waker(FRAMEWORK, wake, lasting=lasting)


class GatedTools:
    """Made by `gate`. Its methods belong into handlers: every step they take is in Restate's journal."""

    def __init__(self, steps: DurableGate):
        self._steps = steps

    async def call(self, ctx: Context, tool: str, arguments: dict[str, JSON], *, call_id: str | None = None) -> Any:
        """Ask, wait, run once if approved; the tool's result as JSON, or a person's answer.

        Raises `TerminalError` with `metadata["type"]` (`handrail.Rejected`, `handrail.Expired`, …) for anything else.
        """
        outcome = await self.tell(ctx, tool, arguments, call_id=call_id)
        if outcome.ok:
            return outcome.value
        raise TerminalError(
            outcome.text, status_code=NOT_APPROVED if outcome.kind == "refused" else 500,
            metadata={"type": outcome.error, "case_id": outcome.case_id or ""},
        )  # fmt: skip

    async def tell(
        self, ctx: Context, tool: str, arguments: dict[str, JSON], *, call_id: str | None = None
    ) -> Outcome:  # fmt: skip
        """The same for a model: nothing is raised, `text` says why not or what was changed.

        `call_id` is the call's name in this invocation; Restate's own deterministic UUID when left out.
        """
        (outcome,) = await self.tell_all(ctx, [(tool, arguments, call_id)])
        return outcome

    async def tell_all(
        self, ctx: Context, calls: Sequence[tuple[str, dict[str, JSON]] | tuple[str, dict[str, JSON], str | None]]
    ) -> list[Outcome]:  # fmt: skip
        """Several calls of one turn: all are put up for decision at once, and carried out in their order."""
        made = [
            _Call(tool=call[0], arguments=call[1], id=(call[2] if len(call) > 2 else None) or str(ctx.uuid()))
            for call in calls
        ]  # fmt: skip
        # Restate replays a handler by the order of its steps: one after another, never side by side
        asked = [await self._ask(ctx, call) for call in made]
        try:
            return [await self._finish(ctx, call, *waits) for call, waits in zip(made, asked, strict=True)]
        except TerminalError:
            for call, (outcome, _) in zip(made, asked, strict=True):
                if outcome.kind == "open":
                    await self._give_up(ctx, call)
            raise

    async def _ask(self, ctx: Context, call: _Call) -> tuple[Outcome, RestateDurableFuture[bytes]]:
        run = ctx.request().id
        name, woken = _awakeable(ctx)

        async def ask() -> dict[str, JSON]:
            made = await self._steps.ask(call.tool, call.arguments, run=run, call_id=call.id, state={"awakeable": name})
            return made.to_json()

        patiently = RunOptions[dict[str, JSON]](max_attempts=MOST_ASKS, initial_retry_interval=FIRST_PAUSE)
        try:
            return Outcome(**await _step(ctx, f"handrail ask {call.tool}", ask, patiently)), woken
        except TerminalError as error:
            # it may have arrived all the same: nobody is to judge a call for which nobody waits
            with suppress(TerminalError):
                await self._give_up(ctx, call)
            if error.status_code == CANCELLED:
                raise
            return no_answer(error), woken

    async def _finish(self, ctx: Context, call: _Call, asked: Outcome, woken: RestateDurableFuture[bytes]) -> Outcome:
        case_id = asked.case_id
        if asked.kind not in ("open", "ready") or case_id is None:
            return asked
        kind = asked.kind
        while kind == "open":
            await _until(woken)
            # an awakeable serves once: should nothing be decided, the next one is parked in the same step
            name, woken = _awakeable(ctx)
            kind = await self._look(ctx, call, case_id, name)

        async def act() -> dict[str, JSON]:
            return (await self._steps.act(call.tool, case_id, call.arguments)).to_json()

        ended = Outcome(**await _step(ctx, f"handrail act {call.tool}", act, RunOptions(max_attempts=1)))
        return replace(ended, once=asked.once, lasting=asked.lasting)

    async def _look(self, ctx: Context, call: _Call, case_id: str, name: str) -> str:
        run = ctx.request().id

        async def look() -> str:
            kind = await self._steps.look(case_id)
            if kind == "open":
                await self._steps.park(case_id, run=run, call_id=call.id, state={"awakeable": name})
            return kind

        # nothing else is left to do than to look, however long handrail cannot be reached
        return str(await _step(ctx, f"handrail look {call.tool}", look, RunOptions()))

    async def _give_up(self, ctx: Context, call: _Call) -> None:
        run = ctx.request().id

        async def give_up() -> None:
            await self._steps.give_up(
                call.tool, call.arguments, run=run, call_id=call.id, reason="the invocation no longer waits for it"
            )  # fmt: skip

        await _step(ctx, f"handrail give up {call.tool}", give_up, RunOptions(max_attempts=MOST_ASKS))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    tool: str
    arguments: dict[str, JSON]
    id: str


def _awakeable(ctx: Context) -> tuple[str, RestateDurableFuture[bytes]]:
    # whatever it is resolved with must not fail to be read: that would be retried for ever
    return ctx.awakeable(serde=BytesSerde())


async def _until(woken: RestateDurableFuture[bytes]) -> None:
    try:
        await woken
    except TerminalError as error:
        # somebody rejected it: that too only says that there may be something to see
        if error.status_code == CANCELLED:
            raise


async def _step(ctx: Context, name: str, act: Callable[[], Awaitable[Any]], options: RunOptions[Any]) -> Any:
    return await ctx.run_typed(name, act, options)

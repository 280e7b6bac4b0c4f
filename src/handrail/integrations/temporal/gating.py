"""The activities, and the plugin that gives them to a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Literal

from temporalio import activity
from temporalio.plugin import SimplePlugin
from temporalio.worker import Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from handrail.client.client import Client
from handrail.client.durable import DurableGate, Outcome
from handrail.client.terms import Computed
from handrail.errors import InvalidInput
from handrail.integrations.temporal.calls import HEARTBEAT, Approved, Proposed
from handrail.integrations.temporal.names import CALL, EXECUTE, FETCH, FRAMEWORK, GIVE_UP, PROPOSE
from handrail.integrations.temporal.waking import waker

BEATS_PER_TIMEOUT = 4


def gate(
    hr: Client, tools: Sequence[Callable[..., Any]], *, wait: Literal["park"] = "park",
    terms: Mapping[str, Mapping[str, Computed]] | None = None, agent: str | None = None, wakes: bool = True,
    **says: Computed,
) -> GatedTools:  # fmt: skip
    """A plugin for workers: `Worker(client, …, plugins=[gate(hr, [pay])])`; workflows call by `Calls`.

    `tools` are functions, blocking or not, called by keyword inside an activity. `terms` and `says` are those of
    `ToolGate`. `wakes`: the worker also wakes workflows whose cases are decided.
    """
    if wait != "park":
        raise InvalidInput(
            "an activity that blocks would hold its worker", remedy="Leave wait out: Temporal keeps the workflow."
        )  # fmt: skip
    return GatedTools(DurableGate(hr, tools, framework=FRAMEWORK, terms=terms, agent=agent, **says), wakes=wakes)


class GatedTools(SimplePlugin):
    """Made by `gate`: activities for the worker, and handrail itself passed through the workflow sandbox."""

    def __init__(self, steps: DurableGate, *, wakes: bool):
        self.steps = steps
        self._wakes = wakes
        super().__init__(
            "handrail", activities=[self.propose, self.fetch, self.execute, self.give_up, self.call],
            workflow_runner=_passing_through,
        )  # fmt: skip

    async def run_worker(self, worker: Worker, next: Callable[[Worker], Awaitable[None]]) -> None:
        """Run the worker, and a waker beside it."""
        if not self._wakes:
            await next(worker)
            return
        awake = waker(self.steps.client, worker.client, self)
        waking = asyncio.create_task(awake.arun())
        try:
            await next(worker)
        finally:
            awake.stop()
            await waking

    @activity.defn(name=PROPOSE)
    async def propose(self, given: Proposed) -> Outcome:
        """Put a call up for decision, and park it if a person must decide."""
        workflow = _workflow()
        return await self.steps.ask(
            given.tool, given.arguments, run=workflow, call_id=given.call_id, state={"workflow": workflow}
        )  # fmt: skip

    @activity.defn(name=FETCH)
    async def fetch(self, case_id: str) -> str:
        """The kind of the decision, or `open`."""
        return await self.steps.look(case_id)

    @activity.defn(name=EXECUTE)
    async def execute(self, given: Approved) -> Outcome:
        """Run what was approved, as it was stored, once."""
        async with _beating():
            return await self.steps.act(given.tool, given.case_id)

    @activity.defn(name=GIVE_UP)
    async def give_up(self, given: Proposed) -> None:
        """Take a call back for which the workflow no longer waits."""
        await self.steps.give_up(
            given.tool, given.arguments, run=_workflow(), call_id=given.call_id,
            reason="the workflow no longer waits for it",
        )  # fmt: skip

    @activity.defn(name=CALL)
    async def call(self, given: Proposed) -> Outcome:
        """All of it in one activity, which the waker completes if a person must decide."""
        info = activity.info()
        state = {
            "workflow": info.workflow_id, "run": info.workflow_run_id, "activity": info.activity_id, "tool": given.tool
        }  # fmt: skip
        asked = await self.steps.ask(
            given.tool, given.arguments, run=_workflow(), call_id=given.call_id, state=state
        )  # fmt: skip
        if asked.kind == "open":
            activity.raise_complete_async()
        if asked.kind != "ready" or asked.case_id is None:
            return asked
        return await self.steps.act(given.tool, asked.case_id)


def _workflow() -> str:
    # never the run's id: it changes with continue-as-new and reset
    found = activity.info().workflow_id
    if found is None:
        raise InvalidInput("the activity runs outside any workflow", remedy="Call it from a workflow.")
    return found


@asynccontextmanager
async def _beating() -> AsyncIterator[None]:
    """Inside, Temporal hears that this worker lives."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(HEARTBEAT.total_seconds() / BEATS_PER_TIMEOUT)

    beats = asyncio.create_task(beat())
    try:
        yield
    finally:
        beats.cancel()


def _passing_through(runner: WorkflowRunner | None) -> WorkflowRunner:
    made = runner or SandboxedWorkflowRunner()
    if isinstance(made, SandboxedWorkflowRunner):
        return replace(made, restrictions=made.restrictions.with_passthrough_modules("handrail"))
    return made

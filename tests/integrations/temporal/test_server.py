"""With a real dev server, where there is one: HANDRAIL_TEMPORAL_SERVER names the `temporal` binary.

Without it these parts are declared impossible, and the table says so; nothing is skipped in silence.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

import handrail
from handrail.integrations.temporal import WAKE, gate
from handrail.testing.conformance.cells import cell
from tests.integrations.temporal.clerk import ClerkByOne, Paying
from tests.integrations.temporal.harness import Temporal, TemporalByOne
from tests.integrations.temporal.test_workflows import POLICY

SERVER = os.environ.get("HANDRAIL_TEMPORAL_SERVER")
NO_SERVER = (
    "no Temporal server could be had where this ran: set HANDRAIL_TEMPORAL_SERVER to a `temporal` binary. In all "
    "other cells the SDK's own sandbox and activity environment ran, and the test played the server's part "
    "(tests/integrations/temporal/engine.py)"
)
Story = Callable[[handrail.Client, WorkflowHandle[Any, Any], list[int]], Awaitable[None]]


def lacking(*cells: str) -> Mapping[str, str]:
    """What cannot be reached without a server."""
    return {} if SERVER else dict.fromkeys(cells, NO_SERVER)


async def approved(hr: handrail.Client, handle: WorkflowHandle[Any, Any], paid: list[int]) -> None:
    (await _case(hr)).approve()
    await handle.result()


class TestServerByOne:
    """An activity that the server keeps until the waker completes it."""

    harness = TemporalByOne
    impossible: ClassVar[Mapping[str, str]] = lacking("C1 real server")

    @cell("C1", "real server")
    def test_c01_complete_one_activity_by_the_server_acts_once(self, tmp_path: Path) -> None:
        asyncio.run(_told(tmp_path, ClerkByOne, [[[["c1", "pay", {"to": "Asha", "amount": 5}]]]], approved))


class TestServer:
    """The parts of the contract that a server has a hand in."""

    harness = Temporal
    impossible: ClassVar[Mapping[str, str]] = lacking("C1 real server", "C8 real server", "C16 real server")

    @cell("C1", "real server")
    def test_c01_signal_by_the_server_acts_once(self, tmp_path: Path) -> None:
        asyncio.run(_told(tmp_path, Paying, ["Asha", 5], approved))

    @cell("C8", "real server")
    def test_c08_signal_without_a_decision_does_nothing(self, tmp_path: Path) -> None:
        async def story(hr: handrail.Client, handle: WorkflowHandle[Any, Any], paid: list[int]) -> None:
            held = await _case(hr)
            await handle.signal(WAKE, held.case_id)
            await handle.signal(WAKE)
            assert paid == []
            held.approve()
            assert await handle.result() == "paid 5 to Asha"

        asyncio.run(_told(tmp_path, Paying, ["Asha", 5], story))

    @cell("C16", "real server")
    def test_c16_stop_the_worker_while_parked_goes_on_in_another(self, tmp_path: Path) -> None:
        cases: list[handrail.Held] = []

        async def begin(hr: handrail.Client, handle: WorkflowHandle[Any, Any], paid: list[int]) -> None:
            cases.append(await _case(hr))

        async def end(hr: handrail.Client, handle: WorkflowHandle[Any, Any], paid: list[int]) -> None:
            cases[0].approve()
            assert await handle.result() == "paid 5 to Asha"

        asyncio.run(_told(tmp_path, Paying, ["Asha", 5], begin, end))


async def _told(folder: Path, workflow: type, arguments: list[Any], *stories: Story) -> None:
    """Each story has a worker of its own; the workflow is the same."""
    paid: list[int] = []

    def pay(to: str, amount: int) -> str:
        """Pay somebody."""
        paid.append(amount)
        return f"paid {amount} to {to}"

    with handrail.open(folder / "handrail.db", policy=POLICY) as hr:
        async with await WorkflowEnvironment.start_local(dev_server_existing_path=SERVER) as environment:
            client = environment.client
            handle = await client.start_workflow(workflow.run, args=arguments, id="payment-1", task_queue="clerks")  # type: ignore[attr-defined]
            for story in stories:
                async with Worker(client, task_queue="clerks", workflows=[workflow], plugins=[gate(hr, [pay])]):
                    await asyncio.wait_for(story(hr, handle, paid), 60)
    assert paid == [5]


async def _case(hr: handrail.Client) -> handrail.Held:
    while (held := hr.desk("Ann").next()) is None:
        await asyncio.sleep(0.05)
    return held

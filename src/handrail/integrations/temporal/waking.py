"""The waker: tells workflows that there is something to see, and completes the activities that wait by themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from temporalio.client import Client as Temporal
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from handrail.client.client import Client
from handrail.client.waker import Waker
from handrail.errors import InvalidInput
from handrail.integrations.temporal.names import FRAMEWORK, LOOK, WAKE
from handrail.parked import Woken

if TYPE_CHECKING:
    from handrail.integrations.temporal.gating import GatedTools


def waker(
    hr: Client, client: Temporal, gated: GatedTools | None = None, *, by: Literal["signal", "update"] = "signal",
    lasting: float = 300.0,
) -> Waker:  # fmt: skip
    """Wakes workflows whose cases are decided. Call `arun` on the event loop of `client`.

    A signal is kept by Temporal while no worker is there; an update waits for one, and is refused for a case that the
    workflow does not wait for. `gated` is needed for calls by one activity: their tools run here. While Temporal
    cannot be reached a wake is tried again.
    """

    async def wake(woken: Woken) -> None:
        state = json.loads(woken.state or b"{}")
        for case_id in woken.cases:
            try:
                if "activity" in state:
                    await _complete(client, gated, state, case_id)
                else:
                    await _tell(client, state["workflow"], case_id, by)
            except RPCError as error:
                # the workflow is over, or somebody completed the activity before: delivered
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise

    return hr.waker(FRAMEWORK, wake, lasting=lasting)


async def _tell(client: Temporal, workflow: str, case_id: str, by: str) -> None:
    handle = client.get_workflow_handle(workflow)
    if by == "signal":
        await handle.signal(WAKE, case_id)
        return
    try:
        await handle.execute_update(LOOK, case_id, id=case_id)
    except WorkflowUpdateFailedError:
        # it does not know its case yet, or any more; the signal is kept for it
        await handle.signal(WAKE, case_id)


async def _complete(client: Temporal, gated: GatedTools | None, state: Mapping[str, Any], case_id: str) -> None:
    if gated is None:
        raise InvalidInput("a call by one activity is woken where its tools are", remedy="Give the waker `gated`.")
    outcome = await gated.steps.act(state["tool"], case_id)
    handle = client.get_async_activity_handle(
        workflow_id=state["workflow"], run_id=state["run"], activity_id=state["activity"]
    )  # fmt: skip
    await handle.complete(outcome)

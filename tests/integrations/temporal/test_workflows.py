"""What a workflow's author sees: refusals, updates, cancelling, and what Temporal is told to try again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

import handrail
from handrail.client.durable import Outcome
from handrail.client.steps import Call
from handrail.client.transport import Sent, Transport
from handrail.errors import InvalidInput, Unavailable
from handrail.integrations.temporal import LOOK, WAKE, GatedTools, Proposed, gate, waker
from handrail.integrations.temporal.calls import Approved
from tests.integrations.temporal.clerk import Paying
from tests.integrations.temporal.engine import CONVERT, Engine
from tests.integrations.temporal.harness import Reaching

POLICY = """
escalation_policies:
  - {action_type: pay, autonomy: confirm, sla_seconds: 600, undo_seconds: 0}
"""


class Shop:
    """One workflow that pays, and what was paid."""

    def __init__(self, folder: Path, hr: handrail.Client, **says: Any):
        self.hr = hr
        self.paid: list[tuple[str, int]] = []

        def pay(to: str, amount: int) -> str:
            """Pay somebody."""
            self.paid.append((to, amount))
            return f"paid {amount} to {to}"

        self.gated: GatedTools = gate(hr, [pay], **says)
        self.engine = Engine(folder, Paying, self.gated, workflow_id="payment-1")

    def begin(self) -> handrail.Held:
        """Started, parked, and in a reviewer's hands."""
        self.engine.start("Asha", 5)
        self.engine.work()
        held = self.hr.desk("Ann").next()
        assert held is not None
        return held

    def wake(self) -> None:
        client: Any = Reaching(self.engine)
        assert waker(self.hr, client, self.gated).step(timeout=30)
        self.engine.work()

    def closed(self) -> Any:
        command = self.engine.replay(self.engine.events()).closed
        assert command is not None
        return command


@pytest.fixture
def hr(tmp_path: Path) -> Iterator[handrail.Client]:
    with handrail.open(tmp_path / "handrail.db", policy=POLICY) as client:
        yield client


@pytest.fixture
def shop(tmp_path: Path, hr: handrail.Client) -> Shop:
    return Shop(tmp_path, hr)


def test_approve_an_edit_returns_the_result_of_the_edit(shop: Shop) -> None:
    shop.begin().edit({"to": "Asha", "amount": 4})
    shop.wake()
    result = shop.closed().complete_workflow_execution.result
    assert CONVERT.payload_converter.from_payload(result) == "paid 4 to Asha"
    assert shop.paid == [("Asha", 4)]


def test_reject_fails_the_workflow_and_not_its_task(shop: Shop) -> None:
    held = shop.begin()
    held.reject("wrong", note="not this month")
    shop.wake()
    failure = shop.closed().fail_workflow_execution.failure
    assert failure.application_failure_info.type == "handrail.Rejected"
    assert failure.application_failure_info.non_retryable
    assert "not this month" in failure.message
    assert held.case_id in str(failure.application_failure_info.details)
    assert shop.paid == []


def test_redirect_fails_the_workflow_with_what_to_do_instead(shop: Shop) -> None:
    shop.begin().redirect("ask the supplier first")
    shop.wake()
    failure = shop.closed().fail_workflow_execution.failure
    assert failure.application_failure_info.type == "handrail.Redirected"
    assert "ask the supplier first" in failure.message


def test_respond_returns_the_answer_and_runs_nothing(shop: Shop) -> None:
    shop.begin().respond("paid in cash")
    shop.wake()
    assert CONVERT.payload_converter.from_payload(shop.closed().complete_workflow_execution.result) == "paid in cash"
    assert shop.paid == []


def test_update_for_a_stranger_is_refused_and_leaves_nothing_in_history(shop: Shop) -> None:
    shop.begin()
    before = shop.engine.events()
    assert shop.engine.update(LOOK, "01a1f9b3-0000-7000-8000-000000000000") is not None
    assert shop.engine.events() == before


def test_update_for_its_own_case_makes_it_look(shop: Shop) -> None:
    held = shop.begin()
    held.approve()
    assert shop.engine.update(LOOK, held.case_id) is None
    shop.engine.work()
    assert shop.paid == [("Asha", 5)]


def test_lose_every_wake_is_found_by_looking_again(shop: Shop) -> None:
    shop.begin().approve()
    shop.engine.work()
    assert shop.paid == []
    shop.engine.fire_timers()
    shop.engine.work()
    assert shop.paid == [("Asha", 5)]


@pytest.mark.parametrize("forged", [None, [], ["x"], {"a": 1}, 17, "banana"])
def test_signal_anything_leaves_the_workflow_well(shop: Shop, forged: Any) -> None:
    held = shop.begin()
    shop.engine.signal(WAKE, forged)
    shop.engine.signal(WAKE, held.case_id)
    shop.engine.signal(WAKE)
    shop.engine.signal(WAKE, forged, forged)
    assert shop.engine.update(LOOK) is not None
    shop.engine.work()
    assert shop.paid == []
    held.approve()
    shop.wake()
    assert shop.paid == [("Asha", 5)]


def test_cancel_while_parked_takes_the_case_back_and_cancels_the_workflow(shop: Shop) -> None:
    held = shop.begin()
    shop.engine.cancel()
    shop.engine.work()
    decision = shop.hr.decision(held.case_id)
    assert decision is not None
    assert decision.kind == "cancelled"
    assert shop.closed().HasField("cancel_workflow_execution")
    assert shop.hr.parks() == []


class Cut:
    """A line that breaks: a call's proposal arrives, its park does not, the first times."""

    def __init__(self, inner: Transport, times: int):
        self._inner, self._left = inner, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def asend(self, step: Sent) -> Any:
        if isinstance(step, Call) and step.verb == "park" and self._left:
            self._left -= 1
            raise Unavailable("the server does not answer")
        return await self._inner.asend(step)


def test_propose_in_vain_five_times_takes_the_case_back_and_refuses(tmp_path: Path, hr: handrail.Client) -> None:
    shop = Shop(tmp_path, handrail.Client(Cut(hr.transport, 5)))
    shop.engine.start("Asha", 5)
    shop.engine.work()
    assert shop.closed().fail_workflow_execution.failure.application_failure_info.type == "handrail.Refused"
    assert hr.desk("Ann").next() is None
    assert hr.parks() == []
    assert shop.paid == []


def test_propose_again_after_it_failed_waits_with_the_same_case(tmp_path: Path, hr: handrail.Client) -> None:
    shop = Shop(tmp_path, handrail.Client(Cut(hr.transport, 3)))
    shop.hr = hr
    shop.begin().approve()
    shop.wake()
    assert shop.paid == [("Asha", 5)]
    assert hr.desk("Ann").next() is None


@pytest.mark.parametrize(("tool_class", "most"), [("unsafe", 1), ("idempotent", 5)])
def test_execute_has_as_many_attempts_as_its_tool_may_have(
    tmp_path: Path, hr: handrail.Client, tool_class: str, most: int
) -> None:
    shop = Shop(tmp_path, hr, tool_class=tool_class)
    shop.begin().approve()
    client: Any = Reaching(shop.engine)
    assert waker(hr, client, shop.gated).step(timeout=30)
    shop.engine.work()
    assert [each["attempt"] for each in shop.engine.events() if each["type"] == "attempt"] == [1, 1, 1]
    assert shop.engine.scheduled["handrail_execute"].retry_policy.maximum_attempts == most
    # never Temporal's default of 0, which is for ever
    assert shop.engine.scheduled["handrail_propose"].retry_policy.maximum_attempts == 5


# --- activities alone -----------------------------------------------------------------------------


def environment(attempt: int = 1) -> ActivityEnvironment:
    made = ActivityEnvironment()
    made.info = replace(
        ActivityEnvironment.default_info(), workflow_id="w-1", workflow_run_id=f"run-{attempt}", attempt=attempt
    )
    return made


def ran(environment: ActivityEnvironment, activity: Any, given: Any) -> Any:
    return asyncio.run(environment.run(activity, given))


PAY = Proposed(tool="pay", arguments={"to": "Asha", "amount": 5}, call_id="pay")


def test_propose_again_in_another_attempt_and_run_is_the_same_case(shop: Shop) -> None:
    first = ran(environment(1), shop.gated.propose, PAY)
    again = ran(environment(2), shop.gated.propose, PAY)
    assert first.case_id == again.case_id
    assert first.kind == "open"
    assert len(shop.hr.parks()) == 1


def test_execute_twice_acts_once_and_gives_the_kept_result(shop: Shop) -> None:
    asked = ran(environment(), shop.gated.propose, PAY)
    shop.hr.desk("Ann").take(asked.case_id).approve()
    results = [
        ran(environment(attempt), shop.gated.execute, Approved(tool="pay", case_id=asked.case_id))
        for attempt in (1, 2, 3)
    ]
    assert [result.value for result in results] == ["paid 5 to Asha"] * 3
    assert shop.paid == [("Asha", 5)]


def test_execute_an_undecided_case_runs_nothing(shop: Shop) -> None:
    asked = ran(environment(), shop.gated.propose, PAY)
    early: Outcome = ran(environment(), shop.gated.execute, Approved(tool="pay", case_id=asked.case_id))
    assert early.kind == "open"
    assert shop.paid == []


def test_gate_for_blocking_is_refused(hr: handrail.Client) -> None:
    with pytest.raises(InvalidInput):
        gate(hr, [], wait="block")  # type: ignore[arg-type]


def test_run_a_worker_wakes_beside_it_and_stops_with_it(shop: Shop) -> None:
    shop.begin().approve()

    async def work(worker: Any) -> None:
        # what the SDK's worker would do once the signal is there
        while not any(event["type"] == "signal" for event in shop.engine.events()):
            await asyncio.sleep(0.02)

    stand_in: Any = SimpleNamespace(client=Reaching(shop.engine))
    asyncio.run(asyncio.wait_for(shop.gated.run_worker(stand_in, work), 30))
    shop.engine.work()
    assert shop.paid == [("Asha", 5)]
    assert isinstance(Worker.client, property)

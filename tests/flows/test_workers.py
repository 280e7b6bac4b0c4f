"""Workers: what cannot start costs them no time and keeps nothing from its turn. Both transports."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import pytest

import handrail
from handrail.client.steps import Finish, Start
from handrail.client.watch import Watch
from handrail.client.worker import Worker
from handrail.errors import Conflict, HandrailError, InvalidInput, NotExecutable, NotFound, Unavailable
from handrail.lifecycle import policies
from handrail.proposal import Proposal
from handrail.store import statements
from handrail.testing.conformance.scene import wait_until
from tests.flows.conftest import OPERATOR, POLICY, World
from tests.flows.test_stories import leave


def hand_over(hr: handrail.Client, n: int, action: str = "refund") -> str:
    said = Proposal(action=action, arguments={"n": n}, confidence=0.99, executor="worker")
    return hr.propose(said).case_id


def worker(hr: handrail.Client, world: World) -> Worker:
    return hr.worker({"refund": lambda n: world.ledger.append(("refunded", n))})


def starts(hr: handrail.Client, seen: Callable[[str], None]) -> None:
    """Tell of each start that this client asks for."""
    send = hr.transport.send

    def told(step: Any) -> Any:
        if isinstance(step, Start):
            seen(step.case_id)
        return send(step)

    hr.transport.send = told  # type: ignore[method-assign]


def test_worker_runs_what_comes_after_a_hundred_that_a_halt_killed(world: World) -> None:
    hr = world.client()
    for n in range(100):
        hand_over(hr, n)
    hr.lift(hr.halt(action="refund"))
    hand_over(hr, 100)
    assert worker(hr, world).step() == 1
    assert world.ledger == [("refunded", 100)]


def test_worker_runs_what_stands_behind_a_hundred_that_are_refused_for_now(world: World) -> None:
    hr = world.client()
    for n in range(101):
        hand_over(hr, n)
    strict = POLICY.replace("  - action_type: refund\n", "  - action_type: refund\n    autonomy: confirm\n")
    assert world.plane.run(policies.change, (OPERATOR, "policy", strict))
    case = hand_over(hr, 101)
    world.desk("Ann").answer(case, "approve")
    made = worker(hr, world)
    assert made.step() == 1
    assert world.ledger == [("refunded", 101)]
    # nothing that could be let through again was lost
    world.plane.run(policies.change, (OPERATOR, "policy", POLICY))
    assert made.step() == 101


def test_worker_that_is_refused_everything_pauses_and_serves_what_comes(world: World) -> None:
    hr = world.client()
    case = hand_over(hr, 1)
    asked: list[str] = []
    starts(hr, asked.append)
    strict = POLICY.replace("  - action_type: refund\n", "  - action_type: refund\n    autonomy: confirm\n")
    world.plane.run(policies.change, (OPERATOR, "policy", strict))
    made = worker(hr, world).start()
    try:
        wait_until(lambda: case in asked, "the first try")
        time.sleep(2.5)
        assert 2 <= len(asked) <= 6
        world.plane.run(policies.change, (OPERATOR, "policy", POLICY))
        wait_until(lambda: made.served == 1, "the one that was refused")
    finally:
        made.stop()
    assert world.ledger == [("refunded", 1)]


def test_worker_of_one_agents_key_serves_it_beside_older_ones_of_others(world: World) -> None:
    other = hand_over(world.agent("support"), 1)
    mine = hand_over(world.agent("billing"), 2)
    hr = world.agent("billing", "submit", "execute")
    asked: list[str] = []
    starts(hr, asked.append)
    assert worker(hr, world).step() == 1
    assert (asked, world.ledger) == ([mine], [("refunded", 2)])
    assert worker(world.client(), world).step() == 1
    assert world.plane.proposal("default", other).agent == "support"


def test_worker_passes_over_what_is_not_there_for_it(world: World) -> None:
    hr = world.client()
    gone, there = hand_over(hr, 1), hand_over(hr, 2)

    def seen(case_id: str) -> None:
        if case_id == gone:
            raise NotFound(f"there is no case {case_id!r}")

    starts(hr, seen)
    assert worker(hr, world).step() == 1
    assert world.ledger == [("refunded", 2)]
    assert world.plane.proposal("default", there).decision == "approved"


# what a tool may meet that asks a control plane itself; `held_until` is what a start waits for
OURS = (
    Conflict("another one was first"),
    Unavailable("its own server is away"),
    InvalidInput("not like this"),
    NotFound("no such thing"),
    NotExecutable("held", held_until=1 << 60),
)


def state_of(world: World, case_id: str) -> tuple[str, int]:
    """The state of a case's execution, and its fence."""
    row = world.plane.store.read_hot(statements.execution_get, case_id=case_id, workspace="default")[0]
    return row[4], row[7]


@pytest.mark.parametrize("ours", OURS, ids=lambda error: type(error).__name__)
def test_worker_takes_what_its_tool_raises_for_the_tools_whatever_its_kind(
    world: World, ours: HandrailError, caplog: pytest.LogCaptureFixture
) -> None:
    hr = world.client()
    first, second = hand_over(hr, 1), hand_over(hr, 2)

    def refund(n: int) -> None:
        world.ledger.append(("tried", n))
        if n == 1:
            raise ours

    made = hr.worker({"refund": refund})
    with caplog.at_level(logging.WARNING, "handrail.worker"):
        made.start()
        try:
            wait_until(lambda: made.served == 1, "the one behind it")
        finally:
            made.stop()
    assert (made.failed, world.ledger) == (1, [("tried", 1), ("tried", 2)])
    assert (state_of(world, first), state_of(world, second)) == (("failed", 1), ("succeeded", 1))
    (said,) = caplog.records
    assert first in said.getMessage()
    assert said.exc_info is not None
    assert said.exc_info[1] is ours


def test_worker_whose_tool_no_longer_takes_it_has_failed_and_serves_on(world: World) -> None:
    hr = world.client()
    wrong, right = hr.propose(Proposal(
        action="refund", arguments={"m": 1}, confidence=0.99, executor="worker"
    )).case_id, hand_over(hr, 2)  # fmt: skip
    made = worker(hr, world)
    assert (made.step(), made.failed) == (1, 1)
    assert (state_of(world, wrong)[0], state_of(world, right)[0]) == ("failed", "succeeded")


def test_worker_whose_end_cannot_be_recorded_leaves_it_begun_and_goes_on(world: World) -> None:
    hr = world.client()
    first, second = hand_over(hr, 1), hand_over(hr, 2)
    send, lost = hr.transport.send, [RuntimeError("no answer that could be read")]

    def losing(step: Any) -> Any:
        if isinstance(step, Finish) and lost:
            raise lost.pop()
        return send(step)

    hr.transport.send = losing  # type: ignore[method-assign]
    made = worker(hr, world).start()
    try:
        wait_until(lambda: made.served == 1, "the one behind it")
    finally:
        made.stop()
    # nobody knows that it ended, so nobody begins it again
    assert (made.failed, world.ledger) == (0, [("refunded", 1), ("refunded", 2)])
    assert (state_of(world, first), state_of(world, second)) == (("started", 1), ("succeeded", 1))


@pytest.mark.parametrize("ours", OURS, ids=lambda error: type(error).__name__)
def test_gated_function_that_raises_an_error_of_ours_has_failed_as_with_any(world: World, ours: HandrailError) -> None:
    hr = world.client()

    @hr.gate("pay", confidence=0.99, amount="1", currency="INR", key="blocking")
    def pay(to: str) -> None:
        world.ledger.append((to,))
        raise ours

    @hr.gate("pay", confidence=0.99, amount="1", currency="INR", key="awaited")
    async def apay(to: str) -> None:
        world.ledger.append((to,))
        raise ours

    async def awaited() -> None:
        with pytest.raises(type(ours)):
            await apay("B2")
        with pytest.raises(handrail.ToolFailed):
            await apay("B2")
        await leave(hr)

    with pytest.raises(type(ours)):
        pay("A1")
    with pytest.raises(handrail.ToolFailed):
        pay("A1")
    asyncio.run(awaited())
    assert world.ledger == [("A1",), ("B2",)]


def test_waker_takes_what_its_wake_raises_for_the_wakes_whatever_its_kind(world: World) -> None:
    hr = world.client()
    case = hand_over(hr, 1)
    hr.park(run="r", framework="toy", cases=[case])

    def wake(woken: handrail.Woken) -> None:
        raise Unavailable("its own server is away")

    made = hr.waker("toy", wake)
    assert made.step() is True
    assert (made.woken, made.failed) == (0, 1)
    (line,) = hr.parks()
    assert (line.failures, line.note) == (1, "Unavailable: its own server is away")


@pytest.mark.parametrize("answer", ["yes", 1, None, ConnectionError("away")], ids=repr)
def test_tool_that_cannot_be_asked_what_it_did_is_left_to_a_person(world: World, answer: Any) -> None:
    hr = world.client()

    class Killed(BaseException):
        """The process ends here."""

    def probe(key: str) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    @hr.gate(
        "pay", confidence=0.99, amount="1", currency="INR", key="k", tool_class="queryable", probe=probe, lasting=1.0
    )
    def pay(to: str) -> None:
        world.ledger.append((to,))
        raise Killed

    with pytest.raises(Killed):
        pay("A1")
    with pytest.raises(handrail.OutcomeUnknown):
        pay("A1")
    with pytest.raises(handrail.OutcomeUnknown):
        pay("A1")
    assert world.ledger == [("A1",)]


def test_probe_or_preview_that_is_a_coroutine_function_is_refused(world: World) -> None:
    hr = world.client()

    async def later(key: str) -> bool:
        return False

    for more in ({"probe": later, "tool_class": "queryable"}, {"preview": later}):
        with pytest.raises(InvalidInput, match="coroutine function"):

            @hr.gate("pay", **more)
            def pay(key: str) -> None: ...


def test_watch_waits_only_after_a_round_without_anything_new() -> None:
    waiting, looks = ["a", "b"], 0

    def look(after: str) -> list[str]:
        nonlocal looks
        looks += 1
        return [case for case in waiting if case > after][:1]

    watch = Watch(look, interval=0.01)
    offered = iter(watch)
    assert [next(offered) for _ in range(2)] == ["a", "b"]
    # refused, both: the next round has nothing new, and then comes a pause
    assert [next(offered) for _ in range(2)] == ["a", "b"]
    begun = time.monotonic()
    assert next(offered) == "a"
    assert time.monotonic() - begun > 0.5
    waiting.append("c")
    assert [next(offered) for _ in range(4)] == ["b", "c", "a", "b"]
    assert time.monotonic() - begun < 1.5
    watch.stop()
    assert list(offered) == []
    assert looks < 20

"""A framework pauses a run, another process wakes it; each story in process and over HTTP."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable
from typing import Any

import pytest

import handrail
from handrail.errors import Conflict, InvalidInput, NotFound
from handrail.proposal import Proposal
from tests.flows.conftest import World
from tests.flows.test_stories import leave


class Graph:
    """A toy framework: it stops at a tool that needs a person, and goes on from its snapshot."""

    def __init__(self, world: World, hr: handrail.Client):
        self.world = world
        self.hr = hr

    def start(self, run: str, *amounts: int) -> list[str]:
        """Propose each payment and park."""
        cases = [self.propose(run, amount) for amount in amounts]
        self.hr.park(run=run, framework="toy", cases=cases, state=json.dumps({"thread": run}).encode())
        return cases

    def propose(self, run: str, amount: int) -> str:
        proposal = Proposal(
            action="pay", arguments={"amount": amount}, amount=str(amount), currency="INR", confidence=0.1, run=run,
            call_id=f"call-{amount}",
        )  # fmt: skip
        return self.hr.propose(proposal).case_id

    def wake(self, woken: handrail.Woken) -> None:
        """Go on: the decisions say what runs."""
        assert woken.state is not None
        assert json.loads(woken.state) == {"thread": woken.run}
        for decision in woken.cases.values():
            assert decision is not None
            arguments = decision.arguments
            self.world.ledger.append((decision.kind, arguments and arguments["amount"]))


def test_parked_run_is_woken_once_when_its_last_case_is_decided(world: World) -> None:
    hr = world.client()
    graph = Graph(world, hr)
    first, second = graph.start("thread-1", 100, 200)
    waker, other = hr.waker("toy", graph.wake), world.client().waker("toy", graph.wake)
    assert (waker.step(), other.step()) == (False, False)
    desk = world.desk("Asha")
    desk.take(second).reject("too_risky")
    assert waker.step() is False
    (line,) = hr.parks()
    assert (line.run, line.framework, line.cases, line.decided, line.due) == ("thread-1", "toy", 2, 1, False)
    desk.take(first).approve()
    assert sorted([waker.step(), other.step()]) == [False, True]
    assert sorted(world.ledger, key=str) == [("approved", 100), ("rejected", None)]
    assert hr.parks() == []


def test_waker_that_runs_hears_the_decision_and_goes_on_to_the_next_pause(world: World) -> None:
    hr = world.client()
    graph = Graph(world, hr)
    again = threading.Event()
    done = threading.Event()

    def wake(woken: handrail.Woken) -> None:
        graph.wake(woken)
        if not again.is_set():
            # the run goes on and pauses once more
            graph.start(woken.run, 300)
            again.set()
        else:
            done.set()

    waker = hr.waker("toy", wake).start()
    (case,) = graph.start("thread-1", 100)
    desk = world.desk("Asha")
    desk.take(case).approve()
    assert again.wait(60)
    (line,) = hr.parks()
    assert line.cases == 1
    desk.next().approve()
    assert done.wait(60)
    waker.stop()
    assert (waker.woken, waker.failed) == (2, 0)
    assert world.ledger == [("approved", 100), ("approved", 300)]
    assert hr.parks() == []


def test_waker_on_an_event_loop_wakes_with_a_coroutine(world: World) -> None:
    hr = world.client()
    graph = Graph(world, hr)
    (case,) = graph.start("thread-1", 100)
    desk = world.desk("Asha")

    async def wake(woken: handrail.Woken) -> None:
        await asyncio.sleep(0)
        graph.wake(woken)

    async def story() -> list[bool]:
        waker = hr.waker("toy", wake)
        waiting = asyncio.create_task(waker.astep(10))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(lambda: desk.take(case).approve())
        made = [await waiting, await waker.astep()]
        await leave(hr)
        return made

    assert asyncio.run(story()) == [True, False]
    assert world.ledger == [("approved", 100)]


def test_wake_that_turns_out_to_be_a_coroutine_is_finished_before_the_park_ends(world: World) -> None:
    hr = world.client()
    graph = Graph(world, hr)
    desk = world.desk("Asha")

    async def wake(woken: handrail.Woken) -> None:
        await asyncio.sleep(0)
        graph.wake(woken)

    def handed_on(woken: handrail.Woken) -> Awaitable[None]:
        # does not say of itself that it is asynchronous
        return wake(woken)

    for n, waker in enumerate([hr.waker("toy", handed_on), hr.waker("toy", wake)]):
        (case,) = graph.start(f"thread-{n}", 100 + n)
        desk.take(case).approve()
        assert waker.step(5) is True
    assert world.ledger == [("approved", 100), ("approved", 101)]


def test_wake_may_return_what_it_likes(world: World) -> None:
    hr = world.client()
    graph = Graph(world, hr)
    desk = world.desk("Asha")
    for n in range(2):
        (case,) = graph.start(f"thread-{n}", 100 + n)
        desk.take(case).approve()
    waker = hr.waker("toy", lambda woken: {"messages": [woken.run]})

    async def story() -> bool:
        made = await waker.astep(5)
        await leave(hr)
        return made

    assert (waker.step(5), asyncio.run(story())) == (True, True)
    assert (waker.woken, waker.failed) == (2, 0)


def test_wake_that_raises_is_put_back_with_its_reason(world: World) -> None:
    hr = world.client()
    graph = Graph(world, hr)
    (case,) = graph.start("thread-1", 100)
    world.desk("Asha").take(case).approve()

    def broken(woken: handrail.Woken) -> None:
        raise RuntimeError("the model\0 does not \udfff answer")

    waker = hr.waker("toy", broken)
    assert waker.step() is True
    assert (waker.woken, waker.failed) == (0, 1)
    # not at once
    assert waker.step() is False
    (line,) = hr.parks()
    assert (line.failures, line.note, line.due) == (1, "RuntimeError: the model does not ? answer", True)
    assert line.next_at is not None
    with pytest.raises(Conflict):
        hr.call("retry_wake", id=line.id)


def test_run_that_goes_on_without_its_answer_takes_the_question_back(world: World) -> None:
    hr = world.client()
    graph = Graph(world, hr)
    (old,) = graph.start("thread-1", 100)
    # somebody typed something else into the same thread
    (new,) = graph.start("thread-1", 200)
    decision = hr.decision(old)
    assert decision is not None
    assert (decision.kind, decision.reason) == ("cancelled", "the run went on without it")
    assert hr.decision(new) is None
    assert hr.abandon("thread-1", "toy", reason="the thread was deleted") == [new]
    assert hr.parks() == []
    assert hr.abandon("thread-1", "toy") == []
    assert world.desk("Asha").next() is None


def test_parked_state_travels_whole_and_too_much_is_refused(world: World) -> None:
    hr = world.client()
    case = Graph(world, hr).propose("thread-1", 100)
    mebibyte = bytes(range(256)) * 4096
    with pytest.raises(InvalidInput, match="1 MiB"):
        hr.park(run="thread-1", framework="toy", cases=[case], state=mebibyte + b"x")
    with pytest.raises(NotFound):
        hr.park(run="thread-1", framework="toy", cases=["nobody"])
    hr.park(run="thread-1", framework="toy", cases=[case], state=mebibyte, wakes="any")
    world.desk("Asha").take(case).approve()
    seen: list[Any] = []
    assert hr.waker(["other", "toy"], seen.append).step() is True
    assert seen[0].state == mebibyte


def test_async_client_parks_lists_and_abandons(world: World) -> None:
    hr = world.client()
    case = Graph(world, hr).propose("thread-1", 100)

    async def story() -> list[str]:
        id = await hr.aio.park(run="thread-1", framework="toy", cases=[case])
        assert [line.id for line in await hr.aio.parks()] == [id]
        cancelled = await hr.aio.abandon("thread-1", "toy")
        await leave(hr)
        return cancelled

    assert asyncio.run(story()) == [case]


def test_hold_is_renewed_while_a_wake_takes_its_time(world: World) -> None:
    hr = world.client()
    graph = Graph(world, hr)
    (case,) = graph.start("thread-1", 100)
    world.desk("Asha").take(case).approve()
    other = world.client().waker("toy", graph.wake)

    def slow(woken: handrail.Woken) -> None:
        # longer than the hold; nobody else may take it meanwhile
        assert other.step(1.6) is False
        graph.wake(woken)

    assert hr.waker("toy", slow, lasting=1.0).step() is True
    assert world.ledger == [("approved", 100)]
    assert hr.parks() == []

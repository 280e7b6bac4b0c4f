"""The waker: what it needs to know of a thread, what it waits for, what it goes on with, what it leaves alone."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolRuntime
from langgraph.types import Command

import handrail
from handrail.integrations.langgraph import gate, waker
from handrail.integrations.langgraph.place import place_of
from handrail.testing.conformance import Scene
from tests.integrations.langgraph.conftest import Says, Talk, says
from tests.integrations.langgraph.graphs import node_graph

Talks = Callable[..., Talk]
PAY = ("pay", {"to": "A1", "amount": 5})


@pytest.fixture
def paid() -> list[tuple[str, int]]:
    return []


@pytest.fixture
def pay(paid: list[tuple[str, int]]) -> Callable[[str, int], str]:
    def pay(to: str, amount: int) -> str:
        """Pay somebody."""
        paid.append((to, amount))
        return f"paid {amount} to {to}"

    return pay


def test_wake_goes_on_under_the_run_that_asked(hr: handrail.Client, talk: Talks, pay: Any, paid: list[Any]) -> None:
    t = talk(gate(hr, [pay]), [PAY], [("pay", {"to": "A2", "amount": 6})], "done")
    with hr.run(id="invoice-7", user="Bob"):
        t.say()
    w = waker(hr, t.graph)
    for _ in range(2):
        held = t.held()
        row = hr.plane.proposal(hr.plane.workspace_id, held.case_id)
        assert row.run == "invoice-7"
        held.approve()
        assert w.step()
    assert paid == [("A1", 5), ("A2", 6)]


def test_wake_brings_back_configurable_and_context_but_keeps_no_secrets(hr: handrail.Client) -> None:
    got: list[Any] = []

    @tool("pay")
    def pay(to: str, runtime: ToolRuntime) -> str:
        """Pay."""
        got.append((runtime.config["configurable"].get("tenant"), runtime.context, runtime.config.get("tags")))
        return "paid"

    graph = create_agent(
        says([("pay", {"to": "A1"})], "done"), gate(hr, [pay]), checkpointer=InMemorySaver(), context_schema=dict
    )
    config: Any = {"configurable": {"thread_id": "t", "tenant": "acme", "api_key": "sk-1", "tool": object()}}
    graph.invoke({"messages": [HumanMessage("go")]}, config, context={"user": "ann"})
    held = hr.desk("Ann").next()
    assert held is not None
    held.approve()

    def whole(configurable: dict[str, Any]) -> Any:
        assert configurable == {"thread_id": "t", "tenant": "acme"}
        return {"configurable": configurable, "tags": ["woken"]}

    waker(hr, graph, context=lambda configurable: {"user": configurable["tenant"]}, config=whole).step()
    assert got == [("acme", {"user": "acme"}, ["woken"])]


def test_state_is_the_same_for_the_calls_of_one_pause_and_has_no_arguments() -> None:
    config: Any = {
        "configurable": {"thread_id": 7, "checkpoint_map": {"": "c1"}, "checkpoint_ns": "tools:1", "password": "x"},
        "metadata": {"langgraph_step": 2},
    }
    place = place_of(config)
    assert json.loads(place.state()) == {"configurable": {"thread_id": 7}, "checkpoint": "c1"}
    assert (place.thread, place.turn, place.saved) == ("7", "2", False)
    config["configurable"]["checkpoint_ns"] = "agent:9|tools:1"
    assert place_of(config).turn == "agent:9/2"


def test_wake_waits_for_calls_beside_that_are_still_running(hr: handrail.Client, talk: Talks, pay: Any,
                                                            paid: list[Any]) -> None:  # fmt: skip
    begun, finish, looked = threading.Event(), threading.Event(), []

    @tool("look")
    def look(at: str) -> str:
        """Look."""
        begun.set()
        assert finish.wait(30)
        looked.append(at)
        return "seen"

    t = talk([*gate(hr, [pay]), look], [PAY, ("look", {"at": "x"})], "done")
    running = threading.Thread(target=t.say)
    running.start()
    assert begun.wait(30)
    while (held := hr.desk("Ann").next()) is None:
        pass
    held.approve()
    waking = threading.Thread(target=waker(hr, t.graph, patience=30).step, args=(10,))
    waking.start()
    waking.join(0.5)
    assert waking.is_alive()
    assert paid == []
    finish.set()
    waking.join(30)
    running.join(30)
    assert (paid, looked) == ([("A1", 5)], ["x"])
    assert t.last().text == "done"


def test_decide_a_call_while_another_of_its_turn_runs_wakes_it_next(hr: handrail.Client, talk: Talks) -> None:
    paid: list[str] = []

    @tool("pay")
    def pay(to: str) -> str:
        """Pay."""
        paid.append(to)
        if to == "A1":
            # the other has paused again by then
            time.sleep(0.3)
            held["A2"].approve()
        return f"paid {to}"

    t = talk(gate(hr, [pay]), [("pay", {"to": "A1"}), ("pay", {"to": "A2"})], "done")
    t.say()
    desk = hr.desk("Ann")
    cases = [interrupt.value["case_id"] for interrupt in t.graph.get_state(t.config).interrupts]
    held = {t.arguments(case)["to"]: desk.take(case) for case in cases}
    held["A1"].approve()
    w = waker(hr, t.graph)
    while w.step():
        pass
    assert paid == ["A1", "A2"]
    assert t.last().text == "done"
    assert hr.parks() == []


class Down(Says):
    """Cannot be reached when it is to go on, as often as it says."""

    fails: int = 2

    def _generate(self, messages: Any, *args: Any, **kwargs: Any) -> Any:
        if len(messages) > 1 and self.fails:
            self.fails -= 1
            raise ConnectionError("the model is down")
        return super()._generate(messages, *args, **kwargs)


def test_wake_that_fails_after_the_effect_goes_on_from_there(tmp_path: Path, pay: Any, paid: list[Any]) -> None:
    scene = Scene(tmp_path)
    hr = scene.control
    model = Down(messages=says([PAY], "done").messages)
    t = Talk(hr, create_agent(model, gate(hr, [pay]), checkpointer=InMemorySaver()))
    t.say()
    t.held().approve()
    w = waker(hr, t.graph)
    for failed in (1, 2):
        assert w.step()
        assert (w.woken, w.failed, paid) == (0, failed, [("A1", 5)])
        (park,) = hr.parks()
        assert "the model is down" in (park.note or "")
        scene.pass_time(30)
    assert w.step()
    assert (w.woken, paid) == (1, [("A1", 5)])
    assert t.last().text == "done"
    assert hr.parks() == []
    scene.close()


def test_resume_by_hand_leaves_the_waker_nothing_to_do(hr: handrail.Client, talk: Talks, pay: Any,
                                                       paid: list[Any]) -> None:  # fmt: skip
    t = talk(gate(hr, [pay]), [PAY], "done")
    t.say()
    t.held().approve()
    t.graph.invoke(Command(resume="look again"), t.config)
    w = waker(hr, t.graph)
    assert w.step()
    assert not w.step()
    assert (w.woken, w.failed, paid) == (1, 0, [("A1", 5)])
    assert hr.parks() == []


def test_resume_by_hand_while_the_waker_wakes_acts_once(hr: handrail.Client, talk: Talks, pay: Any,
                                                        paid: list[Any]) -> None:  # fmt: skip
    for n in range(20):
        t = talk(gate(hr, [pay]), [("pay", {"to": f"A{n}", "amount": n})], "done", thread=f"t{n}")
        t.say()
        t.held().approve()
        gate_ = threading.Barrier(3)

        def by_hand(t: Talk = t, gate_: threading.Barrier = gate_) -> None:
            gate_.wait()
            t.graph.invoke(Command(resume=True), t.config)

        def by_waker(t: Talk = t, gate_: threading.Barrier = gate_) -> None:
            w = waker(hr, t.graph, patience=5)
            gate_.wait()
            w.step()

        threads = [threading.Thread(target=what) for what in (by_hand, by_waker)]
        for thread in threads:
            thread.start()
        gate_.wait()
        for thread in threads:
            thread.join(30)
        assert paid.count((f"A{n}", n)) == 1
        assert t.last().text == "done"


def test_wake_a_subgraph_and_a_subgraph_s_next_pause(hr: handrail.Client, pay: Any, paid: list[Any]) -> None:
    calls = [[PAY], [("pay", {"to": "A2", "amount": 6})]]
    inner = create_agent(says(*calls, "inner done"), gate(hr, [pay]))
    builder = StateGraph(MessagesState)
    builder.add_node("agent", inner)
    builder.add_edge(START, "agent")
    t = Talk(hr, builder.compile(checkpointer=InMemorySaver()))
    t.say()
    w = waker(hr, t.graph)
    for _ in range(2):
        t.held().approve()
        assert w.step()
    assert paid == [("A1", 5), ("A2", 6)]
    assert t.last().text == "inner done"
    assert hr.parks() == []


def _team(hr: handrail.Client, pay: Any, **more: Any) -> Talk:
    inner = create_agent(says([PAY], "the clerk did it"), gate(hr, [pay]))

    def delegate(question: str) -> str:
        """Let the clerk do it."""
        return str(inner.invoke({"messages": [HumanMessage(question)]})["messages"][-1].content)

    tools = gate(hr, [delegate], **more)
    return Talk(hr, create_agent(says([("delegate", {"question": "x"})], "done"), tools, checkpointer=InMemorySaver()))


def test_wake_an_agent_that_is_a_tool_asks_for_it_and_then_for_what_it_does(
    hr: handrail.Client, pay: Any, paid: list[Any]
) -> None:
    t = _team(hr, pay, delegates=["delegate"])
    t.say()
    w = waker(hr, t.graph)
    held = t.held()
    assert t.arguments(held.case_id) == {"question": "x"}
    held.edit({"question": "y"})
    assert w.step()
    assert paid == []
    t.held().approve()
    assert w.step()
    assert paid == [("A1", 5)]
    (told,) = t.told()
    assert told.text.startswith("the clerk did it")
    assert '"y"' in told.text


def test_reject_an_agent_that_is_a_tool_never_begins_it(hr: handrail.Client, pay: Any, paid: list[Any]) -> None:
    t = _team(hr, pay, delegates=["delegate"])
    t.say()
    t.held().reject("wrong")
    waker(hr, t.graph).step()
    assert "wrong" in t.told()[0].text
    assert hr.desk("Bob").next() is None
    assert paid == []


def test_pause_inside_a_tool_that_is_no_delegate_is_unknown_and_says_what_to_do(
    hr: handrail.Client, pay: Any, paid: list[Any]
) -> None:
    t = _team(hr, pay)
    t.say()
    t.held().approve()
    waker(hr, t.graph).step()
    (told,) = t.told()
    assert told.status == "error"
    assert "as a delegate" in told.text
    assert paid == []


def test_sweep_leaves_alone_what_waits_and_takes_back_what_was_answered_otherwise(
    hr: handrail.Client, talk: Talks, pay: Any
) -> None:
    saver = InMemorySaver()
    waits = talk(gate(hr, [pay]), [PAY], "done", thread="waits", saver=saver)
    left = talk(gate(hr, [pay]), [PAY], "never mind", thread="left", saver=saver)
    for t in (waits, left):
        t.say()
    w = waker(hr, left.graph)
    assert w.sweep() == []
    left.say("forget it")
    assert len(w.sweep()) == 1
    assert [park.run for park in hr.parks()] == ["waits"]
    # a thread that is deleted is said to be over by whoever deletes it
    saver.delete_thread("waits")
    assert w.sweep() == []
    assert len(hr.abandon("waits", "langgraph", reason="deleted")) == 1
    assert hr.desk("Ann").next() is None


def test_pause_beside_a_call_at_work_on_an_event_loop_lets_it_finish(hr: handrail.Client, paid: list[Any]) -> None:
    async def pay(to: str, amount: int) -> str:
        """Pay somebody."""
        paid.append((to, amount))
        # long enough for the other call to have paused
        for _ in range(200):
            await asyncio.sleep(0.001)
        paid.append(("receipt", amount))
        return f"paid {amount} to {to}"

    calls = [PAY, ("pay", {"to": "A2", "amount": 6})]
    t = Talk(hr, node_graph(says(calls, "done"), gate(hr, [pay]), InMemorySaver()))
    asyncio.run(t.graph.ainvoke({"messages": [HumanMessage("go")]}, t.config))
    assert hr.parks()[0].cases == 2
    first = t.held()
    first.approve()
    answers = {interrupt.id: True for interrupt in t.graph.get_state(t.config).interrupts}
    # the program ends with the call, and one of the two still waits
    asyncio.run(t.graph.ainvoke(Command(resume=answers), t.config))
    (amount,) = {amount for _, amount in paid}
    assert paid == [(t.arguments(first.case_id)["to"], amount), ("receipt", amount)]
    t.held().reject("wrong")
    while waker(hr, t.graph).step():
        pass
    assert len(paid) == 2
    assert sorted(message.status for message in t.told()) == ["error", "success"]

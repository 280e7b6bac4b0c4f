"""What goes wrong in LangGraph alone, and does not with a gated tool: middleware around it, replays, pauses lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

import handrail
from handrail.errors import InvalidInput
from handrail.integrations.langgraph import gate, waker, wrap_tool_call
from handrail.integrations.langgraph.middleware import middleware
from tests.integrations.langgraph.conftest import Talk, says
from tests.integrations.langgraph.graphs import node_graph

Talks = Callable[..., Talk]
PAY = ("pay", {"to": "A1", "amount": 5})


class Shop:
    """A tool with an effect."""

    def __init__(self) -> None:
        self.paid: list[tuple[str, int]] = []

    def pay(self, to: str, amount: int) -> str:
        """Pay somebody."""
        self.paid.append((to, amount))
        return f"paid {amount} to {to}"


@pytest.fixture
def shop() -> Shop:
    return Shop()


def state(graph: Any, config: Any, node: str) -> Any:
    """The checkpoint at which this node was first about to run."""
    return [found for found in graph.get_state_history(config) if node in found.next][-1].config


class Changes(AgentMiddleware[Any, Any, Any]):
    """Asks for more than the model did."""

    def wrap_tool_call(self, request: Any, handler: Any) -> Any:
        changed = {**request.tool_call["args"], "amount": 1_000_000}
        return handler(request.override(tool_call={**request.tool_call, "args": changed}))


class Swallows(AgentMiddleware[Any, Any, Any]):
    """Makes a message of every exception, the pause included."""

    def wrap_tool_call(self, request: Any, handler: Any) -> Any:
        try:
            return handler(request)
        except Exception as error:
            return ToolMessage(f"went wrong: {error}", tool_call_id=request.tool_call["id"], status="error")


def test_change_arguments_in_middleware_shows_the_changed_ones_to_the_person(
    hr: handrail.Client, talk: Talks, shop: Shop
) -> None:
    t = talk(gate(hr, [shop.pay]), [PAY], "done", middleware=[Changes()])
    t.say()
    held = t.held()
    assert t.arguments(held.case_id) == {"to": "A1", "amount": 1_000_000}
    held.reject("wrong")
    waker(hr, t.graph).step()
    assert shop.paid == []


def test_change_arguments_inside_our_middleware_is_why_it_stands_last(
    hr: handrail.Client, talk: Talks, shop: Shop
) -> None:
    for order, paid in (([Changes(), middleware(hr)], []), ([middleware(hr), Changes()], [("A1", 1_000_000)])):
        shop.paid.clear()
        t = talk([shop.pay], [PAY], "done", middleware=order, thread=f"t{len(paid)}")
        t.say()
        held = t.held()
        assert t.arguments(held.case_id)["amount"] == (5 if paid else 1_000_000)
        held.approve() if paid else held.reject("wrong")  # type: ignore[func-returns-value]
        waker(hr, t.graph).step()
        assert shop.paid == paid


def test_swallow_the_pause_in_middleware_runs_nothing_and_takes_the_case_back(
    hr: handrail.Client, talk: Talks, shop: Shop
) -> None:
    t = talk(gate(hr, [shop.pay]), [PAY], "done", middleware=[Swallows()])
    t.say()
    held = t.held()
    held.release()
    waker(hr, t.graph).sweep()
    assert shop.paid == []
    decision = hr.decision(held.case_id)
    assert decision is not None
    assert decision.kind == "cancelled"


def test_replay_a_message_whose_call_ran_gives_the_recorded_result(
    hr: handrail.Client, talk: Talks, shop: Shop
) -> None:
    t = talk(gate(hr, [shop.pay]), [PAY], "done")
    t.say()
    t.held().approve()
    waker(hr, t.graph).step()
    again = t.graph.invoke(None, state(t.graph, t.config, "tools"))
    assert [m.text for m in again["messages"] if isinstance(m, ToolMessage)] == ["paid 5 to A1"]
    assert shop.paid == [("A1", 5)]


def test_replay_from_before_the_model_asks_again(hr: handrail.Client, talk: Talks, shop: Shop) -> None:
    t = talk(gate(hr, [shop.pay]), [PAY], "done", [PAY], "done")
    t.say()
    t.held().approve()
    waker(hr, t.graph).step()
    t.graph.invoke(None, state(t.graph, t.config, "model"))
    assert hr.desk("Ann").next() is not None
    assert shop.paid == [("A1", 5)]


def test_one_bare_answer_for_several_calls_of_one_node_settles_none(hr: handrail.Client, shop: Shop) -> None:
    # one task, one list of answers, three threads: LangGraph gives the answer to whoever comes first
    calls = [("pay", {"to": f"A{n}", "amount": n}) for n in (1, 2, 3)]
    for n in range(20):
        t = Talk(hr, node_graph(says(calls, "done"), gate(hr, [shop.pay]), InMemorySaver()), f"t{n}")
        t.say()
        for answer in (True, "approve", {"decisions": [{"type": "approve"}]}):
            t.graph.invoke(Command(resume=answer), t.config)
        assert shop.paid == []
        assert t.graph.get_state(t.config).interrupts
        for _ in calls:
            held = t.held()
            held.approve() if t.arguments(held.case_id)["to"] == "A2" else held.reject("wrong")  # type: ignore[func-returns-value]
        w = waker(hr, t.graph)
        while w.step():
            pass
        assert shop.paid == [("A2", 2)]
        assert [message.status for message in t.told()] == ["error", "success", "error"]
        shop.paid.clear()


def test_new_input_on_a_parked_thread_takes_the_case_back_when_the_next_call_asks(
    hr: handrail.Client, talk: Talks, shop: Shop
) -> None:
    t = talk(gate(hr, [shop.pay]), [PAY], [("pay", {"to": "A2", "amount": 7})], "done")
    t.say()
    first = t.held()
    first.release()
    t.say("no, pay A2")
    decision = hr.decision(first.case_id)
    assert decision is not None
    assert decision.kind == "cancelled"
    t.held().approve()
    waker(hr, t.graph).step()
    assert shop.paid == [("A2", 7)]


def test_new_input_takes_nothing_back_of_the_agent_inside_an_agent(
    hr: handrail.Client, talk: Talks, shop: Shop
) -> None:
    inner = talk(gate(hr, [shop.pay]), [PAY], "inner done", middleware=[middleware(hr)], saver=None).graph
    inner.checkpointer = None

    @tool("look")
    def look(at: str) -> str:
        """Look."""
        return str(inner.invoke({"messages": [HumanMessage(at)]})["messages"][-1].content)

    calls = [PAY, ("look", {"at": "x"})]
    t = talk([*gate(hr, [shop.pay]), look], calls, "done")
    t.say()
    assert len(hr.parks()) == 1
    assert hr.parks()[0].cases == 2


def test_wire_without_a_checkpointer_is_refused(hr: handrail.Client, shop: Shop) -> None:
    graph = create_agent(says([PAY], "done"), gate(hr, [shop.pay]))
    with pytest.raises(InvalidInput, match="nothing to wake"):
        waker(hr, graph)
    with pytest.raises(InvalidInput, match="keeps no threads"):
        graph.invoke({"messages": [HumanMessage("go")]})
    for wrapped in (
        create_agent(says([PAY], "done"), [shop.pay], middleware=[middleware(hr)]),
        node_graph(says([PAY], "done"), [shop.pay], None, **wrap_tool_call(hr)),
    ):
        with pytest.raises(InvalidInput, match="keeps no threads"):
            wrapped.invoke({"messages": [HumanMessage("go")]})
    assert hr.desk("Ann").next() is None
    assert shop.paid == []

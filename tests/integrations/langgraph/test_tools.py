"""A gated tool is the same tool: what the framework injects, what tools return, what reviewers change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import BaseTool, InjectedToolCallId, StructuredTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.prebuilt import InjectedState, InjectedStore, ToolRuntime
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command
from pydantic import BaseModel, Field

import handrail
from handrail.errors import InvalidInput
from handrail.integrations.langgraph import GatedTool, awaker, gate, ungated, waker
from tests.integrations.langgraph.conftest import Talk

Talks = Callable[..., Talk]


def pay(to: str, amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount} to {to}"


def test_gate_keeps_name_description_and_schema(hr: handrail.Client) -> None:
    bare = tool(pay)
    (gated,) = gate(hr, [bare])
    assert (gated.name, gated.description, gated.args) == (bare.name, bare.description, bare.args)
    assert gated.tool_call_schema is bare.tool_call_schema
    assert gated.args_schema is bare.args_schema


def test_gate_hands_back_what_the_framework_injects_and_proposes_none_of_it(hr: handrail.Client, talk: Talks) -> None:
    got: dict[str, Any] = {}

    @tool("pay")
    def injected(
        to: str, amount: int, runtime: ToolRuntime, state: Annotated[dict[str, Any], InjectedState],
        messages: Annotated[list[Any], InjectedState("messages")], store: Annotated[BaseStore, InjectedStore()],
        call: Annotated[str, InjectedToolCallId],
    ) -> str:  # fmt: skip
        """Pay."""
        got.update(runtime=runtime, state=state, messages=messages, store=store, call=call, amount=amount)
        return "paid"

    store = InMemoryStore()
    t = talk(gate(hr, [injected]), [("pay", {"to": "A1", "amount": 5, "state": "forged"})], "done", store=store)
    t.say()
    held = t.held()
    assert t.arguments(held.case_id) == {"to": "A1", "amount": 5}
    held.edit({"to": "A1", "amount": 4})
    waker(hr, t.graph).step()
    assert got["amount"] == 4
    assert got["store"] is store
    assert got["call"] == "c1"
    assert got["state"]["messages"] == got["messages"]
    assert isinstance(got["runtime"], ToolRuntime)
    assert t.last().content == "done"


def test_gate_proposes_what_the_tool_would_read_and_refuses_what_it_would_not(hr: handrail.Client, talk: Talks) -> None:
    t = talk(gate(hr, [pay]), [("pay", {"to": "A1", "amount": "5"}), ("pay", {"to": "A1"})], "done")
    t.say()
    held = t.held()
    assert t.arguments(held.case_id) == {"to": "A1", "amount": 5}
    assert hr.desk("Bob").next() is None
    held.approve()
    waker(hr, t.graph).step()
    first, second = sorted(t.told(), key=lambda message: message.tool_call_id)
    assert first.content == "paid 5 to A1"
    assert second.status == "error"
    assert "amount" in second.text


def test_gate_lets_a_command_through_once_and_gives_it_again_from_the_record(hr: handrail.Client, talk: Talks) -> None:
    ran: list[str] = []

    @tool("pay")
    def commanding(to: str, call: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Pay."""
        ran.append(to)
        return Command(update={"messages": [ToolMessage(f"paid {to}", tool_call_id=call), HumanMessage("note")]})

    t = talk(gate(hr, [commanding]), [("pay", {"to": "A1"})], "done")
    t.say()
    parked = t.graph.get_state(t.config).config
    t.held().edit({"to": "A2"})
    waker(hr, t.graph).step()
    (told,) = t.told()
    assert "paid A2" in told.text
    assert "A reviewer changed this call" in told.text
    # the same pause again, from the checkpoint before it
    again = list(t.graph.stream(None, parked, stream_mode="updates"))
    assert "paid A2" in str(again[0])
    assert ran == ["A2"]


def test_gate_gives_answers_refusals_and_redirections_the_framework_s_forms(hr: handrail.Client, talk: Talks) -> None:
    calls = [("pay", {"to": f"A{n}", "amount": n}) for n in (1, 2, 3)]
    t = talk(gate(hr, [pay]), calls, "done")
    t.say()
    for _ in calls:
        held = t.held()
        {
            "A1": lambda held=held: held.respond("paid by hand"),
            "A2": lambda held=held: held.redirect("ask first"),
            "A3": lambda held=held: held.reject("wrong"),
        }[t.arguments(held.case_id)["to"]]()
    waker(hr, t.graph).step()
    told = {message.tool_call_id: message for message in t.told()}
    assert (told["c1"].status, told["c1"].content) == ("success", "paid by hand")
    assert (told["c2"].status, "ask first" in told["c2"].text) == ("error", True)
    assert (told["c3"].status, "wrong" in told["c3"].text) == ("error", True)
    assert t.last().content == "done"


def test_gate_keeps_artifacts_and_cuts_only_what_is_kept_of_large_results(hr: handrail.Client, talk: Talks) -> None:
    @tool("look", response_format="content_and_artifact")
    def look(at: str) -> tuple[str, Any]:
        """Look."""
        return "x" * 2_000_000, {"at": at}

    t = talk(gate(hr, [look]), [("look", {"at": "A1"})], "done")
    t.say()
    (told,) = t.told()
    assert len(told.text) == 2_000_000
    assert told.artifact == {"at": "A1"}
    (node,) = (state for state in t.graph.get_state_history(t.config) if "tools" in state.next)
    (again,) = t.graph.invoke(None, node.config)["messages"][-2:-1]
    assert "Only this much of the result was kept" in again.text


class Line(BaseModel):
    what: str
    price: float = Field(gt=0)


def test_gate_takes_coroutines_and_nested_models(hr: handrail.Client, talk: Talks) -> None:
    async def pay_lines(lines: list[Line]) -> str:
        """Pay."""
        return f"paid {sum(line.price for line in lines)}"

    (gated,) = gate(hr, [StructuredTool.from_function(coroutine=pay_lines, name="pay")])
    t = talk([gated], [("pay", {"lines": [{"what": "tea", "price": 2}]})], "done")

    async def converse() -> None:
        await t.graph.ainvoke({"messages": [HumanMessage("go")]}, t.config)
        held = await asyncio.to_thread(t.held)
        await asyncio.to_thread(held.edit, {"lines": [{"what": "tea", "price": 3}]})
        await awaker(hr, t.graph).astep()

    asyncio.run(converse())
    (told,) = t.told()
    assert told.text.startswith("paid 3.0")


def test_gate_takes_a_tool_whose_schema_is_a_dict(hr: handrail.Client, talk: Talks) -> None:
    schema = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
    bare = StructuredTool(name="pay", description="Pay.", args_schema=schema, func=lambda to: f"paid {to}")
    t = talk(gate(hr, [bare]), [("pay", {"to": "A1"})], "done")
    t.say()
    held = t.held()
    with pytest.raises(InvalidInput):
        held.edit({"to": "A2", "amount": 7})
    held.edit({"to": "A2"})
    waker(hr, t.graph).step()
    assert t.told()[0].text.startswith("paid A2")


def test_gate_a_tool_class_of_one_s_own_asks(hr: handrail.Client, talk: Talks) -> None:
    class Pay(BaseTool):
        name: str = "pay"
        description: str = "Pay."

        def _run(self, to: str) -> str:
            return f"paid {to}"

    t = talk(gate(hr, [Pay()]), [("pay", {"to": "A1"})], "done")
    t.say()
    assert t.arguments(t.held().case_id) == {"to": "A1"}


def test_gate_refuses_what_runs_at_the_provider_and_what_is_gated(hr: handrail.Client) -> None:
    with pytest.raises(InvalidInput, match="provider"):
        gate(hr, [{"type": "web_search"}])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match="gated already"):
        gate(hr, gate(hr, [pay]))
    with pytest.raises(InvalidInput, match="cannot say"):
        gate(hr, [pay], colour="red")
    assert ungated([*gate(hr, [pay]), tool("look")(pay), {"type": "web_search", "name": "search"}]) == [
        "look", "search",
    ]  # fmt: skip


def test_run_a_gated_tool_around_its_invoke_is_refused(hr: handrail.Client) -> None:
    (gated,) = gate(hr, [pay])
    assert isinstance(gated, GatedTool)
    with pytest.raises(InvalidInput):
        gated.run({"to": "A1", "amount": 5})
    with pytest.raises(InvalidInput):
        gated.func("A1", 5)


def test_call_in_a_graph_that_keeps_no_threads_is_refused_before_anybody_is_asked(hr: handrail.Client) -> None:
    call = {"name": "pay", "args": {"to": "A1", "amount": 5}, "id": "c1", "type": "tool_call"}
    (gated,) = gate(hr, [pay])
    with pytest.raises(InvalidInput, match="keeps no threads"):
        gated.invoke(call)
    assert hr.desk("Ann").next() is None


class Said(TypedDict):
    said: list[str]


def test_call_without_an_id_never_parks(hr: handrail.Client) -> None:
    (gated, look) = gate(hr, [pay, tool("look")(pay)])

    def node(state: dict[str, Any]) -> dict[str, Any]:
        arguments = {"to": "A1", "amount": 5}
        return {"said": [gated.invoke(arguments), look.invoke(arguments)]}

    builder = StateGraph(Said)
    builder.add_node("n", node)
    builder.add_edge(START, "n")
    graph = builder.compile(checkpointer=InMemorySaver())
    said = graph.invoke({"said": []}, {"configurable": {"thread_id": "t"}})["said"]
    assert "no id" in said[0]
    assert said[1] == "paid 5 to A1"
    assert hr.desk("Ann").next() is None

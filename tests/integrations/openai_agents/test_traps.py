"""What goes wrong with the SDK alone does not go wrong behind the gate."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from agents import Agent, AgentsException, FunctionTool, Runner, RunResult, RunState, ToolOutputText, function_tool
from agents.testing import ScriptedModel, assistant_message, function_call

import handrail
from handrail.errors import InvalidInput
from handrail.integrations.openai_agents import FRAMEWORK, gate, resume, run, settle, ungated, waker

Calls = Sequence[Any]


def agent_of(tools: Sequence[Any], *turns: Calls, **more: Any) -> Agent[Any]:
    return Agent(name="clerk", tools=list(tools), model=ScriptedModel([*turns, [assistant_message("done")]]), **more)


def call(name: str, id: str = "c1", **arguments: Any) -> Any:
    return function_call(name, arguments, call_id=id)


def told(result: RunResult) -> dict[str, Any]:
    return {item["call_id"]: item["output"] for item in result.to_input_list() if "output" in item}


class Payer:
    """A tool and its effects."""

    def __init__(self) -> None:
        self.effects: list[tuple[str, int]] = []

        @function_tool
        def pay(to: str, amount: int) -> str:
            """Pay somebody."""
            self.effects.append((to, amount))
            return f"paid {amount} to {to}"

        self.tool = pay


@pytest.fixture
def payer() -> Payer:
    return Payer()


def woken(hr: handrail.Client, agent: Agent[Any], **more: Any) -> list[RunResult]:
    """Wake until nothing is due."""
    results: list[RunResult] = []
    one = waker(hr, agent, then=lambda _, result: results.append(result), **more)
    while one.step():
        pass
    return results


def test_resume_one_snapshot_three_times_acts_once(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    async def story() -> list[str]:
        agent = agent_of(gate(hr, [payer.tool]), [call("pay", to="A1", amount=5)])
        result = await run(hr, agent, "go", run="r1")
        snapshot = result.to_state().to_string()
        desk.next().approve()
        outputs = []
        for _ in range(3):
            again = agent_of(agent.tools)
            state = await RunState.from_string(again, snapshot)
            outputs.append(told(await resume(hr, again, state, run="r1"))["c1"])
        return outputs

    assert asyncio.run(story()) == ["paid 5 to A1"] * 3
    assert payer.effects == [("A1", 5)]


def test_resume_an_altered_snapshot_runs_nothing_it_was_not_approved_for(
    hr: handrail.Client, desk: handrail.Desk, payer: Payer
) -> None:
    async def story() -> None:
        agent = agent_of(gate(hr, [payer.tool]), [call("pay", to="A1", amount=5)])
        result = await run(hr, agent, "go", run="r1")
        desk.next().approve()
        altered = result.to_state().to_string().replace('\\"amount\\":5', '\\"amount\\":50')
        state = await RunState.from_string(agent, altered)
        (item,) = state.get_interruptions()
        # the SDK binds a call to its arguments; what is asked for anew is another case
        with pytest.raises(AgentsException):
            state.approve(item)
        with hr.run(id="r1"):
            settled = await settle(state)
        assert (settled.answered, len(settled.open)) == (0, 1)

    asyncio.run(story())
    assert payer.effects == []


def test_wake_a_snapshot_of_another_schema_says_what_to_do(
    hr: handrail.Client, desk: handrail.Desk, payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = agent_of(gate(hr, [payer.tool]), [call("pay", to="A1", amount=5)])
    monkeypatch.setattr("agents.run_state.CURRENT_SCHEMA_VERSION", "9.7")
    asyncio.run(run(hr, agent, "go", run="r1"))
    monkeypatch.undo()
    desk.next().approve()
    one = waker(hr, agent)
    one.step()
    (parked,) = hr.parks()
    assert one.failed == 1
    assert "snapshot 9.7" in (parked.note or "")
    assert "cannot be read by openai-agents 0." in (parked.note or "")
    assert payer.effects == []


def test_approve_always_in_the_sdk_lets_no_second_call_through(
    hr: handrail.Client, desk: handrail.Desk, payer: Payer
) -> None:
    async def story() -> None:
        agent = agent_of(
            gate(hr, [payer.tool]), [call("pay", to="A1", amount=5)], [call("pay", "c2", to="A1", amount=1_000_000)]
        )
        result = await run(hr, agent, "go", run="r1")
        desk.next().approve()
        state = result.to_state()
        for item in state.get_interruptions():
            state.approve(item, always_approve=True)
        with hr.run(id="r1"), pytest.raises(AgentsException, match="is not decided"):
            await Runner.run(agent, state)

    asyncio.run(story())
    assert payer.effects == [("A1", 5)]
    row = hr.plane.proposal(hr.plane.workspace_id, desk.next().case_id)
    assert row.record()["arguments"]["amount"] == 1_000_000


def test_settle_never_approves_for_more_than_one_call(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    async def story() -> str:
        agent = agent_of(gate(hr, [payer.tool]), [call("pay", to="A1", amount=5)])
        state = (await run(hr, agent, "go", run="r1")).to_state()
        desk.next().approve()
        with hr.run(id="r1"):
            assert await settle(state) == (1, ())
        return state.to_string()

    kept = json.loads(asyncio.run(story()))
    assert "sticky_scope" not in json.dumps(kept)
    assert not any(one.get("approved") is True for one in _dictionaries(kept))


def test_reuse_a_call_id_is_answered_by_the_sdk_itself(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    bare: list[str] = []

    async def invoke(context: Any, arguments: str) -> str:
        bare.append(context.tool_call_id)
        return "ok"

    tool = FunctionTool("look", "Look.", {"type": "object", "properties": {}, "additionalProperties": False}, invoke)
    asyncio.run(Runner.run(agent_of([tool], [call("look")], [call("look")]), "go"))
    assert bare == ["c1"]


def test_edit_a_call_runs_the_edit_and_tells_the_model(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    agent = agent_of(gate(hr, [payer.tool]), [call("pay", to="A1", amount=5)])
    asyncio.run(run(hr, agent, "go"))
    desk.next().edit({"to": "A1", "amount": 3})
    (result,) = woken(hr, agent)
    assert told(result)["c1"].splitlines()[0] == "paid 3 to A1"
    assert '{"amount": 3}' in told(result)["c1"]
    assert payer.effects == [("A1", 3)]


def test_malformed_arguments_are_refused_in_words_and_open_no_case(
    hr: handrail.Client, desk: handrail.Desk, payer: Payer
) -> None:
    agent = agent_of(
        gate(hr, [payer.tool]),
        [function_call("pay", text, call_id=f"c{n}") for n, text in enumerate(("{not json", "[1]", '{"to": "A1"}'))],
    )
    result = asyncio.run(run(hr, agent, "go"))
    assert not result.interruptions
    assert all("[handrail] Not executed" in text for text in told(result).values())
    assert len(told(result)) == 3
    assert desk.next() is None
    assert payer.effects == []


def test_nested_agent_parks_on_the_outer_run_and_goes_on(
    hr: handrail.Client, desk: handrail.Desk, payer: Payer
) -> None:
    def build() -> Agent[Any]:
        inner = agent_of(gate(hr, [payer.tool]), [call("pay", "n1", to="A1", amount=5)])
        tool = inner.as_tool("research", "Find out.")
        return agent_of(gate(hr, [tool]), [call("research", "o1", input="find out")])

    first = build()
    asyncio.run(run(hr, first, "go", run="r1"))
    desk.next().approve()
    # the outer model has spoken; what the nested one says next stands in its own script
    after_outer = build()
    after_outer.model = ScriptedModel([[assistant_message("done")]])
    (result,) = woken(hr, after_outer)
    assert [item.name for item in result.interruptions] == ["pay"]
    desk.next().approve()
    last = build()
    last.model = ScriptedModel([[assistant_message("done")]])
    _agent_tool(last).model = ScriptedModel([[assistant_message("found out")]])
    (result,) = woken(hr, last)
    assert result.final_output == "done"
    assert told(result)["o1"] == "found out"
    assert payer.effects == [("A1", 5)]


def test_nested_agent_that_is_rejected_is_not_let_in(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    inner = agent_of(gate(hr, [payer.tool]), [call("pay", "n1", to="A1", amount=5)])
    agent = agent_of(gate(hr, [inner.as_tool("research", "Find out.")]), [call("research", "o1", input="find out")])
    asyncio.run(run(hr, agent, "go"))
    desk.next().reject("wrong")
    (result,) = woken(hr, agent)
    assert "wrong" in told(result)["o1"]
    assert inner.model.calls == ()  # type: ignore[union-attr]


def test_handed_over_agent_parks_and_is_woken_from_the_first(
    hr: handrail.Client, desk: handrail.Desk, payer: Payer
) -> None:
    def build(*turns: Calls) -> Agent[Any]:
        second = Agent(name="payer", tools=gate(hr, [payer.tool]), model=ScriptedModel(turns))
        first = [[function_call("transfer_to_payer", {}, call_id="h1")]]
        return Agent(name="desk", handoffs=[second], model=ScriptedModel(first))

    asyncio.run(run(hr, build([call("pay", to="A1", amount=5)]), "go", run="r1"))
    desk.next().approve()
    (result,) = woken(hr, build([assistant_message("done")]))
    assert (result.final_output, result.last_agent.name) == ("done", "payer")
    assert payer.effects == [("A1", 5)]


def test_new_input_takes_the_parked_calls_back(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    agent = agent_of(gate(hr, [payer.tool]), [call("pay", to="A1", amount=5)])
    asyncio.run(run(hr, agent, "go", run="r1"))
    asyncio.run(run(hr, agent, "never mind", run="r1"))
    assert hr.parks() == []
    assert desk.next() is None
    assert woken(hr, agent) == []


def test_run_keeps_the_agent_and_user_it_was_begun_for(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    agent = agent_of(gate(hr, [payer.tool]), [call("pay", to="A1", amount=5)])
    with hr.run(id="r9", agent="billing", user="eve"):
        asyncio.run(run(hr, agent, "go"))
    held = desk.next()
    row = hr.plane.proposal(hr.plane.workspace_id, held.case_id)
    assert (row.agent, row.record()["principal"]) == ("billing", "eve")
    held.approve()
    (result,) = woken(hr, agent)
    assert told(result)["c1"] == "paid 5 to A1"


def test_context_travels_as_the_caller_says(hr: handrail.Client, desk: handrail.Desk) -> None:
    seen: list[Any] = []

    @function_tool
    def pay(context: Any, to: str) -> str:
        """Pay."""
        return to

    async def invoke(context: Any, arguments: str) -> str:
        seen.append(context.context)
        return "ok"

    schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    agent = agent_of(gate(hr, [FunctionTool("pay", "Pay.", schema, invoke)]), [call("pay")])
    asyncio.run(run(hr, agent, "go", context={"tenant": "t1"}))
    desk.next().approve()
    woken(hr, agent)
    assert seen == [{"tenant": "t1"}]


def test_structured_output_keeps_its_parts_and_gets_the_notice_as_one(hr: handrail.Client, desk: handrail.Desk) -> None:
    @function_tool
    def pay(to: str) -> ToolOutputText:
        """Pay."""
        return ToolOutputText(text=f"paid {to}")

    agent = agent_of(gate(hr, [pay]), [call("pay", to="A1")])
    asyncio.run(run(hr, agent, "go"))
    desk.next().edit({"to": "A2"})
    (result,) = woken(hr, agent)
    parts = told(result)["c1"]
    assert [part["type"] for part in parts] == ["input_text", "input_text"]
    assert parts[0]["text"] == "paid A2"
    assert "A reviewer changed this call" in parts[1]["text"]


def test_timeout_of_a_tool_counts_its_own_time_and_leaves_it_to_a_person(
    hr: handrail.Client, desk: handrail.Desk
) -> None:
    @function_tool(timeout=0.02)
    async def pay(to: str) -> str:
        """Pay."""
        await asyncio.sleep(60)
        return to

    agent = agent_of(gate(hr, [pay]), [call("pay", to="A1")])
    asyncio.run(run(hr, agent, "go"))
    desk.next().approve()
    (result,) = woken(hr, agent)
    assert "whether it took effect is not known" in told(result)["c1"]


def test_gate_a_hosted_tool_that_nobody_can_hold_back_is_refused(hr: handrail.Client) -> None:
    class Elsewhere:
        name = "web_search"

    with pytest.raises(InvalidInput, match="web_search"):
        gate(hr, [Elsewhere()])  # type: ignore[list-item]


def test_ungated_tools_are_named_wherever_they_are(hr: handrail.Client, payer: Payer) -> None:
    @function_tool
    def wipe() -> str:
        """Wipe."""
        return ""

    @function_tool
    def note() -> str:
        """Note."""
        return ""

    inner = Agent(name="inner", tools=[wipe, *gate(hr, [payer.tool])])
    other = Agent(name="other", tools=[note])
    agent = Agent(name="a", tools=gate(hr, [inner.as_tool("inner", "")]), handoffs=[other])
    assert ungated(agent) == ["note", "wipe"]


def test_two_gates_do_not_ask_twice(hr: handrail.Client, desk: handrail.Desk, payer: Payer) -> None:
    agent = agent_of(gate(hr, gate(hr, [payer.tool])), [call("pay", to="A1", amount=5)])
    asyncio.run(run(hr, agent, "go"))
    desk.next().approve()
    woken(hr, agent)
    assert payer.effects == [("A1", 5)]
    assert desk.next() is None


def test_call_of_an_ungated_approval_is_left_to_the_caller(hr: handrail.Client) -> None:
    @function_tool(needs_approval=True)
    def own() -> str:
        """The caller's own."""
        return "own"

    result = asyncio.run(run(hr, agent_of([own], [call("own")]), "go"))
    assert [item.name for item in result.interruptions] == ["own"]
    assert hr.parks() == []


def test_park_names_its_framework(hr: handrail.Client, payer: Payer) -> None:
    asyncio.run(run(hr, agent_of(gate(hr, [payer.tool]), [call("pay", to="A1", amount=5)]), "go"))
    assert [park.framework for park in hr.parks()] == [FRAMEWORK]


def _agent_tool(agent: Agent[Any]) -> Agent[Any]:
    (tool,) = [tool for tool in agent.tools if isinstance(tool, FunctionTool)]
    found: Agent[Any] = tool._agent_instance
    return found


def _dictionaries(value: Any) -> list[dict[str, Any]]:
    within: Callable[[Any], list[dict[str, Any]]] = _dictionaries
    if isinstance(value, dict):
        return [value, *(found for each in value.values() for found in within(each))]
    return [found for each in value for found in within(each)] if isinstance(value, list) else []

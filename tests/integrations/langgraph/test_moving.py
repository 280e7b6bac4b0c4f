"""From `HumanInTheLoopMiddleware`: threads it left stuck are repaired, its configuration becomes a policy."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

import handrail
from handrail.errors import InvalidInput, VerdictNotAllowed
from handrail.integrations.langgraph import arepair, astuck, from_interrupt_on, gate, repair, stuck
from tests.integrations.environments import ROOT
from tests.integrations.langgraph.conftest import says

CONFIG: Any = {"configurable": {"thread_id": "t"}}
# what LangChain's own Agent Inbox sends
MALFORMED = [{"type": "accept"}]
CORRECT = {"decisions": [{"type": "approve"}]}


@pytest.fixture
def paid() -> list[str]:
    return []


@pytest.fixture
def parked(paid: list[str]) -> Any:
    def pay(to: str) -> str:
        """Pay."""
        paid.append(to)
        return "paid"

    graph = create_agent(
        says([("pay", {"to": "A1"})], "done"), [pay], checkpointer=InMemorySaver(),
        middleware=[HumanInTheLoopMiddleware({"pay": True})],
    )  # fmt: skip
    graph.invoke({"messages": [HumanMessage("go")]}, CONFIG)
    return graph


def test_repair_a_thread_that_a_malformed_answer_stuck_makes_it_answerable(parked: Any, paid: list[str]) -> None:
    assert stuck(parked, CONFIG) is None
    for answer in (MALFORMED, CORRECT):
        with pytest.raises(TypeError):
            parked.invoke(Command(resume=answer), CONFIG)
    assert "cannot read the answer" in (stuck(parked, CONFIG) or "")
    (question,) = repair(parked, CONFIG)
    assert question.value["action_requests"][0]["name"] == "pay"
    assert stuck(parked, CONFIG) is None
    assert paid == []
    parked.invoke(Command(resume=CORRECT), CONFIG)
    assert paid == ["A1"]


def test_repair_what_is_not_stuck_changes_nothing(parked: Any, paid: list[str]) -> None:
    before = parked.get_state(CONFIG)
    assert [question.id for question in repair(parked, CONFIG)] == [question.id for question in before.interrupts]
    assert parked.get_state(CONFIG).config == before.config
    assert paid == []


def test_repair_on_an_event_loop_does_the_same(parked: Any) -> None:
    async def go() -> None:
        with pytest.raises(TypeError):
            await parked.ainvoke(Command(resume=MALFORMED), CONFIG)
        assert await astuck(parked, CONFIG)
        assert len(await arepair(parked, CONFIG)) == 1
        assert await astuck(parked, CONFIG) is None

    asyncio.run(go())


def test_from_interrupt_on_asks_and_allows_as_the_middleware_did(tmp_path: Path) -> None:
    asked = {"pay": {"allowed_decisions": ["approve", "reject"], "description": "A payment"}, "look": False}
    policy = from_interrupt_on(asked)

    def pay(to: str) -> str:
        """Pay."""
        return f"paid {to}"

    def look(at: str) -> str:
        """Look."""
        return f"seen {at}"

    with handrail.open(tmp_path / "handrail.db", policy=policy) as hr:
        calls = [("pay", {"to": "A1"}), ("look", {"at": "A2"})]
        graph = create_agent(says(calls, "done"), gate(hr, [pay, look]), checkpointer=InMemorySaver())
        graph.invoke({"messages": [HumanMessage("go")]}, CONFIG)
        held = hr.desk("Ann").next()
        assert held is not None
        assert hr.desk("Bob").next() is None
        with pytest.raises(VerdictNotAllowed):
            held.edit({"to": "A3"})
        held.approve()


@pytest.mark.parametrize("wrong", ["yes", {"allowed_decisions": []}, {"allowed_decisions": ["shrug"]}, {}])
def test_from_interrupt_on_of_something_else_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput):
        from_interrupt_on({"pay": wrong})


AGENT = '''
import sqlite3
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langgraph.checkpoint.sqlite import SqliteSaver
from tests.integrations.langgraph.conftest import says

def pay(to: str) -> str:
    """Pay."""
    return "paid"

graph = create_agent(
    says([("pay", {"to": "A1"})]), [pay], middleware=[HumanInTheLoopMiddleware({"pay": True})],
    checkpointer=SqliteSaver(sqlite3.connect("threads.db", check_same_thread=False)),
)
'''


def test_look_from_the_command_line_names_bare_tools_and_repairs_stuck_threads(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(AGENT)
    spoil = f"""
from agent import graph
from langgraph.types import Command
config = {CONFIG!r}
graph.invoke({{"messages": [("user", "go")]}}, config)
try:
    graph.invoke(Command(resume={MALFORMED!r}), config)
except TypeError:
    pass
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip

    assert run("-c", spoil).returncode == 0
    look = ("-m", "handrail.integrations.langgraph", "agent:graph", "--thread", "t")
    found = run(*look)
    assert (found.returncode, "not wrapped by gate(): pay" in found.stdout) == (1, True), found.stderr
    assert "thread t: the node" in found.stdout
    assert "asks again, 1 question(s) open" in run(*look, "--repair").stdout
    assert "thread t: answers are read" in run(*look).stdout

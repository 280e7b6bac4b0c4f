"""Calls of one turn that share a task are asked about at once, also where the task ends with the first that pauses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

import handrail
from handrail.integrations import langgraph
from handrail.integrations.langgraph import beside
from tests.integrations.langgraph.conftest import Talk, says
from tests.integrations.langgraph.graphs import node_graph


def test_a_call_waits_for_one_that_has_not_begun() -> None:
    def late() -> None:
        time.sleep(0.1)
        beside.begin("node", "b")
        came.append(time.monotonic())

    came: list[float] = []
    beside.begin("node", "a")
    with beside.inside("node"):
        thread = threading.Thread(target=late)
        thread.start()
        beside.wait_for_others("node", ["a", "b"], threads=6)
        assert came
        thread.join()
        # it counts although it is over
        beside.wait_for_others("node", ["a", "b"], threads=6)


def test_a_call_does_not_wait_for_ever_for_one_that_cannot_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "PATIENCE_SECONDS", 0.05)
    start = time.monotonic()
    beside.wait_for_others("node", ["never"], threads=6)
    assert 0.05 <= time.monotonic() - start < 1.0


def test_a_call_does_not_wait_for_one_that_no_thread_is_left_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "PATIENCE_SECONDS", 60.0)
    with beside.inside("node"), beside.inside("node"):
        beside.wait_for_others("node", ["never"], threads=2)


def test_what_is_kept_of_nodes_is_bounded() -> None:
    for n in range(2 * beside.MOST_NODES):
        beside.begin(f"node-{n}", "a")
    assert len(beside._calls) == beside.MOST_NODES


def pay(to: str) -> str:
    """Pay somebody."""
    return f"paid {to}"


def mail(to: str) -> str:
    """Mail somebody."""
    return f"mailed {to}"


DOORS: dict[str, Callable[[handrail.Client], tuple[list[Any], dict[str, Any]]]] = {
    "one list": lambda hr: (langgraph.gate(hr, [pay, mail]), {}),
    "two lists": lambda hr: ([*langgraph.gate(hr, [pay]), *langgraph.gate(hr, [mail])], {}),
    "around the node": lambda hr: ([pay, mail], langgraph.wrap_tool_call(hr)),
}


@pytest.mark.parametrize("door", DOORS)
def test_all_calls_of_a_turn_are_asked_about_when_a_tool_node_pauses(hr: handrail.Client, door: str) -> None:
    tools, wrapping = DOORS[door](hr)
    calls = [("mail", {"to": "A0"}), ("mail", {"to": "A1"}), ("pay", {"to": "A2"}), ("pay", {"to": "A3"})]
    for n in range(20):
        talk = Talk(hr, node_graph(says(calls), tools, InMemorySaver(), **wrapping), f"thread-{n}")
        talk.config["max_concurrency"] = 4
        paused = talk.say()
        assert hr.parks()[0].cases == 4
        assert len(paused["__interrupt__"]) == 1
        hr.abandon(f"thread-{n}", "langgraph", reason="seen")


# fewer threads than calls; a call that takes no part; a call whose arguments the tool refuses
@pytest.mark.parametrize(
    ("calls", "threads"),
    [
        ([("pay", {"to": f"A{n}"}) for n in range(3)], 1),
        ([("pay", {"to": f"A{n}"}) for n in range(20)], 4),
        ([("look", {}), ("pay", {"to": "A"})], 1),
        ([("look", {}), ("pay", {"to": "A"})], 4),
        ([("pay", {}), ("pay", {"to": "A"})], 4),
    ],
)
@pytest.mark.parametrize("door", DOORS)
def test_nobody_waits_for_a_call_that_cannot_come(
    hr: handrail.Client,
    monkeypatch: pytest.MonkeyPatch,
    door: str,
    calls: list[tuple[str, dict[str, Any]]],
    threads: int,
) -> None:
    def look() -> str:
        """Look around."""
        return "all is well"

    monkeypatch.setattr(beside, "PATIENCE_SECONDS", 60.0)
    tools, wrapping = DOORS[door](hr)
    talk = Talk(hr, node_graph(says(calls), [*tools, look], InMemorySaver(), **wrapping), "thread")
    talk.config["max_concurrency"] = threads
    start = time.monotonic()
    assert talk.say()["__interrupt__"]
    assert time.monotonic() - start < 30

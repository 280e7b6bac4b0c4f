"""LangGraph and handrail live in one environment."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from langgraph.graph import END, START, StateGraph

import handrail

POLICY = """
escalation_policies:
  - {action_type: pay, auto_approve_threshold: 0.95, undo_seconds: 0}
"""


class State(TypedDict):
    paid: str


def test_call_a_gated_function_in_a_node_runs_it(tmp_path: Path) -> None:
    with handrail.open(tmp_path / "handrail.db", policy=POLICY) as hr:

        @hr.gate("pay", confidence=0.99)
        def pay(to: str) -> str:
            return f"paid {to}"

        graph = StateGraph(State)
        graph.add_node("pay", lambda state: {"paid": pay("A1")})
        graph.add_edge(START, "pay")
        graph.add_edge("pay", END)
        assert graph.compile().invoke({"paid": ""}) == {"paid": "paid A1"}

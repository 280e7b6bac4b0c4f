"""The smallest graph that asks a person: one node, one interrupt."""

from __future__ import annotations

from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt

PROPOSAL = {"to": "A1", "amount": "5000", "done": False}


class State(TypedDict):
    to: str
    amount: str
    done: bool


def pay(state: State) -> dict[str, bool]:
    approved = interrupt({"action": "payment_transfer", "to": state["to"], "amount": state["amount"]})
    return {"done": bool(approved)}


def approval_graph(saver: Any) -> Any:
    """Compiled with the saver; durability is LangGraph's default."""
    builder = StateGraph(State)
    builder.add_node("pay", pay)
    builder.add_edge(START, "pay")
    builder.add_edge("pay", END)
    return builder.compile(checkpointer=saver)


def check(state: dict[str, Any]) -> None:
    if state.get("done") is not True:
        raise RuntimeError(f"the graph did not resume: {state}")

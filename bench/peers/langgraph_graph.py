"""A graph that asks a person: one interrupt, with or without a node before the one that asks."""

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


def plan(state: State) -> dict[str, str]:
    return {"to": state["to"]}


def approval_graph(saver: Any, *, planned: bool = False) -> Any:
    """Compiled with the saver; durability is LangGraph's default. `planned`: a node stands before the one that asks."""
    builder = StateGraph(State)
    builder.add_node("pay", pay)
    if planned:
        builder.add_node("plan", plan)
        builder.add_edge(START, "plan")
        builder.add_edge("plan", "pay")
    else:
        builder.add_edge(START, "pay")
    builder.add_edge("pay", END)
    return builder.compile(checkpointer=saver)


def check(state: dict[str, Any]) -> None:
    if state.get("done") is not True:
        raise RuntimeError(f"the graph did not resume: {state}")

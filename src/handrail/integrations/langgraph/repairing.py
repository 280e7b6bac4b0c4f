"""Threads that refuse every answer: found, and put back to where they asked."""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.pregel import Pregel
from langgraph.types import Interrupt, StateSnapshot

Graph = Pregel[Any, Any, Any, Any]


def stuck(graph: Graph, config: RunnableConfig) -> str | None:
    """Why this thread refuses answers; None if it does not.

    LangGraph saves an answer before the node has read it. One of the wrong shape (as some inboxes send to
    `HumanInTheLoopMiddleware`) then fails the node for ever, also under correct answers.
    """
    return _stuck(graph.get_state(config))


async def astuck(graph: Graph, config: RunnableConfig) -> str | None:
    """The same for an asynchronous checkpointer."""
    return _stuck(await graph.aget_state(config))


def repair(graph: Graph, config: RunnableConfig) -> list[Interrupt]:
    """Drop the answer that nobody can read, and ask again; the questions that are open then.

    Does nothing to a thread that is not stuck. The node that failed is run again from its top: what it did before it
    asked happens again, unless handrail gates it.
    """
    if stuck(graph, config) is not None:
        graph.update_state(config, None)
        graph.invoke(None, config)
    return list(graph.get_state(config).interrupts)


async def arepair(graph: Graph, config: RunnableConfig) -> list[Interrupt]:
    """The same for an asynchronous checkpointer."""
    if await astuck(graph, config) is not None:
        await graph.aupdate_state(config, None)
        await graph.ainvoke(None, config)
    return list((await graph.aget_state(config)).interrupts)


def _stuck(now: StateSnapshot) -> str | None:
    for task in now.tasks:
        if task.interrupts and task.error is not None:
            return f"the node {task.name} cannot read the answer it was given: {task.error}"
    return None

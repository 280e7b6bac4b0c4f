"""A look from outside: which tools of a graph run unasked, and which saved threads refuse every answer."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel

from handrail.errors import InvalidInput
from handrail.integrations.langgraph.repairing import Graph, repair, stuck
from handrail.integrations.langgraph.tool import ungated

Saver = BaseCheckpointSaver[Any]
# what a saver keeps of a task that asked, and of one that failed; LangGraph has no public names for them
_ASKED, _FAILED = "__interrupt__", "__error__"


def examine(
    *, saver: str | None = None, graph: str | None = None, threads: Sequence[str] = (), mend: bool = False
) -> dict[str, Any]:
    """The threads that refuse every answer: `{"threads": [{"thread", "stuck", "asks", "waits"}], "ungated": [...]}`.

    `waits` are the cases that a thread is paused for, as it was saved.

    `saver` is where threads are saved: sqlite:///PATH or postgresql://…; `graph` is MODULE:GRAPH, the compiled graph
    that runs them. Without `threads` all of them are looked at. Nothing changes unless `mend`: then each stuck thread
    drops the answer that nobody can read and asks again (`asks` questions are open then), which needs the graph, for
    its node runs again from the top. Raises `InvalidInput` for what cannot be opened.
    """
    if mend and graph is None:
        raise InvalidInput(
            "a thread is repaired by its own graph, which asks again", remedy="Give --graph MODULE:GRAPH as well."
        )
    if saver is None and graph is None:
        raise InvalidInput("nothing says where the threads are", remedy="Give --saver, --graph or both.")
    loaded = None if graph is None else load(graph)
    with nullcontext() if saver is None else opened(saver) as kept:
        if loaded is not None and kept is not None:
            loaded = loaded.copy({"checkpointer": kept})
        found = kept or (None if loaded is None else loaded.checkpointer)
        if not isinstance(found, BaseCheckpointSaver):
            raise InvalidInput("this graph keeps no threads", remedy="Say with --saver where they are saved.")
        newest = _newest(found, threads)
        return {
            "threads": [_looked_at(thread, newest[thread], loaded, mend) for thread in newest],
            "ungated": [] if loaded is None else bare(loaded),
        }


def bare(graph: Graph) -> list[str]:
    """The tools of a graph and its subgraphs that `gate` did not wrap. Middleware may gate them all the same."""
    return sorted({name for node in tool_nodes(graph) for name in ungated(list(node.tools_by_name.values()))})


def tool_nodes(graph: Graph) -> Iterator[ToolNode]:
    """Those of the graph and of its subgraphs."""
    inner = (found for _, found in graph.get_subgraphs(recurse=True) if isinstance(found, Pregel))
    for one in (graph, *inner):
        yield from (node.bound for node in one.nodes.values() if isinstance(node.bound, ToolNode))


def load(name: str) -> Graph:
    """The graph MODULE:GRAPH, as seen from the working directory. Raises `InvalidInput` when it is not there."""
    module, _, attribute = name.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module), attribute or "graph")
    except (ImportError, AttributeError) as error:
        raise InvalidInput(f"there is no graph {name}: {error}", remedy="Give it as MODULE:GRAPH.") from error
    if not isinstance(found, Pregel):
        raise InvalidInput(f"{name} is no compiled graph", remedy="Give what `compile()` or `create_agent()` made.")
    return found


@contextmanager
def opened(url: str) -> Iterator[Saver]:
    """A saver of existing threads. Makes no file and no table."""
    if url.startswith(("postgresql://", "postgres://")):
        with _class("postgres", "PostgresSaver").from_conn_string(url) as saver:
            yield saver
        return
    path = Path(url.removeprefix("sqlite:///"))
    if not path.is_file():
        raise InvalidInput(f"there are no threads at {path}", remedy="Give sqlite:///PATH or postgresql://…")
    with _class("sqlite", "SqliteSaver").from_conn_string(str(path)) as saver:
        # what is not LangGraph's is left as it is
        saver.is_setup = True
        yield saver


def _class(engine: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(f"langgraph.checkpoint.{engine}"), name)
    except ModuleNotFoundError as error:
        raise InvalidInput(
            f"threads in {engine} need langgraph-checkpoint-{engine}",
            remedy=f"pip install langgraph-checkpoint-{engine}",
        ) from error


def _newest(saver: Saver, threads: Sequence[str]) -> dict[str, CheckpointTuple]:
    """The last checkpoint of each thread: of these, or of all."""
    try:
        if not threads:
            found: dict[str, CheckpointTuple] = {}
            for one in saver.list(None):
                if not one.config["configurable"].get("checkpoint_ns"):
                    found.setdefault(one.config["configurable"]["thread_id"], one)
            return found
        asked = {thread: saver.get_tuple(_config(thread)) for thread in threads}
    except Exception as error:
        raise InvalidInput(f"the threads cannot be read: {error}", remedy="Is this where LangGraph saves?") from error
    missing = [thread for thread, one in asked.items() if one is None]
    if missing:
        raise InvalidInput(f"there is no thread {', '.join(missing)}", remedy="Leave --thread out to see them all.")
    return {thread: one for thread, one in asked.items() if one is not None}


def _looked_at(thread: str, last: CheckpointTuple, graph: Graph | None, mend: bool) -> dict[str, Any]:
    why = _stuck(last) if graph is None else stuck(graph, _config(thread))
    found: dict[str, Any] = {"thread": thread, "stuck": why, "asks": None, "waits": _waits(last)}
    if why is None or graph is None or not mend:
        return found
    return found | {"asks": len(repair(graph, _config(thread)))}


def _waits(last: CheckpointTuple) -> list[str]:
    """The cases of the pauses that `gate` made."""
    pauses = [one for _, channel, value in last.pending_writes or [] if channel == _ASKED for one in value]
    said = [getattr(one, "value", None) for one in pauses]
    return sorted({str(one["case_id"]) for one in said if isinstance(one, dict) and "case_id" in one})


def _stuck(last: CheckpointTuple) -> str | None:
    """The same as `stuck`, from what was saved alone."""
    written = last.pending_writes or []
    asked = {task for task, channel, _ in written if channel == _ASKED}
    failed = [value for task, channel, value in written if channel == _FAILED and task in asked]
    return f"it cannot read the answer it was given: {failed[0]}" if failed else None


def _config(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}}

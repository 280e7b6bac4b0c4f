"""`python -m handrail.integrations.langgraph MODULE:GRAPH`: what runs unasked, and threads that refuse every answer."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

from langchain_core.runnables import RunnableConfig
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel

from handrail.integrations.langgraph.repairing import Graph, repair, stuck
from handrail.integrations.langgraph.tool import ungated


def main() -> int:
    """Ends with 1 if a tool runs unasked or a thread is stuck."""
    parser = argparse.ArgumentParser(prog="python -m handrail.integrations.langgraph", description=__doc__)
    parser.add_argument("graph", metavar="MODULE:GRAPH", help="a compiled graph, as in agent:graph")
    parser.add_argument("--thread", action="append", default=[], help="look at this thread; may be repeated")
    parser.add_argument("--repair", action="store_true", help="let stuck threads ask again")
    given = parser.parse_args()
    graph = _loaded(given.graph)
    bare = sorted({name for node in tool_nodes(graph) for name in ungated(list(node.tools_by_name.values()))})
    if bare:
        print(f"not wrapped by gate(): {', '.join(bare)} (they run unasked unless middleware gates them)")
    left = sum(_is_stuck(graph, thread, given.repair) for thread in given.thread)
    return int(bool(bare) or left > 0)


def tool_nodes(graph: Graph) -> Iterator[ToolNode]:
    """Those of the graph and of its subgraphs."""
    inner = (found for _, found in graph.get_subgraphs(recurse=True) if isinstance(found, Pregel))
    for one in (graph, *inner):
        yield from (node.bound for node in one.nodes.values() if isinstance(node.bound, ToolNode))


def _is_stuck(graph: Graph, thread: str, mend: bool) -> bool:
    config: RunnableConfig = {"configurable": {"thread_id": thread}}
    why = stuck(graph, config)
    print(f"thread {thread}: {why or 'answers are read'}")
    if why is None or not mend:
        return why is not None
    print(f"thread {thread}: asks again, {len(repair(graph, config))} question(s) open")
    return False


def _loaded(name: str) -> Graph:
    module, _, attribute = name.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    found: Graph = getattr(importlib.import_module(module), attribute or "graph")
    return found


if __name__ == "__main__":
    sys.exit(main())

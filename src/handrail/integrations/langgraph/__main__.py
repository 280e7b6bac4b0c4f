"""`python -m handrail.integrations.langgraph MODULE:GRAPH`: what runs unasked, and threads that refuse every answer."""

from __future__ import annotations

import argparse
import sys

from langchain_core.runnables import RunnableConfig

from handrail.integrations.langgraph.examining import bare, load
from handrail.integrations.langgraph.repairing import Graph, repair, stuck


def main() -> int:
    """Ends with 1 if a tool runs unasked or a thread is stuck."""
    parser = argparse.ArgumentParser(prog="python -m handrail.integrations.langgraph", description=__doc__)
    parser.add_argument("graph", metavar="MODULE:GRAPH", help="a compiled graph, as in agent:graph")
    parser.add_argument("--thread", action="append", default=[], help="look at this thread; may be repeated")
    parser.add_argument("--repair", action="store_true", help="let stuck threads ask again")
    given = parser.parse_args()
    graph = load(given.graph)
    unasked = bare(graph)
    if unasked:
        print(f"not wrapped by gate(): {', '.join(unasked)} (they run unasked unless middleware gates them)")
    left = sum(_is_stuck(graph, thread, given.repair) for thread in given.thread)
    return int(bool(unasked) or left > 0)


def _is_stuck(graph: Graph, thread: str, mend: bool) -> bool:
    config: RunnableConfig = {"configurable": {"thread_id": thread}}
    why = stuck(graph, config)
    print(f"thread {thread}: {why or 'answers are read'}")
    if why is None or not mend:
        return why is not None
    print(f"thread {thread}: asks again, {len(repair(graph, config))} question(s) open")
    return False


if __name__ == "__main__":
    sys.exit(main())

"""LangGraph threads that refuse every answer, for `handrail doctor langgraph`: found, and on request repaired."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from handrail.cli.guests import integration
from handrail.errors import InvalidInput

FRAMEWORK = "langgraph"


def examined(
    framework: str | None, *, threads: Sequence[str], saver: str | None, graph: str | None, mend: bool
) -> dict[str, Any]:
    """What `handrail.integrations.langgraph.examine` found; empty when nobody asked for threads."""
    if framework != FRAMEWORK and (threads or saver or graph or mend):
        raise InvalidInput("threads are LangGraph's", remedy="Say `handrail doctor langgraph` with these options.")
    if saver is None and graph is None:
        if threads or mend:
            raise InvalidInput("nothing says where the threads are", remedy="Give --saver, --graph or both.")
        return {}
    found: dict[str, Any] = integration(FRAMEWORK).examine(saver=saver, graph=graph, threads=threads, mend=mend)
    return found


def compared(seen: dict[str, Any], parked: Collection[str]) -> dict[str, Any]:
    """The same, and of each thread whether its pause is parked: what is not, no waker wakes."""
    if not seen:
        return seen
    threads = [one | {"parked": one["thread"] in parked if one["waits"] else None} for one in seen["threads"]]
    return seen | {"threads": threads}


def left(seen: dict[str, Any]) -> bool:
    """A thread is still stuck."""
    return any(one["stuck"] and one["asks"] is None for one in seen.get("threads", ()))


def told(seen: dict[str, Any]) -> Iterator[str]:
    """In lines for a terminal."""
    if not seen:
        return
    yield ""
    if seen["ungated"]:
        bare = ", ".join(seen["ungated"])
        yield f"note  tools: {bare} are not wrapped by gate(): they run unasked unless middleware gates them"
    for one in seen["threads"]:
        if one.get("parked") is False:
            cases = ", ".join(one["waits"])
            yield f"note  thread {one['thread']}: waits for {cases} and is not parked: no waker wakes it"
            yield "      It could not be parked when it paused. Resume it by hand once that is decided."
    stuck = [one for one in seen["threads"] if one["stuck"]]
    yield f"{len(seen['threads'])} threads looked at, {len(stuck)} stuck"
    for one in stuck:
        yield f"{'bad ' if one['asks'] is None else 'ok  '}  thread {one['thread']}: {one['stuck']}"
        if one["asks"] is None:
            yield "      Nothing was changed. Let it ask again with --graph MODULE:GRAPH --repair."
        else:
            yield f"      Repaired: that answer was dropped, and it asks again: {one['asks']} open."

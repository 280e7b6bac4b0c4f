"""LangGraph `interrupt` and `Command(resume=)` with its SQLite saver: pause a graph, answer, resume."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import uuid

import aiosqlite
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command
from langgraph_graph import PROPOSAL, approval_graph, check
from measure import Options, in_event_loop, in_threads, options, report

DOES = "invoke to the interrupt, resume with the answer, run to the end"


class Commits:
    def __init__(self) -> None:
        self.n = 0

    def __call__(self, statement: str) -> None:
        self.n += statement.upper().startswith("COMMIT")


def threads(opts: Options) -> None:
    connection = sqlite3.connect(opts.directory / "langgraph.db", check_same_thread=False)
    saver = SqliteSaver(connection)
    saver.setup()
    connection.execute("PRAGMA synchronous=FULL")
    commits = Commits()
    connection.set_trace_callback(commits)
    graph = approval_graph(saver, planned=opts.planned)

    def round_trip() -> None:
        config = {"configurable": {"thread_id": str(uuid.uuid4())}}
        graph.invoke(PROPOSAL, config)
        check(graph.invoke(Command(resume=True), config))

    n, seconds = in_threads(round_trip, opts)
    report(
        peer="langgraph, planned" if opts.planned else "langgraph",
        engine="sqlite",
        opts=opts,
        n=n,
        seconds=seconds,
        commits=commits.n,
        does=DOES,
    )
    connection.close()


async def coroutines(opts: Options) -> None:
    async with aiosqlite.connect(opts.directory / "langgraph-async.db") as connection:
        saver = AsyncSqliteSaver(connection)
        await saver.setup()
        await connection.execute("PRAGMA synchronous=FULL")
        commits = Commits()
        await connection.set_trace_callback(commits)
        graph = approval_graph(saver, planned=opts.planned)

        async def round_trip() -> None:
            config = {"configurable": {"thread_id": str(uuid.uuid4())}}
            await graph.ainvoke(PROPOSAL, config)
            check(await graph.ainvoke(Command(resume=True), config))

        n, seconds = await in_event_loop(round_trip, opts)
        report(
            peer="langgraph, planned" if opts.planned else "langgraph",
            engine="sqlite-async",
            opts=opts,
            n=n,
            seconds=seconds,
            commits=commits.n,
            does=DOES,
        )


if __name__ == "__main__":
    given = options(__doc__ or "")
    threads(given)
    asyncio.run(coroutines(given))
    sys.stdout.flush()

"""LangGraph `interrupt` and `Command(resume=)` with its PostgreSQL saver on a connection pool."""

from __future__ import annotations

import asyncio
import uuid

from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.types import Command
from langgraph_graph import PROPOSAL, approval_graph, check
from measure import Options, in_event_loop, in_threads, options, report
from private_postgres import private_postgres, write_transactions
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

DOES = "invoke to the interrupt, resume with the answer, run to the end"
CONNECTION = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}


def threads(url: str, opts: Options) -> None:
    with ConnectionPool(url, min_size=1, max_size=min(opts.callers, 32), kwargs=CONNECTION) as pool:
        saver = PostgresSaver(pool)
        saver.setup()
        graph = approval_graph(saver, planned=opts.planned)

        def round_trip() -> None:
            config = {"configurable": {"thread_id": str(uuid.uuid4())}}
            graph.invoke(PROPOSAL, config)
            check(graph.invoke(Command(resume=True), config))

        before = write_transactions(url)
        n, seconds = in_threads(round_trip, opts)
        commits = write_transactions(url) - before
        report(
            peer="langgraph, planned" if opts.planned else "langgraph",
            engine="postgres",
            opts=opts,
            n=n,
            seconds=seconds,
            commits=commits,
            does=DOES,
        )


async def coroutines(url: str, opts: Options) -> None:
    async with AsyncConnectionPool(
        url, min_size=1, max_size=min(opts.callers, 32), kwargs=CONNECTION, open=False
    ) as pool:
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        graph = approval_graph(saver, planned=opts.planned)

        async def round_trip() -> None:
            config = {"configurable": {"thread_id": str(uuid.uuid4())}}
            await graph.ainvoke(PROPOSAL, config)
            check(await graph.ainvoke(Command(resume=True), config))

        before = write_transactions(url)
        n, seconds = await in_event_loop(round_trip, opts)
        commits = write_transactions(url) - before
        report(
            peer="langgraph, planned" if opts.planned else "langgraph",
            engine="postgres-async",
            opts=opts,
            n=n,
            seconds=seconds,
            commits=commits,
            does=DOES,
        )


if __name__ == "__main__":
    given = options(__doc__ or "")
    with private_postgres(given.directory) as server:
        threads(server, given)
        asyncio.run(coroutines(server, given))

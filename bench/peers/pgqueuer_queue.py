"""pgqueuer has no pause for a person: put a job on the queue, a worker takes and completes it."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import asyncpg
from measure import Options, in_event_loop, options, report
from pgqueuer import AsyncpgPoolDriver, Job, PgQueuer, Queries
from private_postgres import private_postgres, write_transactions

DOES = "enqueue, take, complete; no human answer in between (the product has none)"


async def measure(url: str, opts: Options) -> None:
    async with asyncpg.create_pool(url, min_size=2, max_size=32) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        await queries.install()
        worker = PgQueuer(AsyncpgPoolDriver(pool))
        finished: dict[int, asyncio.Event] = {}

        @worker.entrypoint("payment")
        async def payment(job: Job) -> None:
            finished.pop(int(job.payload or b"0")).set()

        running = asyncio.create_task(worker.run(dequeue_timeout=timedelta(seconds=1), batch_size=max(1, opts.callers)))
        await asyncio.sleep(0.5)
        count = 0

        async def round_trip() -> None:
            nonlocal count
            count += 1
            event = finished[count] = asyncio.Event()
            await queries.enqueue("payment", str(count).encode())
            await event.wait()

        before = write_transactions(url)
        n, seconds = await in_event_loop(round_trip, opts)
        commits = write_transactions(url) - before
        report(peer="pgqueuer", engine="postgres", opts=opts, n=n, seconds=seconds, commits=commits, does=DOES)
        worker.shutdown.set()
        await asyncio.wait([running], timeout=5)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    given = options(__doc__ or "")
    with private_postgres(given.directory) as server:
        asyncio.run(measure(server, given))

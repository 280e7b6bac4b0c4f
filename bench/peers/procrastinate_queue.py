"""procrastinate has no pause for a person: put a job on the queue, a worker takes and completes it."""

from __future__ import annotations

import asyncio
import logging

import procrastinate
from measure import Options, in_event_loop, options, report
from private_postgres import private_postgres, write_transactions
from procrastinate.psycopg_connector import PsycopgConnector

DOES = "enqueue, take, complete; no human answer in between (the product has none)"


async def measure(url: str, opts: Options) -> None:
    app = procrastinate.App(connector=PsycopgConnector(conninfo=url, min_size=2, max_size=32))
    finished: dict[int, asyncio.Event] = {}

    @app.task(name="payment")
    async def payment(number: int) -> None:
        finished.pop(number).set()

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        # a lone caller's next job can fall between two notifications and then waits for the poll: the default is
        # 5 s, so poll often to measure the queue and not the interval
        worker = asyncio.create_task(
            app.run_worker_async(
                concurrency=max(2, opts.callers),
                fetch_job_polling_interval=0.005,
                install_signal_handlers=False,
                delete_jobs="always",
            )
        )
        await asyncio.sleep(0.5)
        count = 0

        async def round_trip() -> None:
            nonlocal count
            count += 1
            event = finished[count] = asyncio.Event()
            await payment.defer_async(number=count)
            await event.wait()

        before = write_transactions(url)
        n, seconds = await in_event_loop(round_trip, opts)
        commits = write_transactions(url) - before
        report(peer="procrastinate", engine="postgres", opts=opts, n=n, seconds=seconds, commits=commits, does=DOES)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    given = options(__doc__ or "")
    with private_postgres(given.directory) as server:
        asyncio.run(measure(server, given))

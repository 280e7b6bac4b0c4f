"""DBOS: start a workflow that waits for a message, send it, take the result."""

from __future__ import annotations

import logging
import sys
import uuid
from pathlib import Path

from dbos import DBOS, DBOSConfig, SetWorkflowID
from measure import Options, in_threads, options, report
from private_postgres import private_postgres, write_transactions

DOES = "start a workflow, send the answer it waits for, take its result"


@DBOS.workflow()
def payment(to: str, amount: str) -> bool:
    return bool(DBOS.recv("approval", timeout_seconds=60))


def measure(engine: str, url: str, opts: Options) -> None:
    config: DBOSConfig = {"name": "bench", "system_database_url": url, "log_level": "ERROR", "run_admin_server": False}
    DBOS(config=config)
    DBOS.launch()
    try:

        def round_trip() -> None:
            known = str(uuid.uuid4())
            with SetWorkflowID(known):
                handle = DBOS.start_workflow(payment, "A1", "5000")
            DBOS.send(known, True, "approval")
            if handle.get_result() is not True:
                raise RuntimeError("the workflow did not get its answer")

        round_trip()
        before = write_transactions(url) if engine == "postgres" else None
        n, seconds = in_threads(round_trip, opts)
        commits = write_transactions(url) - before if before is not None else None
        report(peer="dbos", engine=engine, opts=opts, n=n, seconds=seconds, commits=commits, does=DOES)
    finally:
        DBOS.destroy()


def main() -> None:
    logging.disable(logging.WARNING)
    given = options(__doc__ or "")
    database: Path = given.directory / "dbos.sqlite"
    database.unlink(missing_ok=True)
    measure("sqlite", f"sqlite:///{database}", given)
    with private_postgres(given.directory) as server:
        measure("postgres", server, given)


if __name__ == "__main__":
    main()
    sys.stdout.flush()

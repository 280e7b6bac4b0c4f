"""Audited auto-approvals a second, grouped: each routed, stored and logged, durable before its caller hears of it.

Run: python bench/auto_approve.py DIRECTORY [--n 40000] [--window 256] [--engine sqlite|postgres]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import deque
from concurrent.futures import Future
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "peers")]

from floor import postgres_floor, sqlite_floor  # noqa: E402
from private_postgres import private_postgres  # noqa: E402

from handrail.lifecycle import submit  # noqa: E402
from handrail.lifecycle.actor import ALL_SCOPES, Actor  # noqa: E402
from handrail.maintenance.plane import Plane  # noqa: E402
from handrail.proposal import Proposal  # noqa: E402

POLICY = """
escalation_policies:
  - {action_type: payment_transfer, auto_approve_threshold: 0.95, soft_review_threshold: 0.8,
     max_auto_approve_amount_inr: 10000}
"""
AGENT = Actor(kind="agent", pid="bench", name="bench", scopes=ALL_SCOPES, auth="local")


def run(plane: Plane, engine: str, n: int, window: int, floor: float) -> None:
    """`window` callers wait at a time; everything a caller does is inside the measured time."""
    waiting: deque[Future[submit.Submitted]] = deque()
    entries, commits, begun = plane.logbook().head()[0], plane.writer.commits, time.perf_counter()
    for number in range(n):
        proposal = Proposal(
            action="payment_transfer", arguments={"to": "A1", "amount": number % 9000}, amount=str(number % 9000),
            currency="INR", confidence=0.99, agent="bench",
        )  # fmt: skip
        waiting.append(plane.writer.submit(submit.submit, submit.prepare(AGENT, proposal, draw=0.5)))
        if len(waiting) >= window:
            assert waiting.popleft().result().tier == "auto_approve"
    for future in waiting:
        assert future.result().tier == "auto_approve"
    seconds = time.perf_counter() - begun
    assert plane.logbook().head()[0] - entries == n
    line: dict[str, Any] = {
        "what": "audited auto-approvals", "engine": engine, "waiting": window, "n": n,
        "per_second": round(n / seconds), "per_commit": round(n / (plane.writer.commits - commits), 1),
        "floor_commits_per_second": round(floor),
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--n", type=int, default=40_000)
    parser.add_argument("--window", type=int, default=256)
    parser.add_argument("--engine", choices=("sqlite", "postgres", "both"), default="both")
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    folder = given.directory.resolve()
    if given.engine != "postgres":
        floor = sqlite_floor(folder)
        with Plane(folder / "auto.db", policy=POLICY) as plane:
            run(plane, "sqlite", given.n, given.window, floor)
    if given.engine != "sqlite":
        with private_postgres(folder) as url:
            floor = postgres_floor(url)
            with Plane(url, policy=POLICY, keys=folder / "keys", writer_threads=2) as plane:
                run(plane, "postgres", given.n, given.window, floor)


if __name__ == "__main__":
    main()

"""Count round trips for a few seconds, alone or in a crowd, and print one JSON line."""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    # on the disk to be measured
    directory: Path
    callers: int
    seconds: float
    # LangGraph only: a node before the one that asks
    planned: bool = False


def options(description: str) -> Options:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("directory", type=Path, help="an empty directory on the disk to be measured")
    parser.add_argument("--callers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--planned", action="store_true", help="LangGraph only: a node before the one that asks")
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    return Options(
        directory=given.directory.resolve(), callers=given.callers, seconds=given.seconds, planned=given.planned
    )


def in_threads(round_trip: Callable[[], None], opts: Options) -> tuple[int, float]:
    """Round trips made by `callers` threads until time is up, and the seconds they took."""
    done = [0] * opts.callers
    until = time.monotonic() + opts.seconds

    def caller(seat: int) -> None:
        while time.monotonic() < until:
            round_trip()
            done[seat] += 1

    begun = time.monotonic()
    threads = [threading.Thread(target=caller, args=(seat,)) for seat in range(opts.callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done), time.monotonic() - begun


async def in_event_loop(round_trip: Callable[[], Awaitable[None]], opts: Options) -> tuple[int, float]:
    """The same with `callers` coroutines."""
    until = time.monotonic() + opts.seconds

    async def caller() -> int:
        done = 0
        while time.monotonic() < until:
            await round_trip()
            done += 1
        return done

    begun = time.monotonic()
    done = await asyncio.gather(*(caller() for _ in range(opts.callers)))
    return sum(done), time.monotonic() - begun


def report(*, peer: str, engine: str, opts: Options, n: int, seconds: float, commits: float | None, does: str) -> None:
    """`does` says what one round trip of this peer is; `commits` counts durable write transactions in the whole run."""
    line = {
        "peer": peer,
        "engine": engine,
        "callers": opts.callers,
        "round_trips_per_second": round(n / seconds, 1),
        "commits_per_round_trip": None if commits is None or not n else round(commits / n, 2),
        "n": n,
        "does": does,
    }
    print(json.dumps(line), flush=True)

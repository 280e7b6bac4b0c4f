"""Two ways of doing the same, by turns, so that whatever else the machine does falls on both alike."""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1]))

from floor import sqlite_floor

import handrail

# `note` needs nobody, `pay` needs a person
POLICY = """
escalation_policies:
  - {action_type: note, autonomy: full, undo_seconds: 0}
  - {action_type: pay, autonomy: confirm, undo_seconds: 0}
"""
CALL, PAUSE = "auto-approved call", "paused call"
WARM_UP = 5
MOST = 2000

# one round trip; it gets a number that no other has
Way = Callable[[str], Awaitable[None] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The same work without and with handrail. `without` is None where the framework has nothing of the kind."""

    what: str
    without: Way | None
    gated: Way
    # what the framework does by itself
    does: str
    # whether all of it happens in this process, so that its processor time can be told
    here: bool = True


class Effects:
    """What the tools did. Every round trip must end in exactly one."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def note(self, text: str) -> str:
        """Write something down."""
        self.made.append(text)
        return f"noted {text}"

    def pay(self, to: str) -> str:
        """Pay somebody."""
        self.made.append(to)
        return f"paid {to}"


@contextmanager
def control_plane(folder: Path) -> Any:
    """On the disk that is measured, with the settings everybody gets."""
    with handrail.open(folder / "handrail.db", policy=POLICY) as hr:
        yield hr


def measure(
    framework: str, packages: Sequence[str], made: Callable[[Path, Effects], AbstractAsyncContextManager[list[Pair]]]
) -> None:
    """Run the pairs of a framework and print one JSON line each."""
    parser = argparse.ArgumentParser(description=f"What handrail costs {framework}.")
    parser.add_argument("directory", type=Path, help="an empty directory on the disk to be measured")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each pair")
    given = parser.parse_args()
    folder = given.directory.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_measure(framework, packages, made, folder, given.seconds))


async def _measure(framework: str, packages: Sequence[str], made: Any, folder: Path, seconds: float) -> None:
    effects = Effects()
    async with made(folder, effects) as pairs:
        for pair in pairs:
            ways = {name: way for name, way in (("without", pair.without), ("with", pair.gated)) if way is not None}
            floor, load = sqlite_floor(folder, 0.5), os.getloadavg()[0]
            taken = await _by_turns(ways, effects, seconds)
            line: dict[str, Any] = {
                "framework": framework, "versions": {name: version(name) for name in packages}, "what": pair.what,
                "without_is": pair.does, **{name: _told(times, pair.here) for name, times in taken.items()},
            }  # fmt: skip
            if len(ways) == 2:
                line["added_ms"] = {
                    name: round(line["with"][name] - line["without"][name], 2) for name in ("p50_ms", "p99_ms")
                }
            line |= {"load": [round(load, 1), round(os.getloadavg()[0], 1)], "floor_commits_per_second": round(floor)}
            print(json.dumps(line), flush=True)


async def _by_turns(ways: dict[str, Way], effects: Effects, seconds: float) -> dict[str, list[tuple[float, float]]]:
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    begun = time.perf_counter()
    for turn in range(MOST):
        if turn == WARM_UP:
            begun = time.perf_counter()
        if turn > WARM_UP + 10 and time.perf_counter() - begun > seconds:
            break
        # whoever goes first changes
        for name in sorted(ways, reverse=bool(turn % 2)):
            there, clock, processor = len(effects.made), time.perf_counter(), time.process_time()
            doing = ways[name](f"{name}-{turn}")
            if inspect.isawaitable(doing):
                await doing
            took = time.perf_counter() - clock, time.process_time() - processor
            if len(effects.made) != there + 1:
                raise RuntimeError(f"{name}: {len(effects.made) - there} effects instead of one")
            if turn >= WARM_UP:
                taken[name].append(took)
    return taken


def _told(times: list[tuple[float, float]], here: bool) -> dict[str, Any]:
    clock = sorted(one for one, _ in times)
    told = {
        "n": len(clock), "per_second": round(len(clock) / sum(clock), 1),
        "p50_ms": round(statistics.median(clock) * 1000, 2),
        "p99_ms": round(clock[min(len(clock) - 1, int(len(clock) * 0.99))] * 1000, 2),
    }  # fmt: skip
    return told | {"cpu_ms": round(statistics.median(cpu for _, cpu in times) * 1000, 2)} if here else told


def kept(path: Path, text: str) -> str:
    """A pause as a careful program keeps it: in a file of its own, on the disk, and read again."""
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return path.read_text()


def approve(hr: handrail.Client) -> Callable[[], None]:
    """The reviewer: lets the next case through at once."""
    desk = hr.desk("Ann")

    def approving() -> None:
        held = desk.next()
        if held is None:
            raise RuntimeError("nothing waits for a person")
        held.approve()

    return approving

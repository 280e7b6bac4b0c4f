"""Another process: opens a scene with nothing but its folder, and runs or wakes what is parked there.

One process is started for a harness; it imports the framework once and forks for each order, so an order costs a
fork. `python -m handrail.testing.conformance MODULE:CLASS` reads orders on standard input, one JSON a line.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handrail.testing.conformance.harness import REGULAR, Harness
from handrail.testing.conformance.scene import Scene, read_json, wait_until, write_json
from handrail.testing.conformance.script import Script, script_from_json

ORDER_SECONDS = 120.0
# between two looks at what else there is to do
MEANWHILE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Order:
    """Something a process is doing. `wait` for it."""

    path: Path

    def wait(self, seconds: float = ORDER_SECONDS) -> dict[str, Any]:
        """Its report: `died` (signal or 0), `error`, `seen`."""
        wait_until(self.path.with_suffix(".ended").exists, f"the process of {self.path.name}", seconds)
        ended: dict[str, Any] = read_json(self.path.with_suffix(".ended"), {})
        report: dict[str, Any] = read_json(self.path.with_suffix(".report"), {})
        return {"error": None, "seen": []} | ended | report

    def over(self) -> bool:
        """It has ended."""
        return self.path.with_suffix(".ended").exists()

    def ready(self) -> bool:
        """It stands at its gate."""
        return self.path.with_suffix(".ready").exists()


class Workshop:
    """Processes of one harness."""

    def __init__(self, harness: type[Harness]):
        self._process = subprocess.Popen(
            [sys.executable, "-m", __package__, f"{harness.__module__}:{harness.__qualname__}"],
            stdin=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
        )  # fmt: skip
        self._count = 0

    def start(self, folder: Path, script: Script, do: str, *, answer: Any = None, gate: Path | None = None) -> Order:
        """Begin `run`, `wake`, `answer` (wake with `answer`) or `run and die`. With a gate it waits for that file."""
        self._count += 1
        path = folder / f"order-{self._count}"
        order = {
            "path": str(path), "folder": str(folder), "script": script.to_json(), "do": do, "answer": answer,
            "gate": None if gate is None else str(gate),
        }  # fmt: skip
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Order(path)

    def do(self, folder: Path, script: Script, do: str, *, answer: Any = None) -> dict[str, Any]:
        """The same, to its end."""
        return self.start(folder, script, do, answer=answer).wait()

    def race(self, folder: Path, script: Script, *what: str) -> list[dict[str, Any]]:
        """Several processes at the same instant."""
        gate = folder / f"gate-{self._count}"
        orders = [self.start(folder, script, do, gate=gate) for do in what]
        wait_until(lambda: all(order.ready() for order in orders), "processes to be ready", ORDER_SECONDS)
        gate.touch()
        return [order.wait() for order in orders]

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(ORDER_SECONDS)


# --- in the other process -------------------------------------------------------------------------


def main() -> None:
    module, _, name = sys.argv[1].partition(":")
    harness: type[Harness] = getattr(importlib.import_module(module), name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        if os.fork() == 0:
            _watch(harness, json.loads(line))
    # what a framework sends or flushes at exit is nobody's order
    os._exit(0)


def _watch(harness: type[Harness], order: dict[str, Any]) -> None:
    """Do it in a child, and say how that ended: by itself or by a signal."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        _obey(harness, order)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    died = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    write_json(Path(order["path"]).with_suffix(".ended"), {"died": died})
    os._exit(0)


def _obey(harness: type[Harness], order: dict[str, Any]) -> None:
    path = Path(order["path"])
    report: dict[str, Any] = {"error": None, "seen": []}
    try:
        scene = Scene(Path(order["folder"]))
        made = harness(scene)
        app = made.build(script_from_json(order["script"]))
        path.with_suffix(".ready").touch()
        while order["gate"] is not None and not Path(order["gate"]).exists():
            time.sleep(0.0005)
        try:
            _act(made, app, order)
        except Exception as error:
            report["error"] = f"{type(error).__name__}: {error}"
        report["seen"] = [list(message) for message in made.seen(app)]
        scene.close()
    except BaseException:
        report["error"] = traceback.format_exc()
        path.with_suffix(".ready").touch()
    write_json(path.with_suffix(".report"), report)


def _act(harness: Harness, app: Any, order: dict[str, Any]) -> None:
    if order["do"].startswith("run"):
        harness.run(app)
    elif order["do"] == "answer":
        harness.wake(app, order["answer"])
    else:
        harness.wake(app, REGULAR)
    if order["do"] == "run and die":
        os.kill(os.getpid(), signal.SIGKILL)


def bounded(
    work: Callable[[], object], seconds: float, what: str, *, meanwhile: Callable[[], None] | None = None
) -> None:
    """Do it on a thread and raise what it raises; an assertion fails when it does not end.

    `meanwhile` is done again and again until then.
    """
    failed: list[BaseException] = []

    def doing() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=doing, daemon=True)
    thread.start()
    end = time.monotonic() + seconds
    while meanwhile is not None and thread.is_alive() and time.monotonic() < end:
        meanwhile()
        thread.join(MEANWHILE_SECONDS)
    thread.join(max(0.0, end - time.monotonic()))
    assert not thread.is_alive(), f"{what} did not end within {seconds:.0f} s"
    if failed:
        raise failed[0]

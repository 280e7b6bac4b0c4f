"""The demo with server and console: it says how to sign in, people can work, and Ctrl-C ends it in order."""

from __future__ import annotations

import io
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from rich.console import Console
from rich.table import Table

from handrail.cli import demo as demo_command
from handrail.demo import live
from handrail.demo.stage import Stage, open_plane
from handrail.maintenance.plane import Plane
from handrail.store import statements

BOUND = 60


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running demo, fast and without pictures, and what it printed so far."""
    words = ["demo", "--port", "0", "--pace", "60", "--no-pictures", "--database", str(tmp_path / "demo.db")]
    process = subprocess.Popen(
        [sys.executable, "-m", "handrail.cli.main", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    try:
        printed = ""
        for line in process.stdout:
            printed += line
            if line.lstrip().startswith("database"):
                break
        yield process, printed
    finally:
        if process.poll() is None:
            process.kill()
        process.stdout.close()
        process.wait(BOUND)


def test_demo_prints_how_to_sign_in_serves_people_and_stops_on_ctrl_c(
    demo: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    process, printed = demo
    address, password = re.search(r"http://127\.0\.0\.1:\d+", printed), re.search(r"password +(\S+)", printed)
    assert address is not None, printed
    assert password is not None
    with httpx2.Client(base_url=address[0], timeout=30) as http:
        given = {"email": "reviewer@demo.local", "password": password[1]}
        assert http.post("/v1/session", json=given | {"password": "guess"}).status_code == 401
        session = http.post("/v1/session", json=given)
        assert session.status_code == 200
        http.headers["X-CSRF-Token"] = session.json()["csrf"]
        case = None
        for _ in range(200):
            taken = http.post("/v1/cases/next/claim", json={"queues": ["office"]})
            if taken.status_code == 200:
                case = taken.json()
                break
            http.get("/v1/proposals/nothing/decision", params={"wait": 0})
        assert case is not None
        assert case["card"]["evidence"]
        body = {"verdict": "reject", "reason": "not_needed", "fence": case["claim"]["fence"],
                "revision": case["card"]["revision"], "card": case["card"]["digest"]}  # fmt: skip
        assert http.post(f"/v1/cases/{case['claim']['case_id']}/reviews", json=body).status_code == 201
        assert http.get("/v1/operations").json()["log"]["size"] > 5
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=BOUND)
    assert (process.returncode, out.strip().splitlines()[-1]) == (0, "stopped")
    assert (tmp_path / "demo.db").exists()


def test_demo_on_a_taken_port_says_so_and_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = ["demo", "--no-pictures", "--port", str(taken.getsockname()[1]), "--database", str(tmp_path / "d.db")]
        command = [sys.executable, "-m", "handrail.cli.main", *words]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=BOUND, check=False)
    assert ran.returncode == 1
    assert "--port 0" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_demo_on_a_database_that_is_not_empty_says_so_and_leaves_it_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "h.db"
    with Plane(path, loops=False) as plane:
        before = (plane.logbook().head(), plane.store.read_hot(statements.workspace_get, id="default"))
    for words in (["--headless", "--json"], ["--port", "0"]):
        command = [sys.executable, "-m", "handrail.cli.main", "demo", "--no-pictures", *words, "--database", str(path)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=BOUND, check=False)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert "is not empty" in ran.stderr
        assert "leave --database out" in ran.stderr
        assert "Traceback" not in ran.stderr
    with Plane(path, loops=False) as plane:
        assert (plane.logbook().head(), plane.store.read_hot(statements.workspace_get, id="default")) == before


class LastRound:
    """A stream of pictures that has one round left."""

    serving, more = None, True

    def begin(self) -> list[Any]:
        return []

    def learn(self) -> None:
        self.serving = True

    def open_round(self) -> list[Any]:
        self.more = False
        return []

    def close_round(self) -> None:
        pass


def test_stream_of_pictures_says_when_it_is_over(tmp_path: Path) -> None:
    with open_plane(tmp_path / "d.db", undo=0.0, people=1) as plane, Stage(
        plane, seed=0, undo=0.0, people=1, plan=None
    ) as stage:  # fmt: skip
        stage.labelling = LastRound()  # type: ignore[assignment]
        show = live.Show(address="", password="", stage=stage)
        assert "all pictures were shown" not in printed(demo_command._progress(show))
        live._label(stage, threading.Event(), show.pictures_over)
        assert "all pictures were shown" in printed(demo_command._progress(show))


def printed(table: Table) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()

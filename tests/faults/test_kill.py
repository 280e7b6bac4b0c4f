"""kill -9, at named points and at random, and the oracle's judgement after every round (trust.md section 6)."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from handrail.store import statements
from handrail.store.open import open_store
from tests.conftest import ROOT
from tests.faults.payment_tool import PaymentTool
from tests.postgres_server import PostgresServer

ROUNDS = int(os.environ.get("HANDRAIL_KILL_ROUNDS", "40"))
# the nine points of trust.md section 4, on both sides of each commit
POINTS = [
    "submit.commit.before", "submit.commit.after", "review.commit.before", "review.commit.after",
    "start.commit.before", "start.commit.after", "effect.before", "effect.during", "effect.after",
    "finish.commit.before", "finish.commit.after", "seal.commit.before", "seal.commit.after",
]  # fmt: skip


class Attendant:
    """Gives orders to the victim program."""

    def __init__(self, process: subprocess.Popen[str], url: str, folder: Path):
        self._process = process
        self.url = url
        self._order = {"url": url, "folder": str(folder)}
        self.folder = folder

    def live(self, life: str, round: int, **more: Any) -> int:
        """One life; how it ended."""
        order = self._order | {"life": life, "round": round, "seed": round} | more
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def judge(self, round: int, life: str = "judge") -> None:
        """Raise unless the oracle finds nothing."""
        verdict = self.folder / "judged.json"
        verdict.unlink(missing_ok=True)
        assert self.live(life, round) == 0, self.trace(round)
        assert json.loads(verdict.read_text()) == []

    def size(self) -> int:
        """Entries in the log by now."""
        with closing(open_store(self.url)) as store:
            return int(store.read_hot(statements.head_get, log="handrail.local/default")[0][0])

    def trace(self, round: int) -> str:
        path = self.folder / f"trace-{round}.txt"
        return path.read_text() if path.exists() else ""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def attendant(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Attendant]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'handrail.db'}"
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.fresh()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.victim"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=ROOT,
    )  # fmt: skip
    with process:
        yield Attendant(process, url, tmp_path)
        assert process.stdin is not None
        process.stdin.close()


@pytest.mark.slow
def test_kill_an_executor_at_each_point_loses_nothing_and_pays_nothing_twice(attendant: Attendant) -> None:
    killed = 0
    for round in range(ROUNDS):
        point = POINTS[round % len(POINTS)]
        ended = attendant.live("executor", 2 * round, plan={point: 2 + round // len(POINTS)})
        assert ended in (0, -signal.SIGKILL), attendant.trace(2 * round)
        killed += ended == -signal.SIGKILL
        attendant.judge(2 * round + 1)
    assert killed >= ROUNDS * 0.9
    assert len(PaymentTool(attendant.folder).effects()) >= ROUNDS


@pytest.mark.slow
def test_kill_a_busy_process_at_any_moment_loses_nothing_and_pays_nothing_twice(attendant: Attendant) -> None:
    chance = random.Random(7)
    for round in range(ROUNDS):
        ended = attendant.live("server", 2 * round, kill_after=chance.uniform(0.01, 0.25))
        assert ended == -signal.SIGKILL, attendant.trace(2 * round)
        if round % 4 == 3 or round == ROUNDS - 1:
            attendant.judge(2 * round + 1)
    assert len(PaymentTool(attendant.folder).effects()) >= ROUNDS

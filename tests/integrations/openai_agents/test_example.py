"""The trading agent does what it says, also after a kill."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.integrations.environments import ROOT
from tests.integrations.examples import run_example

NAME = "openai_agents_trading.py"


def test_example_trades_what_the_reviewer_left_of_it(tmp_path: Path) -> None:
    said = run_example(NAME, tmp_path)
    assert "ledger: buy 5 ACME at 100" in said
    assert "waits for a person: place_order" in said
    assert "ledger: buy 40 NVDA at 180" in said
    assert "BOND at 95" not in said
    assert len((tmp_path / "example.jsonl").read_text().splitlines()) == 2


def test_example_killed_while_it_waits_is_resumed(tmp_path: Path) -> None:
    command = [sys.executable, "-u", str(ROOT / "examples" / NAME), "--database", str(tmp_path / "example.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=os.environ.copy()) as first:
        assert first.stdout is not None
        for line in first.stdout:
            if line.startswith("waits for a person"):
                break
        first.kill()
    said = run_example(NAME, tmp_path, "--resume")
    assert "The desk is done for today." in said
    assert len((tmp_path / "example.jsonl").read_text().splitlines()) == 2

"""The command line in tests: in this process for speed, as a program where the exit code is the point."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

import handrail
from handrail.cli.main import app
from handrail.proposal import Proposal

POLICY = """
escalation_policies:
  - action_type: pay
    auto_approve_threshold: 0.95
    undo_seconds: 0
    sla_seconds: 6000
"""
ROOT = Path(__file__).resolve().parents[2]


def run(*words: str | float | Path, code: int = 0, input: str | None = None, **environment: str) -> Result:
    """Run a command in this process and check how it ends."""
    result = CliRunner().invoke(app, [str(word) for word in words], input=input, env=environment)
    assert result.exit_code == code, f"{words} ended with {result.exit_code}:\n{result.output}\n{result.exception!r}"
    return result


def read(*words: str | float | Path, **more: Any) -> Any:
    """The same with --json; what it printed."""
    return json.loads(run(*words, "--json", **more).stdout)


def program(*words: str | Path, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program itself."""
    made = subprocess.run(
        [sys.executable, "-m", "handrail.cli.main", *map(str, words)],
        capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
        check=False,
    )  # fmt: skip
    assert made.returncode == code, f"{words} ended with {made.returncode}:\n{made.stdout}\n{made.stderr}"
    assert "Traceback" not in made.stderr
    return made


def begin(folder: Path) -> Path:
    """A database with Asha as reviewer, two open cases, one decided by her, one let through. Signed."""
    path = folder / "handrail.db"
    with handrail.open(path, policy=POLICY) as hr:
        desk = hr.desk("Asha")
        hr.propose(Proposal(action="pay", arguments={"to": "A0", "n": 0}, confidence=0.2, principal="ann",
                            personal_data=("/to",), key="first"))  # fmt: skip
        held = desk.next()
        assert held is not None
        held.approve()
        for n in (1, 2):
            hr.propose(
                Proposal(action="pay", arguments={"to": "A\u202e1", "n": n}, confidence=0.2, key=f"open-{n}",
                         agent_says="trust me \x1b[2J")
            )  # fmt: skip
        hr.propose(Proposal(action="pay", arguments={"to": "B"}, confidence=0.99, key="sure"))
    return path


def copied(database: Path, folder: Path) -> Path:
    """The same with its keys, elsewhere."""
    for place in database.parent.glob("handrail.db*"):
        if place.is_dir():
            shutil.copytree(place, folder / place.name)
        else:
            shutil.copy(place, folder / place.name)
    return folder / database.name


def settle(database: Path) -> None:
    """Everything into the one file, as a copy made by SQLite's own tools would have it."""
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def put_back(database: Path) -> None:
    """Use the database, put back the copy made before, and go on under a new epoch, as an operator who looked at it."""
    settle(database)
    before = database.read_bytes()
    with handrail.open(database) as hr:
        hr.propose(Proposal(action="pay", arguments={"to": "C"}, confidence=0.99))
    settle(database)
    database.write_bytes(before)
    run("acknowledge", "--database", database)
    with handrail.open(database) as hr:
        hr.propose(Proposal(action="pay", arguments={"to": "D"}, confidence=0.99))


def unsign(database: Path, note: bytes) -> None:
    """The newest log with an older checkpoint of its own, as it stands until the next one is signed."""
    with sqlite3.connect(database) as connection:
        connection.execute(
            "UPDATE audit_head SET checkpoint = ? WHERE log = (SELECT log FROM workspace)", (note.decode(),)
        )
    connection.close()

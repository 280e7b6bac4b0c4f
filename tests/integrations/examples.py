"""Examples that need a framework, each run as its reader would run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.integrations.environments import ROOT


def run_example(name: str, folder: Path, *arguments: str) -> str:
    """What `python examples/NAME --auto` prints. An assertion fails when it does not end well."""
    command = [sys.executable, str(ROOT / "examples" / name), "--auto", *arguments]
    command += ["--database", str(folder / "example.db")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout

"""Servers that come as npm packages."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

SECONDS = 300


def need(package: str, folder: Path) -> None:
    """Install a package under a folder. Skips where it cannot be had; tried once a run."""
    problem = _install(package, folder)
    if problem is not None:
        pytest.skip(f"npm cannot install {package}: {problem}")


@cache
def _install(package: str, folder: Path) -> str | None:
    if shutil.which("npm") is None:
        return "npm is not here"
    folder.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), package]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {SECONDS} s"
    return done.stderr[-300:] or "it failed" if done.returncode else None

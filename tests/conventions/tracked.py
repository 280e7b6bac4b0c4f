"""The files that git would ship, read once."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def tracked_files() -> tuple[str, ...]:
    """Paths relative to the repository, of every file that is tracked and still there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(path for path in listed.split("\0") if path and (ROOT / path).is_file())


def python_sources() -> list[Path]:
    """Every module of the package itself, tracked or not yet."""
    return sorted((ROOT / "src" / "handrail").rglob("*.py"))


@cache
def text_of(path: str) -> str | None:
    """The file's text, or None when it is not text."""
    data = (ROOT / path).read_bytes()
    if b"\0" in data[:8192]:
        return None
    return data.decode("utf-8", errors="replace")

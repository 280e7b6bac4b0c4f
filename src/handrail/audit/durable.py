"""Small state files that survive a crash: written whole, fsynced, renamed; one holder at a time."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handrail.errors import Unreadable


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Replace the file's content. On return it is on disk under its name, or an OSError was raised."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(state, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_state(path: Path) -> dict[str, Any]:
    """The file's content. Raises `Unreadable` if it is missing or no JSON object."""
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Unreadable(
            f"the state file {path.name} cannot be read: {error}",
            remedy="Restore it. Without it nothing may be signed under this origin; open a new epoch instead.",
        ) from None
    if not isinstance(state, dict):
        raise Unreadable(f"the state file {path.name} holds no object")
    return state


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Exclusive among processes and threads, through a lock file beside the state."""
    with path.with_name(path.name + ".held").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

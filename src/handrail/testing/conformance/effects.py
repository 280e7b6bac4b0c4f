"""Effects in the outside world: one line each in a file, on disk before the tool goes on, counted across crashes."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from handrail.testing.conformance.script import Trouble

LONGEST_DELAY_SECONDS = 0.05
HELD_SECONDS = 120.0


class Effects:
    """A file of effects. Any process may append."""

    def __init__(self, path: Path):
        self._path = path

    def append(self, tool: str, arguments: Mapping[str, Any]) -> None:
        """It happened."""
        line = json.dumps({"tool": tool, "arguments": dict(arguments), "pid": os.getpid()}) + "\n"
        file = os.open(self._path, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            os.write(file, line.encode())
            os.fsync(file)
        finally:
            os.close(file)

    def read(self) -> list[dict[str, Any]]:
        """The arguments of each effect, oldest first."""
        if not self._path.exists():
            return []
        return [json.loads(line)["arguments"] for line in self._path.read_text().splitlines()]

    def of(self, **arguments: Any) -> list[dict[str, Any]]:
        """Those with these arguments among theirs."""
        return [made for made in self.read() if arguments.items() <= made.items()]


def tools(
    effects: Effects, *, trouble: Trouble, delays: bool, died: Path, gate: Path | None = None
) -> dict[str, Callable[..., str]]:
    """The tools of a scene, by name. `died` marks that a process has died of its trouble already; with a `gate` they
    wait after their effect until that file is there."""

    def act(tool: str, **arguments: Any) -> None:
        if delays:
            time.sleep(random.uniform(0, LONGEST_DELAY_SECONDS))
        effects.append(tool, arguments)
        end = time.monotonic() + HELD_SECONDS
        while gate is not None and not gate.exists() and time.monotonic() < end:
            time.sleep(0.005)
        if trouble == "raises":
            raise RuntimeError("connection lost")
        if trouble == "dies" and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def pay(to: str, amount: int) -> str:
        """Pay an amount to somebody."""
        act("pay", to=to, amount=amount)
        return f"paid {amount} to {to}"

    def note(text: str) -> str:
        """Write something down. Nobody has to approve it."""
        act("note", text=text)
        return f"noted {text}"

    def mystery(text: str) -> str:
        """Do something of which the policy has never heard."""
        act("mystery", text=text)
        return f"done {text}"

    return {"pay": pay, "note": note, "mystery": mystery}

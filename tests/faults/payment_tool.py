"""The outside world: a payment tool with its own ledger, durable before it answers; and a caller's own journal."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Lines:
    """A file of JSON lines, each on disk before `write` returns. A line torn by a crash was never written.

    Any number of these may stand on one file, in any number of processes: its lock is the file's.
    """

    def __init__(self, path: Path):
        self.path = path

    def write(self, line: dict[str, Any], halfway: Callable[[], None] = lambda: None) -> None:
        data = json.dumps(line).encode() + b"\n"
        with self.path.open("ab", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._mend(file.fileno())
            file.write(data[: len(data) // 2])
            halfway()
            file.write(data[len(data) // 2 :])
            os.fsync(file.fileno())

    def _mend(self, file: int) -> None:
        """Take away what a crash left of its last line."""
        written = self.path.read_bytes()
        if not written.endswith(b"\n"):
            os.ftruncate(file, written.rfind(b"\n") + 1)

    def read(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            return [json.loads(line) for line in file.read().split(b"\n")[:-1]]


class PaymentTool:
    """Pays. Its kind decides what it does with a key it has seen: nothing, or everything."""

    def __init__(self, folder: Path):
        self._ledger = Lines(folder / "ledger.jsonl")

    def pay(self, key: str, case_id: str, arguments: Any, *, dedupes: bool, halfway: Callable[[], None]) -> None:
        if dedupes and self.paid(key):
            return
        self._ledger.write({"key": key, "case": case_id, "arguments": arguments}, halfway)

    def paid(self, key: str) -> bool:
        return any(line["key"] == key for line in self._ledger.read())

    def effects(self) -> list[dict[str, Any]]:
        return self._ledger.read()

"""The tools' own ledger: what really happened in the outside world, kept apart from handrail.

The invariants compare it with what handrail approved: the tools know nothing of cases, only of the key they are given.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from handrail.canonical import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One thing a tool did. `key` is the idempotency key it was given; None: somebody called it directly."""

    tool: str
    key: str | None
    arguments: dict[str, JSON]
    reference: str


class Ledger:
    """Effects in the order in which they happened. Safe to use from many threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._effects: list[Effect] = []

    def write(self, tool: str, key: str | None, arguments: dict[str, Any]) -> str:
        """Do it: write it down and give its reference. Asks nobody, refuses nothing: a careless tool."""
        with self._guard:
            reference = f"{tool}-{len(self._effects) + 1}"
            self._effects.append(Effect(tool=tool, key=key, arguments=arguments, reference=reference))
            return reference

    @property
    def effects(self) -> list[Effect]:
        """Everything so far."""
        with self._guard:
            return list(self._effects)

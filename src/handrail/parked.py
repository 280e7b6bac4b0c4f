"""A parked run: a framework paused it, and what it waits for decides when it is woken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from handrail.decision import Decision

Wakes = Literal["all", "any"]
Ending = Literal["woken", "superseded", "abandoned", "failed"]

WAKES: tuple[Wakes, ...] = ("all", "any")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """One line of the list of parked runs. Times are microseconds."""

    id: str
    run: str
    framework: str
    wakes: Wakes
    parked_at: int
    # how many cases it waits for, and how many of them are decided
    cases: int
    decided: int
    # enough of them are decided, and nobody has woken it yet
    due: bool
    # until when a waker holds it
    held_until: int | None = None
    # after a failure: not tried again before
    next_at: int | None = None
    failures: int = 0
    ending: Ending | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Woken:
    """A due run in the hands of the one process that may wake it, until `expires_at` (microseconds).

    `state` is what the framework left behind; `cases` has the decision of each case, None where there is none yet.
    """

    id: str
    run: str
    framework: str
    state: bytes | None
    fence: int
    expires_at: int
    cases: Mapping[str, Decision | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeEnd:
    """What became of a wake: `ending` None means that it is tried again at `next_at` (microseconds)."""

    id: str
    ending: Ending | None
    failures: int
    next_at: int | None = None

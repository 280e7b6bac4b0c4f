"""What cells have earned so far: counts, evidence, bound, and which of them pass together."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from handrail.binomial import upper_bound
from handrail.calibration.monitors.below import MOST_CASES, cases_needed, e_below, log_e_below
from handrail.calibration.monitors.error import error_above
from handrail.canonical import JSON, parse
from handrail.clock import iso
from handrail.errors import InvalidInput
from handrail.learning.cells import Cell
from handrail.learning.promotion import passing
from handrail.lifecycle.cells import cell_noun
from handrail.policy.evaluate import Policy
from handrail.policy.growth import Growth
from handrail.store import growth as tables

# the bound that is shown, and that must stay within the limit, holds with this confidence
CONFIDENCE = 0.95
# times the cases of a declined promotion, before it is proposed again unasked
MORE = 1.25
Read = Callable[..., list[Any]]


class PromotionRow(NamedTuple):
    id: str
    action: str
    cell: str
    state: str
    data: bytes
    proposed_by: str
    proposed_at: int
    decided_by: str | None
    decided_at: int | None
    permission: str | None
    expires_at: int | None
    ended_at: int | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What people found in a cell, as far as no earlier case of it is still open."""

    clean: int = 0
    misses: int = 0
    # answered by people who are not gold-checked: counted neither way unless they found a miss
    unchecked: int = 0
    # under the grant that stands: checks, and misses among them
    checks: int = 0
    check_misses: int = 0

    @property
    def n(self) -> int:
        return self.clean + self.misses


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """Where one cell stands."""

    id: str
    action: str
    cell: Cell
    round: int
    laid_at: int
    since: int
    counted: Counted
    # None: the policy lets this action earn nothing now
    growth: Growth | None
    # E of the promotion, and how many cells share the promise
    evidence: float
    cells: int
    passes: bool
    # cases needed with so many misses and cells as there are now
    needed: int
    live: PromotionRow | None
    # how many cases somebody found too few, in this round
    declined_at: int = 0

    @property
    def due(self) -> bool:
        """Whether to propose it unasked: it has passed, none stands, and there is more than what was declined."""
        return self.ready and self.live is None and self.counted.n >= MORE * self.declined_at

    @property
    def bound(self) -> float:
        """Upper bound of the share of misses, at 95 %."""
        return upper_bound(self.counted.misses, self.counted.n, 1.0 - CONFIDENCE) if self.counted.n else 1.0

    @property
    def ready(self) -> bool:
        """Whether a promotion may be proposed, or one that was proposed still stands."""
        return self.growth is not None and self.passes and self.bound <= self.growth.limit

    @property
    def broken(self) -> str | None:
        """Why a promotion that stands must be taken back: `alarm`, `bound`, `switched_off`; None: it may stand."""
        if self.growth is None:
            return "switched_off"
        monitor = error_above(self.growth.limit)
        checks = monitor.add(monitor.start(), self.counted.check_misses, self.counted.checks)
        if monitor.log_e(checks) >= math.log(self.growth.level):
            return "alarm"
        return "bound" if self.bound > self.growth.limit else None

    def to_json(self) -> dict[str, JSON]:
        """As it goes over the wire."""
        held = self.counted
        return {
            "id": self.id, "action": self.action, "cell": self.cell.words, "when": self.cell.when,
            "laid_at": iso(self.laid_at), "since": iso(self.since), "round": self.round,
            "n": held.n, "needed": self.needed, "misses": held.misses, "unchecked": held.unchecked,
            "checks": held.checks, "evidence": float(f"{self.evidence:.4g}"), "cells": self.cells,
            "bound": round(self.bound, 4), "limit": None if self.growth is None else self.growth.limit,
            "level": None if self.growth is None else self.growth.level,
            "state": "off" if self.growth is None else "gathering" if self.live is None else self.live.state,
            "promotion": None if self.live is None else self.live.id,
        }  # fmt: skip


def earned(read: Read, policy: Policy, workspace: str) -> list[Earned]:
    """Every cell of a workspace. `read(statement, **parameters)`: inside a transaction or beside it."""
    rows = read(tables.cells, workspace=workspace)
    if not rows:
        return []
    live = {row[2]: PromotionRow._make(row) for row in read(tables.promotions_live, workspace=workspace)}
    counted = _counts(read(tables.counts, workspace=workspace), live)
    declined = _declined(read(tables.promotions_declined, workspace=workspace))
    growths = [policy.plan(row[5]).growth for row in rows]
    # a cell whose growth is switched off earns nothing, and still counts among the cells
    logs, levels = [], []
    for row, growth in zip(rows, growths, strict=True):
        held = counted[row[0]]
        logs.append(-1e9 if growth is None else float(log_e_below(held.misses, held.n, growth.limit)))
        levels.append(20.0 if growth is None else growth.level)
    together = set(passing(logs, levels))
    made = []
    for at, (row, growth) in enumerate(zip(rows, growths, strict=True)):
        held = counted[row[0]]
        among = len(together) if at in together else len(together) + 1
        made.append(
            Earned(
                id=row[0], action=row[5], cell=cell_noun(bytes(row[1])), round=row[2], laid_at=row[3], since=row[4],
                counted=held, growth=growth, cells=len(rows), passes=at in together, live=live.get(row[0]),
                declined_at=declined.get((row[0], row[2]), 0),
                evidence=0.0 if growth is None else e_below(held.misses, held.n, growth.limit),
                needed=0 if growth is None
                else needed(growth.limit, held.misses, growth.level * len(rows) / among),
            )
        )  # fmt: skip
    return made


def _declined(rows: list[Any]) -> dict[tuple[str, int], int]:
    """By cell and round: the most cases a declined promotion rested on."""
    made: dict[tuple[str, int], int] = {}
    for cell, data in rows:
        body = parse(bytes(data))
        made[cell, body["round"]] = max(body["n"], made.get((cell, body["round"]), 0))
    return made


def _counts(rows: list[Any], live: dict[str, PromotionRow]) -> dict[str, Counted]:
    """A check that nobody answered counts as a miss; a case that waited for people and expired, as nothing."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for cell, judged, permission, count in rows:
        missed = judged == "wrong" or (judged is None and permission is not None)
        kind = "misses" if missed else {"right": "clean", "unchecked": "unchecked"}.get(judged or "")
        if kind is not None:
            found[cell][kind] += count
        standing = live.get(cell)
        if permission is not None and standing is not None and standing.permission == permission:
            if missed or judged == "right":
                found[cell]["checks"] += count
            found[cell]["check_misses"] += count if missed else 0
    made: dict[str, Counted] = defaultdict(Counted)
    made.update({cell: Counted(**held) for cell, held in found.items()})
    return made


@lru_cache(maxsize=4096)
def needed(limit: float, misses: int, level: float) -> int:
    """The fewest cases with so many misses that show fewer than the limit, or the most there can be."""
    try:
        return cases_needed(limit, wrong=misses, level=level)
    except InvalidInput:
        # a limit so small that no stream is long enough
        return MOST_CASES

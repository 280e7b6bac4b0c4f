"""Figures of a queue from plain rows: review rate, deadlines kept, waits, precision of rules, people's pace."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from handrail.clock import SECOND

# share of proposals that reach a person: aim, and alarm above
TARGET, ALARM = 0.15, 0.20
# tiers in which a person looks before or after
HUMAN_TIERS = ("soft_review", "hard_gate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """One case as the figures need it. Times in microseconds; None: not yet, or none set."""

    opened_at: int
    deadline: int | None = None
    first_viewed_at: int | None = None
    settled_at: int | None = None


def review_rate(by_tier: Mapping[str, int]) -> float | None:
    """Share of proposals that reach a person, from counts by tier; None without proposals."""
    total = sum(by_tier.values())
    return sum(by_tier.get(tier, 0) for tier in HUMAN_TIERS) / total if total else None


def deadline_attainment(cases: Iterable[Handled], now: int) -> float | None:
    """Share settled by their deadline, among cases whose deadline has passed or that are settled; None without any."""
    kept = due = 0
    for case in cases:
        if case.deadline is None or (case.settled_at is None and now <= case.deadline):
            continue
        due += 1
        kept += case.settled_at is not None and case.settled_at <= case.deadline
    return kept / due if due else None


def overdue(cases: Iterable[Handled], now: int) -> int:
    """Cases past their deadline that nobody has settled."""
    return sum(case.settled_at is None and case.deadline is not None and case.deadline < now for case in cases)


def oldest_seconds(cases: Iterable[Handled], now: int) -> float | None:
    """Age of the oldest unsettled case; None when the queue is empty."""
    opened = min((case.opened_at for case in cases if case.settled_at is None), default=None)
    return None if opened is None else (now - opened) / SECOND


def quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of them does not exceed; None without values."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def waits_seconds(cases: Iterable[Handled]) -> list[float]:
    """Seconds from opening to settling, of the settled cases."""
    return [(case.settled_at - case.opened_at) / SECOND for case in cases if case.settled_at is not None]


def rule_precision(asked: Iterable[tuple[str, bool]]) -> dict[str, tuple[int, float]]:
    """For each rule that sent cases to people (rule code, did the person change the outcome): how many, what share."""
    count: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    for rule, did in asked:
        count[rule] += 1
        changed[rule] += did
    return {rule: (n, changed[rule] / n) for rule, n in count.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """One person's answers in a stretch of time."""

    reviews: int
    approved: int
    median_dwell_seconds: float | None

    @property
    def rubber_stamp(self) -> bool:
        """Worth a second look: over 98 % approvals in 50 or more answers of under three seconds each."""
        quick = self.median_dwell_seconds is not None and self.median_dwell_seconds < 3.0
        return self.reviews >= 50 and self.approved / self.reviews > 0.98 and quick


def paces(reviews: Iterable[tuple[str, str, float | None]]) -> dict[str, Pace]:
    """By reviewer, from (reviewer, verdict, dwell seconds)."""
    by_person: dict[str, list[tuple[str, float | None]]] = defaultdict(list)
    for reviewer, verdict, dwell in reviews:
        by_person[reviewer].append((verdict, dwell))
    return {
        person: Pace(
            reviews=len(given),
            approved=sum(verdict == "approve" for verdict, _ in given),
            median_dwell_seconds=quantile([dwell for _, dwell in given if dwell is not None], 0.5),
        )
        for person, given in by_person.items()
    }

"""The uniform sample that a threshold is certified on: every case of the stream in it by the same chance.

What was let through was looked at by spot checks at some rate; what was held was always looked at. So each case stays
with chance ρ/π, π its own chance of a look and ρ the least of them. Golds, cases picked to learn from and weighted
checks are never in it. A case that was drawn and got no answer stays, as unanswered: it counts as an error. And because
rejects come back faster than approvals, nothing newer than the oldest case that still waits is taken.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from handrail.canonical import JSON
from handrail.errors import NotEnoughEvidence
from handrail.label import OF_REVIEWERS, Label
from handrail.learning.labels import agreed


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One case that people were to look at."""

    case_id: str
    submitted_at: int
    # let through before anybody looked, and this is its spot check
    spot_check: bool
    # chance that it was looked at: the uniform stream's rate for spot checks, 1 for what was held
    chance: float
    waiting: bool
    score: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One entry a case, in the order they were submitted."""

    cases: tuple[str, ...]
    scores: tuple[JSON, ...]
    correct: tuple[bool, ...]
    # drawn, and nobody answered: an error
    unanswered: tuple[bool, ...]
    # the chance by which each case of the stream stands here
    rate: float
    # cases left out, by reason
    left_out: dict[str, int]


def uniform_sample(drawn: Sequence[Drawn], labels: Iterable[Label], *, let_through: int, salt: str = "") -> Sample:
    """Thin cases to one rate. `let_through`: how many of the stream went through by themselves, checked or not.

    Raises `NotEnoughEvidence` where some went through and nobody looked at any, or at far fewer than the rate says:
    then errors among the reviewed say nothing about them.
    """
    checks = [one for one in drawn if one.spot_check]
    rate = min((one.chance for one in drawn if one.chance > 0.0), default=1.0)
    _refuse_uncovered(checks, let_through)
    by_case: dict[str, list[Label]] = defaultdict(list)
    for label in labels:
        if label.correct is not None and label.source not in OF_REVIEWERS:
            by_case[label.case_id].append(label)
    left_out: dict[str, int] = defaultdict(int)
    horizon = min((one.submitted_at for one in drawn if one.waiting), default=None)
    kept: list[tuple[str, JSON, bool, bool]] = []
    for one in sorted(drawn, key=lambda one: (one.submitted_at, one.case_id)):
        if one.chance <= 0.0:
            left_out["no chance of a look is known"] += 1
        elif horizon is not None and one.submitted_at >= horizon:
            left_out["not older than a case that still waits"] += 1
        elif one.score is None:
            left_out["no score"] += 1
        elif _draw(one.case_id, salt) >= rate / one.chance:
            left_out["thinned to the rate of spot checks"] += 1
        else:
            right = agreed(by_case[one.case_id]) if by_case.get(one.case_id) else None
            kept.append((one.case_id, one.score, bool(right), right is None))
    return Sample(
        cases=tuple(row[0] for row in kept),
        scores=tuple(row[1] for row in kept),
        correct=tuple(row[2] for row in kept),
        unanswered=tuple(row[3] for row in kept),
        rate=rate,
        left_out=dict(left_out),
    )


def _refuse_uncovered(checks: Sequence[Drawn], let_through: int) -> None:
    remedy = "Set spot_check_rate (0.05, say) on the action, and read only cases since then with --since."
    if let_through and not checks:
        raise NotEnoughEvidence(
            f"{let_through} cases went through by themselves and none of them was spot-checked", remedy=remedy
        )
    expected = let_through * min((one.chance for one in checks), default=0.0)
    if len(checks) < expected - 5.0 * expected**0.5:
        raise NotEnoughEvidence(
            f"{len(checks)} spot checks among {let_through} cases that went through by themselves; "
            f"at their rate there would be {expected:.0f}",
            remedy=remedy,
        )


def _draw(case_id: str, salt: str) -> float:
    """A number in [0, 1) that belongs to the case, so that a second look keeps the same cases."""
    return int.from_bytes(hashlib.sha256(f"{salt}\x1f{case_id}".encode()).digest()[:7], "big") / 2**56

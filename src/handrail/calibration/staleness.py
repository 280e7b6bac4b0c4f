"""When a calibrator should no longer be trusted: what is told, and what doubles the spot checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from handrail.calibration.calibrator import Calibrator
from handrail.canonical import JSON
from handrail.errors import InvalidInput

DAY = 86_400_000_000
OLD_AFTER = 30 * DAY
OUTSIDE_SHARE = 0.10
# fewer cases than this say nothing about a share
LEAST_CASES = 30

Why = Literal["old", "outside", "model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """One reason to fit again."""

    code: Why
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """Proposals that a calibrator met after it was fitted."""

    cases: int = 0
    # scores below the smallest or above the largest that it was fitted on, or that it could not read
    outside: int = 0
    # proposals from another version of the model; the calibrator gave those no confidence
    other_model: int = 0


def since(calibrator: Calibrator, met: Iterable[tuple[JSON, str | None]]) -> Since:
    """Count (raw score, version of the model) pairs."""
    cases = outside = other = 0
    for raw, model in met:
        cases += 1
        if calibrator.model is not None and model != calibrator.model:
            other += 1
        elif not _within(calibrator, raw):
            outside += 1
    return Since(cases=cases, outside=outside, other_model=other)


def staleness(calibrator: Calibrator, *, now: int, met: Since | None = None) -> tuple[Stale, ...]:
    """Why this calibrator is stale; empty while it is not. `now` in microseconds.

    Older than 30 days; 10 % and more of the cases since outside the scores it was fitted on (from 30 cases on); any
    case from another version of the model, whose confidence it refuses at once.
    """
    met = met or Since()
    found: list[Stale] = []
    days = (now - calibrator.fitted_at) // DAY
    if now - calibrator.fitted_at > OLD_AFTER:
        found.append(Stale(code="old", text=f"fitted {days} days ago, more than {OLD_AFTER // DAY}"))
    judged = met.cases - met.other_model
    if judged >= LEAST_CASES and met.outside >= OUTSIDE_SHARE * judged:
        low, high = calibrator.seen
        found.append(
            Stale(
                code="outside",
                text=f"{met.outside} of {judged} scores since lie outside {low:.3g} to {high:.3g}, where it was fitted",
            )
        )
    if met.other_model:
        found.append(
            Stale(
                code="model",
                text=f"{met.other_model} cases came from another version of the model than {calibrator.model!r}; "
                "it gives them no confidence",
            )
        )
    return tuple(found)


def _within(calibrator: Calibrator, raw: JSON) -> bool:
    try:
        seen = calibrator.raw_confidence(raw)
    except InvalidInput:
        return False
    return calibrator.seen[0] <= seen <= calibrator.seen[1]

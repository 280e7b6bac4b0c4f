"""A label: what a human answer or an outcome yields for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handrail.canonical import JSON
from handrail.route import CheckStream

# `active`: of a case that was picked because it teaches; it trains, and measures nothing. `reserve`: of one that was
# drawn by chance alone in the same loop. `outvoted`: an answer that the case was not settled by. It tells how far
# people agree and whom to believe, and is no truth: nothing is fitted, counted or trained on it.
LabelSource = Literal["review", "outcome", "gold", "spot_check", "active", "reserve", "outvoted"]
# these tell how people judge; nobody trains on them, and they say nothing about the proposal by themselves
OF_REVIEWERS: tuple[LabelSource, ...] = ("gold", "outvoted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One training signal with where it came from."""

    id: str
    case_id: str
    workspace: str
    action: str
    source: LabelSource
    # what the model was given
    input: JSON
    # what the model said: its scores, its answer
    predicted: JSON
    # what the human or the world said
    answer: JSON
    # was the proposal right? the target of a calibrator; None when it cannot be told
    correct: bool | None
    confidence: float | None
    scores: JSON
    # provenance: policy digest, calibrator, reviewer pseudonym, blind or not, verdict, tier
    policy: str
    calibrator: str | None
    reviewer: str | None
    blind: bool
    verdict: str | None
    # chance that this case was looked at: 1 for gated cases, the rate for spot checks and for a reserve; None for a
    # case picked because it teaches: nobody knows its chance, so it enters no estimate
    inclusion: float | None
    made_at: int
    # which version of the model made the scores, where the program said it
    model: str | None = None
    # how a spot check was drawn; only uniform ones fit and certify
    stream: CheckStream | None = None
    # all answers of its case weighed with the model, as its decision carries it; None where nothing was fitted
    fused: JSON = None

"""Preferences: which of two answers people found better, for reward models and direct preference optimisation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from handrail.canonical import JSON, dumps
from handrail.learning.comparison import preferred
from handrail.learning.labels import asked
from handrail.proposal import Proposal
from handrail.review import Review

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """Chosen over rejected, for the same prompt."""

    case_id: str
    action: str
    prompt: JSON
    chosen: JSON
    rejected: JSON
    source: Literal["edit", "comparison"]
    # log-odds of the reviewers' consensus: 5 to 0 gives 2.40, 3 to 2 gives 0.34; None for one edit
    margin: float | None
    reviewers: tuple[str, ...]
    blind: bool
    policy: str
    # decided by the prompt alone, so that near-twins never stand on both sides
    split: Split


def from_edit(review: Review, proposal: Proposal, *, policy: str, reviewer: str | None = None) -> Preference | None:
    """Edited over proposed; None when the edit was taken back or changed nothing."""
    if review.verdict != "edit" or review.withdrawn_at is not None:
        return None
    if dumps(review.arguments) == dumps(proposal.arguments):
        return None
    prompt = {"action": proposal.action, **_object(asked(proposal))}
    return Preference(
        case_id=review.case_id,
        action=proposal.action,
        prompt=prompt,
        chosen=review.arguments,
        rejected=proposal.arguments,
        source="edit",
        margin=None,
        reviewers=(reviewer or review.reviewer,),
        blind=review.blind,
        policy=policy,
        split=split_of(prompt),
    )


def from_comparison(reviews: Iterable[Review], proposal: Proposal, *, policy: str) -> Preference | None:
    """What most people found better (see `comparison.preferred`); None on a tie."""
    told = list(reviews)
    found = preferred(told, proposal)
    if found is None:
        return None
    prompt = proposal.arguments["prompt"]
    return Preference(
        case_id=told[0].case_id,
        action=proposal.action,
        prompt=prompt,
        chosen=found.chosen,
        rejected=found.rejected,
        source="comparison",
        margin=found.margin,
        reviewers=found.reviewers,
        blind=all(r.blind for r in told if r.reviewer in found.reviewers),
        policy=policy,
        split=split_of(prompt),
    )


def split_of(prompt: JSON) -> Split:
    """90 % train, 5 % validation, 5 % test, by SHA-256 of the canonical prompt: never by row."""
    bucket = int(hashlib.sha256(dumps(prompt)).hexdigest()[:8], 16) % 100
    return "train" if bucket < 90 else "validation" if bucket < 95 else "test"


def _object(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {"input": value}

"""Preferences: which of two answers people found better, for reward models and direct preference optimisation."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from handrail.canonical import JSON, dumps
from handrail.errors import InvalidInput
from handrail.learning.labels import asked, proposed
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
    """What most people chose of `arguments.a` and `arguments.b` for `arguments.prompt`; None on a tie.

    Each person counts once, with the latest answer. Answers are `a`, `b`, `tie` or `both_bad`; an approval means the
    model's suggestion. Ties and `both_bad` keep the majority from being bare, and yield nothing themselves.
    """
    held = proposal.arguments
    if proposal.kind != "comparison" or not isinstance(held, dict) or not {"prompt", "a", "b"} <= set(held):
        raise InvalidInput("a comparison holds prompt, a and b")
    latest = {r.reviewer: r for r in sorted(reviews, key=lambda r: (r.given_at, r.id)) if _answers(r)}
    said = Counter(str(proposed(proposal) if r.verdict == "approve" else r.value) for r in latest.values())
    wins, losses = said["a"], said["b"]
    best, worse = ("a", "b") if wins > losses else ("b", "a")
    high, low = max(wins, losses), min(wins, losses)
    if high == low or 2 * high <= said.total():
        return None
    return Preference(
        case_id=next(iter(latest.values())).case_id,
        action=proposal.action,
        prompt=held["prompt"],
        chosen=held[best],
        rejected=held[worse],
        source="comparison",
        margin=math.log((high + 0.5) / (low + 0.5)),
        reviewers=tuple(sorted(latest)),
        blind=all(r.blind for r in latest.values()),
        policy=policy,
        split=split_of(held["prompt"]),
    )


def split_of(prompt: JSON) -> Split:
    """90 % train, 5 % validation, 5 % test, by SHA-256 of the canonical prompt: never by row."""
    bucket = int(hashlib.sha256(dumps(prompt)).hexdigest()[:8], 16) % 100
    return "train" if bucket < 90 else "validation" if bucket < 95 else "test"


def _answers(review: Review) -> bool:
    return review.verdict in {"respond", "approve"} and review.withdrawn_at is None and review.voided_at is None


def _object(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {"input": value}

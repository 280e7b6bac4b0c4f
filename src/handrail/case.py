"""A case: the matter put before people, and the only ways it may move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CaseState = Literal["open", "decided", "reviewed"]

# open      people may still act on it. A hard_gate case has no decision yet; a soft_review or
#           spot-check case has one already and people look after the fact.
# decided   its decision was made while it was open (hard_gate); final.
# reviewed  people finished looking at a case that had been let through (soft_review, spot check); final.
TRANSITIONS: dict[str, tuple[CaseState, ...]] = {
    "new": ("open",),
    "open": ("open", "decided", "reviewed"),
    "decided": (),
    "reviewed": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a queue holds. The proposal's bytes and its route stand beside it, not in it."""

    id: str
    workspace: str
    action: str
    state: CaseState
    tier: str
    queue: str
    lane: int
    # counts from 1; an edit makes the next one and voids earlier approvals
    revision: int
    # distinct reviews still needed in all
    reviewers: int
    # smaller comes first
    sort_key: int
    # when it must be settled, microseconds; None: no deadline
    deadline: int | None
    on_expiry: str
    opened_at: int
    closed_at: int | None = None
    escalations: int = 0

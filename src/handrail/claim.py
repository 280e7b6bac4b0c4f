"""A claim: a temporary exclusive hold on a case."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A row with an expiry and a fencing token, not a state of the case."""

    case_id: str
    reviewer: str
    # grows with every claim of the case; a review names it, a stale one is refused
    fence: int
    taken_at: int
    # microseconds since the epoch; renewed by heartbeat
    expires_at: int

"""A decision: the one thing the program obeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handrail.canonical import JSON
from handrail.errors import Cancelled, Expired, Halted, NotApproved, Redirected, Rejected

DecisionKind = Literal["approved", "rejected", "responded", "redirected", "expired", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What lets the holder prove later that this decision stood in the log.

    `entry` and `index` come at once; `proof` (a C2SP `.tlog-proof` text) with the next checkpoint.
    """

    log: str
    index: int
    entry: bytes
    proof: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Exactly one per case, final once made."""

    case_id: str
    kind: DecisionKind
    # who decided: reviewers' ids, or `policy`
    by: tuple[str, ...]
    # microseconds since the epoch
    at: int
    tier: str
    # the revision and digest that were approved
    revision: int
    action_digest: str
    # canonical arguments to run (approved)
    arguments: JSON = None
    # the human's own answer (responded)
    value: JSON = None
    # what to do instead (redirected)
    instruction: str | None = None
    # reason code and note (rejected, expired, cancelled)
    reason: str | None = None
    note: str | None = None
    # true when a human changed the arguments
    edited: bool = False
    # cancelled because of a halt switch
    halted: bool = False
    # people and model weighed together: {"answer", "chances", "people", "fusion", "delivered", "said"?}; where it was
    # `delivered`, `value` is the fused answer and `said` what people said
    fused: JSON = None
    proof: Receipt | None = None

    @property
    def approved(self) -> bool:
        return self.kind == "approved"

    def raise_unless_approved(self) -> None:
        """Raise the `NotApproved` that fits; return silently for approved and responded."""
        if self.kind in ("approved", "responded"):
            return
        if self.halted:
            raise Halted(self)
        raise _RAISES[self.kind](self)


_RAISES: dict[str, type[NotApproved]] = {
    "rejected": Rejected,
    "redirected": Redirected,
    "expired": Expired,
    "cancelled": Cancelled,
}

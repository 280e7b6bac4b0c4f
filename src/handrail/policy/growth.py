"""What an action may earn: the terms under which promotions are proposed and taken back, and its hard limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handrail.policy.conditions import Condition, Scope, Undecided
from handrail.policy.document import ActionEntry, GrowthEntry
from handrail.route import SEVERITY, Tier

if TYPE_CHECKING:
    from handrail.policy.plans import Plan

LIMIT = 0.02
# reasons that a grant of confidence and autonomy lifts
LIFTED = ("confidence_below", "confidence_middling", "no_threshold", "autonomy_")
# misses of which one is enough, where the policy names none: what was not allowed, too risky, or hit the wrong one
SEVERE = ("not_allowed", "too_risky", "wrong_target")
# of these a person takes part in every one
TOGETHER = ("collaborate", "human_leads")


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The terms of one action. `limit`: the share of misses it is held to; `level`: E at which a cell has passed."""

    limit: float
    level: float
    seconds: int
    spot_check_rate: float
    # the argument whose values tell kinds apart, or `target`; None: it is picked
    by: str | None
    # reason codes, categories and harm classes, or a condition, that make one miss enough
    severe: tuple[str, ...]
    condition: Condition | None

    def is_severe(self, codes: Iterable[str], scope: Scope | None = None) -> bool:
        """Whether one such miss takes autonomy back. A condition that cannot be judged says yes."""
        if self.condition is None:
            return not set(self.severe).isdisjoint(codes)
        try:
            return scope is None or self.condition.holds(scope)
        except Undecided:
            return True


def growth_of(entry: ActionEntry | None) -> Growth | None:
    """The terms an action's entry gives; None where it may earn nothing."""
    given: GrowthEntry | None = None if entry is None else entry.growth
    if entry is None or given is None or not given.enabled:
        return None
    target = getattr(entry, "target_error", None)
    listed = isinstance(given.severe, list)
    return Growth(
        limit=target or given.limit or LIMIT,
        level=given.level,
        seconds=given.days * 86_400,
        spot_check_rate=given.spot_check_rate,
        by=given.by,
        severe=tuple(given.severe) if isinstance(given.severe, list) else SEVERE,
        condition=Condition(str(given.severe)) if given.severe is not None and not listed else None,
    )


def ceiling(plan: Plan, kind: str = "action") -> tuple[Tier | None, str]:
    """How far this action may go by what it earns, and why no further; None: nothing may be proposed for it.

    What cannot be taken back is never proposed. What the policy gates by name (`confirm`, or a rule's `hard_gate`) goes
    as far as `notify`: it is done, and somebody looks at each one afterwards. What is gated by its confidence may go by
    itself.
    """
    if plan.irreversible or (kind == "action" and plan.undo is None):
        return None, "it cannot be taken back: the policy names no undo for it, or lists it as irreversible"
    if plan.autonomy in TOGETHER:
        return None, f"its autonomy is {plan.autonomy}: a person takes part in each"
    if plan.terms.always_review:
        return None, "the policy has a person look at each"
    if plan.autonomy == "confirm" or any(rule.rank >= SEVERITY["hard_gate"] for rule in plan.rules):
        return "soft_review", "the policy gates it by name, so somebody goes on looking at each, afterwards"
    if plan.autonomy == "notify":
        return None, "it goes by itself already, and the policy has somebody look at each afterwards"
    return "auto_approve", ""

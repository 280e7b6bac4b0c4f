"""A full queue: what becomes of a proposal that would join it, as the policy declares for its tier.

What a person was to see before (`hard_gate`), what cannot be taken back, what people always look at, and what an alarm
raised is never let through for want of people.
"""

from __future__ import annotations

from handrail.policy.clauses import AUTO, DENY, HARD, SOFT, Clause, clause
from handrail.policy.document import Document
from handrail.policy.plans import Plan
from handrail.proposal import Proposal

HELD, WIDENED, SKIPPED, SAMPLED, REFUSED = (
    "queue_full", "overflow_widened", "overflow_skipped", "overflow_sampled", "overflow_rejected"
)  # fmt: skip
# what each code means for the proposal
FATES = {HELD: "held", WIDENED: "let_through", SKIPPED: "let_through", REFUSED: "refused"}


def acts_on(document: Document, tier: str) -> bool:
    """Whether a full queue changes anything for this tier."""
    return tier == "soft_review" or (tier == "hard_gate" and document.overflow.hard_gate != "hold")


def relieve(
    document: Document, plan: Plan, proposal: Proposal, made: list[Clause], tier: int, *, open: int, draw: float
) -> tuple[int, list[Clause]]:
    """The tier and clauses of a proposal that finds `open` cases in the queue."""
    rules, full = document.overflow, f"The queue is at its limit with {open} open cases"
    if tier == HARD:
        if rules.hard_gate == "reject":
            return DENY, [*made, clause(DENY, REFUSED, f"{full}, and the policy then refuses what a person must see.")]
        return tier, made
    if rules.soft_review == "reject":
        return DENY, [*made, clause(DENY, REFUSED, f"{full}, and the policy then refuses what asks for a look.")]
    if rules.soft_review == "widen" and _widens(plan, proposal, made):
        text = f"{full}; the policy lets this through down to confidence {plan.floor!r}."
        return AUTO, _without_confidence(made, clause(AUTO, WIDENED, text))
    if rules.soft_review == "sample" and _may_loosen(plan, proposal, made):
        # the low bits of the draw: its high ones decide other things
        if (draw * 2.0**20) % 1.0 < rules.sample_share:
            text = f"{full}; of what asks for a look, {rules.sample_share:.0%} gets one."
            return SOFT, [*made, clause(SOFT, SAMPLED, text)]
        return AUTO, _without_confidence(
            made, clause(AUTO, SKIPPED, f"{full}; this one is among those nobody looks at.")
        )
    return HARD, [*made, clause(HARD, HELD, f"{full}, so nobody would look in time.")]


def _may_loosen(plan: Plan, proposal: Proposal, made: list[Clause]) -> bool:
    """Only confidence asked for the look, and nothing says that people always look or that it cannot be undone."""
    asked = [found for found in made if found.rank == SOFT]
    final = proposal.kind == "action" and proposal.undo is None and plan.undo is None
    listed = final or plan.irreversible or plan.terms.always_review
    strict = any(found.terms is not None and (found.terms.irreversible or found.terms.always_review) for found in made)
    return not listed and not strict and all(found.reason.code == "confidence_middling" for found in asked)


def _widens(plan: Plan, proposal: Proposal, made: list[Clause]) -> bool:
    confidence = proposal.confidence
    return (
        plan.floor is not None
        and confidence is not None
        and confidence >= plan.floor
        and _may_loosen(plan, proposal, made)
    )


def _without_confidence(made: list[Clause], instead: Clause) -> list[Clause]:
    return [*(found for found in made if found.rank < SOFT), instead]

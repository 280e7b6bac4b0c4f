"""The clauses of `gate: value`: ask a person where asking saves more than it costs.

What asking would save is worked out beforehand (`calibration.value`) and comes as a fact; here it is only weighed
against the prices of the policy. Thresholds beside it stay a floor, and so does everything else a policy says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from handrail.intake import CONFIDENCE_GIVEN
from handrail.policy.amounts import shown
from handrail.policy.clauses import AUTO, HARD, SOFT, Clause, clause, of_confidence, uncertified
from handrail.policy.facts import Asking
from handrail.policy.plans import Plan
from handrail.policy.weighing import Weighing
from handrail.proposal import Proposal


def of_asking(
    plan: Plan, weighing: Weighing, proposal: Proposal, asking: Asking | None, *, scarcity: float = 1.0
) -> Iterator[Clause]:
    """The cheapest tier, and whatever is wrong with the confidence or with what is known of the value.

    `scarcity`: how many times its price a review counts; what is below 1 or no number counts as 1.
    """
    wrong = _wrong(proposal)
    if wrong is not None:
        yield wrong
        return
    if plan.auto is not None or plan.soft is not None:
        yield of_confidence(plan, proposal)
    elif plan.target_error is not None:
        yield uncertified(plan.target_error)
    if asking is None or not 0.0 <= asking.gain < math.inf:
        yield clause(HARD, "asking_unknown", "what asking a person would save is not known, so a person decides")
        return
    yield _weighed(plan, weighing, proposal, asking, scarcity if 1.0 < scarcity < math.inf else 1.0)


def _weighed(plan: Plan, weighing: Weighing, proposal: Proposal, asking: Asking, scarcity: float) -> Clause:
    """0 for `auto_approve`, undo · V − review for `soft_review`, V − review − delay for `hard_gate`: the most wins."""
    takes_back = (plan.undo is not None or proposal.kind != "action") and not plan.irreversible
    if not takes_back:
        # what cannot be undone is asked about at the policy's own price, however few people there are
        scarcity = 1.0
    undo = weighing.undo if takes_back else 0.0
    review = weighing.review * scarcity
    soft, hard = undo * asking.gain - review, asking.gain - review - weighing.delay
    unit = f" {weighing.currency}" if weighing.currency else ""
    price = f"{review:.4g}{unit}" + (f" ({asking.basis})" if asking.basis else "")
    if scarcity > 1.0:
        price += f", {scarcity:.3g} times the price of a review, since people are few"
    if hard > max(soft, 0.0):
        wait = f"{weighing.delay:.4g}{unit} of waiting and " if weighing.delay else ""
        text = f"asking a person first saves {asking.gain:.4g}{unit} on average and costs {wait}{price}"
        return clause(HARD, "asking_pays", text, "confidence")
    if soft > 0.0:
        text = f"a look afterwards saves {undo * asking.gain:.4g}{unit} on average and costs {price}"
        return clause(SOFT, "asking_pays_afterwards", text, "confidence")
    text = f"asking a person saves {asking.gain:.4g}{unit} on average and costs {price}"
    return clause(AUTO, "asking_costs_more", text)


def _wrong(proposal: Proposal) -> Clause | None:
    confidence = proposal.confidence
    given = proposal.scores.get(CONFIDENCE_GIVEN) if type(proposal.scores) is dict else None
    if confidence is None and given is None:
        return clause(HARD, "confidence_missing", "no confidence was given, and this action weighs it")
    sound = isinstance(confidence, int | float) and type(confidence) is not bool and 0.0 <= confidence <= 1.0
    if given is None and sound:
        return None
    said = given if given is not None else shown(confidence)
    return clause(HARD, "confidence_malformed", f"confidence {said} is not a number from 0 to 1")

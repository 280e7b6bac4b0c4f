"""What the policy says of weighing people's answers with the model's: whether, at what price, how many in all."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.policy.document import ActionEntry, Document
from handrail.policy.weighing import cost_of


@dataclass(frozen=True, slots=True)
class Opinions:
    """How far people's answers about an action are weighed with the model's."""

    # deliver the fused answer, or keep it as evidence beside what people said
    deliver: bool
    # of one more answer, in units of one error; None: nobody is asked for a second opinion
    price: float | None
    # the most people asked about one case
    most: int


def opinions_of(document: Document, entry: ActionEntry | None) -> Opinions | None:
    """None where answers are taken as they are."""
    if entry is None:
        return None
    asking = asks_again(document, entry)
    if entry.deferral is None and not asking:
        return None
    return Opinions(
        deliver=entry.deferral == "fuse",
        price=price_of(document, entry) if asking else None,
        most=document.review_settings.second_opinion_most,
    )


def asks_again(document: Document, entry: ActionEntry) -> bool:
    """Whether one more person is asked where it pays; the action's own word goes before the settings'."""
    return (entry.second_opinion or document.review_settings.second_opinion) == "value"


def price_of(document: Document, entry: ActionEntry) -> float | None:
    """One review over one error; None where the policy names no price for either."""
    cost = cost_of(document, entry)
    return cost.review / cost.wrong if cost.review and cost.wrong else None

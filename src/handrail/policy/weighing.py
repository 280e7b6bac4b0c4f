"""The costs that `gate: value` weighs, gathered from the policy once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from handrail.policy.document import ActionEntry, Cost, Document
from handrail.policy.terms import Terms, staging

# what a proposal that is right or wrong is weighed by
ACTS, TRUTHS = ("approve", "refuse"), ("right", "wrong")


@dataclass(frozen=True, slots=True)
class Weighing:
    """Costs in one currency: of each act under each truth, of a review and of a wait."""

    acts: tuple[str, ...]
    truths: tuple[str, ...]
    # matrix[act][truth]
    matrix: tuple[tuple[float, ...], ...]
    # all people of a case together; the shadow price, where that is more
    review: float
    delay: float
    undo: float
    # under which name the reviewers' errors are installed; None: assumed
    reviewer: str | None
    currency: str

    @property
    def binary(self) -> bool:
        """Whether confidence alone says how likely each truth is."""
        return self.truths == TRUTHS


def cost_of(document: Document, entry: ActionEntry) -> Cost:
    """An action's costs: its own fields, then the policy's."""
    said = {name: value for cost in (document.cost, entry.cost) if cost for name, value in _said(cost)}
    return Cost(**said)


def weighing_of(document: Document, entry: ActionEntry | None, terms: Terms) -> Weighing | None:
    """What the action weighs; None where its gate is by thresholds. `terms`: the action's own."""
    if entry is None or entry.gate != "value":
        return None
    cost = cost_of(document, entry)
    least = max(document.review_settings.min_reviewers_per_task, terms.reviewers)
    acts: tuple[str, ...] = ACTS
    truths: tuple[str, ...] = TRUTHS
    table = {"approve": {"wrong": cost.wrong or 0.0}, "refuse": {"right": cost.refused or 0.0}}
    if cost.matrix is not None:
        table, acts = dict(cost.matrix), tuple(cost.matrix)
        truths = tuple(dict.fromkeys(truth for row in table.values() for truth in row))
    return Weighing(
        acts=acts,
        truths=truths,
        matrix=tuple(tuple(float(table[act].get(truth, 0.0)) for truth in truths) for act in acts),
        review=max(cost.review or 0.0, cost.shadow_price or 0.0) * staging(terms, least)[2],
        delay=(cost.delay_minute or 0.0) * (cost.wait_minutes or 0.0),
        undo=0.0 if terms.irreversible else cost.undo_chance,
        reviewer=cost.reviewer,
        currency=cost.currency or document.default_currency or "",
    )


def _said(cost: Cost) -> Iterable[tuple[str, Any]]:
    return ((name, getattr(cost, name)) for name in sorted(cost.model_fields_set))

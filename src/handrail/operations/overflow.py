"""What an overflow costs while it lasts: the shadow cost that one more reviewer would save."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Fate = Literal["held", "let_through", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Displaced:
    """One proposal that a full queue sent elsewhere. `confidence` None counts as one half."""

    fate: Fate
    confidence: float | None
    # that it waits, or waited, for a person
    minutes: float = 0.0
    # prices: of a wrong one let through, of a right one refused, of a minute's wait; None: not known
    wrong: float | None = None
    refused: float | None = None
    delay_minute: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """How many were displaced, and what that costs on average; `cost` is None where no price was given for any."""

    cases: int
    cost: float | None
    unpriced: int


def shadow_cost(displaced: Iterable[Displaced]) -> Shadow:
    """Add up: chance of wrong × price of an error, chance of right × price of a refusal, minutes × their price."""
    cases = unpriced = 0
    total = 0.0
    for one in displaced:
        cases += 1
        sure = 0.5 if one.confidence is None else min(1.0, max(0.0, one.confidence))
        price, amount = {
            "let_through": (one.wrong, 1.0 - sure),
            "refused": (one.refused, sure),
            "held": (one.delay_minute, one.minutes),
        }[one.fate]
        if price is None:
            unpriced += 1
        else:
            total += price * amount
    return Shadow(cases=cases, cost=total if cases > unpriced else None, unpriced=unpriced)

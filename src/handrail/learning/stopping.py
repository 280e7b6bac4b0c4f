"""When asking more teaches little: successive models agree, or a label costs more than it gains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from handrail.errors import InvalidInput

# unlabelled cases, fixed at the start, on which successive models are compared
FIXED_CASES = 2_000


def kappa(one: Any, two: Any) -> float:
    """Cohen's kappa of two models' answers on the same cases (Cohen 1960).

    0 where both say one and the same thing of every case: a model that has learned one class agrees with itself, and
    that must never look like having learned. Raises `InvalidInput` for different lengths and for no cases.
    """
    a, b = np.asarray(one), np.asarray(two)
    if a.ndim != 1 or a.shape != b.shape or not len(a):
        raise InvalidInput(f"kappa compares as many answers with as many, not {a.shape} with {b.shape}")
    classes, flat = np.unique(np.concatenate([a, b]), return_inverse=True)
    if len(classes) < 2:
        return 0.0
    first, second = flat[: len(a)], flat[len(a) :]
    n, k = len(a), len(classes)
    chance = float(np.bincount(first, minlength=k) @ np.bincount(second, minlength=k)) / n**2
    return (float((first == second).mean()) - chance) / (1.0 - chance)


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRule:
    """Stop once successive models agree, and by price where `value` is given.

    At .99 two text sets had 98 and 99.8 % of full quality, at .98 98 % of both with a third fewer labels (science §7).
    """

    # least mean kappa of the last `over` rounds; None: never for agreement
    agreement: float | None = 0.99
    over: int = 3
    # price of one label, in the unit of `value`
    price: float = 0.0
    # what one error less in every case is worth: cases to come × cost of an error; None: never by price
    value: float | None = None

    def __post_init__(self) -> None:
        if self.agreement is not None and not 0.0 < self.agreement <= 1.0:
            raise InvalidInput(f"models cannot agree {self.agreement}", remedy="Give a kappa such as .99 or .98.")
        if self.over < 1 or self.price < 0.0 or (self.value is not None and not 0.0 < self.value < float("inf")):
            raise InvalidInput("a stop rule looks at one round or more, and price and value are positive numbers")

    def reason(self, kappas: Sequence[float], labels: Sequence[int], errors: Sequence[float | None]) -> str | None:
        """Why to stop now, in words; None: go on. One entry a round: kappa with the model before (none for the first),
        labels so far, error of the reserve."""
        if self.agreement is not None and stable(kappas, least=self.agreement, rounds=self.over):
            mean = float(np.mean(kappas[-self.over :]))
            return f"the last {self.over} models agree: kappa {mean:.3f}, at least {self.agreement}"
        gain = gain_per_label(labels, errors, over=self.over)
        if self.value is None or gain is None or gain * self.value >= self.price:
            return None
        return f"a label gained {gain * self.value:.4g} over the last {self.over} rounds and costs {self.price:g}"


def stable(kappas: Sequence[float], *, least: float = 0.99, rounds: int = 3) -> bool:
    """Whether successive models agree so well (mean kappa of the last rounds) that more labels teach little."""
    return len(kappas) >= rounds and float(np.mean(kappas[-rounds:])) >= least


def gain_per_label(labels: Sequence[int], errors: Sequence[float | None], *, over: int = 3) -> float | None:
    """How much the error fell a label over the last rounds (below 0: it rose); None while that cannot be told."""
    if len(labels) <= over or len(errors) != len(labels):
        return None
    before, now = errors[-over - 1], errors[-1]
    spent = labels[-1] - labels[-over - 1]
    return None if before is None or now is None or spent <= 0 else (before - now) / spent

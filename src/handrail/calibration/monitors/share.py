"""Is the share of proposals that reach a person off its target by more than a tenth? One monitor for each side."""

from __future__ import annotations

from handrail.calibration.monitors.likelihood import Likelihood
from handrail.errors import InvalidInput

UP = (1.1, 1.2, 1.4, 2.0)
DOWN = (0.9, 0.8, 0.6, 0.3)


def share_above(target: float) -> Likelihood:
    """More than 1.1 × target. Give it half the level of the pair."""
    bound = 1.1 * _checked(target)
    return Likelihood(bound=bound, alternatives=tuple(p for times in UP if (p := bound * times) < 1.0))


def share_below(target: float) -> Likelihood:
    """Less than 0.9 × target. Give it half the level of the pair."""
    bound = 0.9 * _checked(target)
    return Likelihood(bound=bound, alternatives=tuple(bound * times for times in DOWN))


def _checked(target: float) -> float:
    # beyond it the smallest step upward would leave no share to speak of
    if not 0.0 < target < 0.8:
        raise InvalidInput(f"a target share to watch lies between 0 and 0.8, not {target}")
    return target

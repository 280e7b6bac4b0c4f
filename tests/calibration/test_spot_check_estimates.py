"""The error of what was let through, from few checks: unbiased, covered, and sharper when checks go where doubt is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from handrail.calibration.aipw import Estimate, LetThrough, estimate
from handrail.calibration.neyman import FLOOR, chance, chances, doubt
from handrail.errors import InvalidInput, NotEnoughEvidence

RUNS = 400


def population(bias: float = 0.0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Confidence and truth of 10,000 cases let through; `bias` makes the confidence lie."""
    draws = np.random.default_rng(11)
    doubtful = draws.beta(0.4, 14, 10_000)
    wrong = draws.random(10_000) < doubtful
    return np.clip(1 - doubtful + bias * draws.random(10_000), 0, 1), wrong


def runs(confidence: NDArray[Any], wrong: NDArray[Any], pi: NDArray[Any]) -> list[Estimate]:
    draws = np.random.default_rng(12)
    cases = LetThrough.of(confidence)
    made = []
    for _ in range(RUNS):
        seen = draws.random(len(pi)) < pi
        made.append(estimate(cases, confidence[seen], pi[seen], wrong[seen]))
    return made


# where confidence is sure of what is wrong, errors are rarely drawn and weigh much: the interval is then too short
@pytest.mark.parametrize(("bias", "covered"), [(0.0, 0.9), (-0.2, 0.9), (0.05, 0.8), (0.3, 0.75)])
def test_estimate_is_unbiased_whatever_the_confidence_says(bias: float, covered: float) -> None:
    confidence, wrong = population(bias)
    made = runs(confidence, wrong, chances(confidence, 0.04))
    values = np.array([each.value for each in made])
    truth = wrong.mean()
    assert abs(values.mean() - truth) < 4 * values.std() / np.sqrt(RUNS) + 1e-4
    assert np.mean([each.low <= truth <= each.high for each in made]) >= covered


def test_weighted_checks_are_sharper_than_uniform_ones() -> None:
    confidence, wrong = population()
    spread = [
        np.std([each.value for each in runs(confidence, wrong, pi)])
        for pi in (np.full(len(confidence), 0.04), chances(confidence, 0.04))
    ]
    # squared: so much larger would the number of uniform checks have to be
    assert (spread[0] / spread[1]) ** 2 > 1.4


def test_errors_among_reviewed_cases_say_nothing_of_the_let_through() -> None:
    """What nobody may average: the reviewed are the doubtful ones."""
    draws = np.random.default_rng(13)
    confidence = draws.beta(6, 1, 20_000)
    wrong = draws.random(20_000) < 1 - confidence
    through = confidence >= 0.8
    reviewed = wrong[~through].mean()
    assert reviewed > 3 * wrong[through].mean()
    pi = np.full(through.sum(), 0.05)
    seen = draws.random(through.sum()) < pi
    made = estimate(LetThrough.of(confidence[through]), confidence[through][seen], pi[seen], wrong[through][seen])
    assert made.low <= wrong[through].mean() <= made.high
    assert made.high < reviewed


def test_chances_average_the_rate_keep_the_floor_and_stop_at_one() -> None:
    confidence, _ = population()
    made = chances(confidence, 0.04)
    assert made.mean() == pytest.approx(0.04, rel=0.15)
    assert made.min() >= 0.04 * FLOOR - 1e-12
    assert chances(confidence, 0.9).max() == 1.0
    mean = float(np.mean([doubt(float(c)) for c in confidence]))
    assert chance(float(confidence[5]), 0.04, mean) == pytest.approx(float(made[5]))
    assert chance(1.0, 0.04, 0.0) == 0.04
    assert list(chances([1.0, 1.0], 0.04)) == [0.04, 0.04]
    assert chances([], 0.04).size == 0


def test_few_checks_are_not_enough_and_nonsense_is_refused() -> None:
    cases = LetThrough(n=1000, mean=0.05, mean_square=0.01)
    with pytest.raises(NotEnoughEvidence, match="3 of 30"):
        estimate(cases, [0.9] * 3, [0.5] * 3, [0] * 3)
    for confidence, pi in (([0.9] * 40, [0.0] * 40), ([float("nan")] * 40, [0.5] * 40), ([0.9] * 40, [0.5] * 39)):
        with pytest.raises(InvalidInput):
            estimate(cases, confidence, pi, [0] * 40)

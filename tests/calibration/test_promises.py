"""Every promise, by simulation: it is broken no more often than it says, and a rule that breaks it is caught.

The stream: a score s uniform in (0, 1), wrong with chance (1 − s)²/2, so the error above a cut t is (1 − t)²/6 exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from handrail.calibration.selection import control_risk, select
from handrail.calibration.thresholds import (
    Mislabelling,
    Threshold,
    choose_by_group,
    choose_threshold,
    choose_threshold_by_loss,
)
from handrail.errors import NotEnoughEvidence

Floats = NDArray[np.float64]
DRAWS = 1000
DELTA = 0.1
# three binomial standard errors over so many draws
SLACK = 3.0 * (DELTA * (1.0 - DELTA) / DRAWS) ** 0.5


def stream(rng: np.random.Generator, n: int, draws: int = DRAWS) -> tuple[Floats, NDArray[np.bool_]]:
    """Scores and right or wrong, a row a draw."""
    score = rng.random((draws, n))
    return score, rng.random((draws, n)) >= (1.0 - score) ** 2 / 2.0


def error_above(cut: float) -> float:
    return (1.0 - cut) ** 2 / 6.0


def naive(score: Floats, right: Any, target: float) -> float | None:
    """The lowest cut whose error on the labels is at most the target: what everybody does at first."""
    order = np.argsort(-score)
    wrong = np.cumsum(~right[order]) / np.arange(1, len(score) + 1)
    good = np.flatnonzero(wrong <= target)
    return float(score[order][good[-1]]) if len(good) else None


def broken(choose: Callable[[Floats, Any], float | None], score: Floats, right: Any, target: float) -> float:
    cuts = [choose(s, z) for s, z in zip(score, right, strict=True)]
    return float(np.mean([cut is not None and error_above(cut) > target for cut in cuts]))


def certified(target: float, **options: Any) -> Callable[[Floats, Any], float | None]:
    def choose(score: Floats, right: Any) -> float | None:
        try:
            return choose_threshold(score, right, target, delta=DELTA, **options).value
        except NotEnoughEvidence:
            return None

    return choose


@pytest.mark.parametrize(("target", "n"), [(0.01, 300), (0.02, 150), (0.02, 600), (0.05, 100), (0.05, 400), (0.1, 200)])
def test_certified_threshold_breaks_its_promise_at_most_as_often_as_stated(target: float, n: int) -> None:
    score, right = stream(np.random.default_rng(int(1e4 * target) + n), n)
    assert broken(certified(target), score, right, target) <= DELTA + SLACK


@pytest.mark.parametrize(("target", "n"), [(0.02, 600), (0.05, 400)])
def test_lowest_threshold_that_looks_good_breaks_the_promise_so_the_test_above_can_fail(target: float, n: int) -> None:
    score, right = stream(np.random.default_rng(1), n)
    assert broken(lambda s, z: naive(s, z, target), score, right, target) > 3 * DELTA


def test_certified_threshold_lets_much_through_where_there_are_enough_labels() -> None:
    score, right = stream(np.random.default_rng(2), 1000, 100)
    shares = [choose_threshold(s, z, 0.05, delta=DELTA).automation for s, z in zip(score, right, strict=True)]
    # the best possible cut is 1 − √0.3
    assert np.mean(shares) > 0.8 * 0.3**0.5


def test_promise_holds_under_ties() -> None:
    score, right = stream(np.random.default_rng(3), 400)
    target, coarse = 0.05, np.floor(score * 20) / 20
    assert broken(certified(target), coarse, right, target) <= DELTA + SLACK


def test_promises_of_groups_hold_together() -> None:
    score, right = stream(np.random.default_rng(4), 900, 300)
    group = np.arange(900) % 3
    failed = 0
    for s, z in zip(score, right, strict=True):
        found = choose_by_group(s, z, group, 0.03, delta=DELTA)
        cuts = [one.value for one in found.values() if isinstance(one, Threshold)]
        failed += any(cut is not None and error_above(cut) > 0.03 for cut in cuts)
    assert failed / 300 <= DELTA + 3 * (DELTA * (1 - DELTA) / 300) ** 0.5


@pytest.mark.parametrize(("false_alarm", "missed"), [(0.02, 0.0), (0.0, 0.3), (0.03, 0.2)])
def test_promise_holds_where_checks_mislabel_at_known_rates(false_alarm: float, missed: float) -> None:
    rng = np.random.default_rng(5)
    score, right = stream(rng, 500)
    noise = rng.random(score.shape)
    seen = np.where(right, noise >= false_alarm, noise < missed)
    rates = Mislabelling(false_alarm=false_alarm, missed=missed)
    assert broken(certified(0.04, mislabelling=rates), score, seen, 0.04) <= DELTA + SLACK


def test_checks_that_miss_errors_void_the_promise_when_nobody_says_so() -> None:
    rng = np.random.default_rng(6)
    score, right = stream(rng, 800, 300)
    seen = right | (rng.random(score.shape) < 0.5)
    assert broken(certified(0.04), score, seen, 0.04) > 3 * DELTA


def test_expired_checks_count_as_errors() -> None:
    rng = np.random.default_rng(7)
    score, right = stream(rng, 400, 200)
    lost = rng.random(score.shape) < 0.3
    kept = []
    for s, z, late in zip(score, right, lost, strict=True):
        # expired checks are just those that would have been rejected first
        late = late & ~z
        made = choose_threshold(s, z | late, 0.05, delta=DELTA, expired=late)
        assert made == choose_threshold(s, z & ~late, 0.05, delta=DELTA)
        kept.append(made.value)
    assert np.mean([cut is not None and error_above(cut) > 0.05 for cut in kept]) <= DELTA + 3 * (0.09 / 200) ** 0.5


def test_promise_about_losses_holds() -> None:
    rng = np.random.default_rng(8)
    score, right = stream(rng, 800, 200)
    # wrong ones lose 1 or 0.2: the mean loss above a cut is 0.6 of the error
    loss = np.where(right, 0.0, np.where(rng.random(score.shape) < 0.5, 1.0, 0.2))
    cuts = [choose_threshold_by_loss(s, each, 0.06, delta=DELTA).value for s, each in zip(score, loss, strict=True)]
    assert (
        np.mean([cut is not None and 0.6 * error_above(cut) > 0.06 for cut in cuts]) <= DELTA + 3 * (0.09 / 200) ** 0.5
    )
    assert np.mean([cut is not None for cut in cuts]) > 0.5


@pytest.mark.parametrize(("target", "n"), [(0.02, 60), (0.02, 300), (0.05, 30), (0.05, 100)])
def test_conformal_selection_keeps_its_mean_error(target: float, n: int) -> None:
    rng = np.random.default_rng(n)
    known, right = stream(rng, n)
    batch, truth = stream(rng, 200)
    errors, through = [], []
    for row in range(DRAWS):
        chosen = select(known[row], right[row], batch[row], target).chosen
        errors.append(float((~truth[row][chosen]).mean()) if chosen.any() else 0.0)
        through.append(float(chosen.mean()))
    assert np.mean(errors) <= target + 2 * np.std(errors) / DRAWS**0.5
    assert np.mean(through) > (0.02 if n >= 100 else 0.0)


def test_naive_selection_breaks_the_mean_so_the_test_above_can_fail() -> None:
    rng = np.random.default_rng(9)
    known, right = stream(rng, 30)
    batch, truth = stream(rng, 200)
    errors = []
    for row in range(DRAWS):
        cut = naive(known[row], right[row], 0.05)
        chosen = batch[row] >= (2.0 if cut is None else cut)
        errors.append(float((~truth[row][chosen]).mean()) if chosen.any() else 0.0)
    assert np.mean(errors) > 0.05 + 2 * np.std(errors) / DRAWS**0.5


def test_risk_control_promises_errors_per_case_handled_and_that_is_weaker() -> None:
    score, right = stream(np.random.default_rng(10), 200)
    cuts = [control_risk(s, z, 0.02).value for s, z in zip(score, right, strict=True)]
    found = np.array([1.0 if cut is None else cut for cut in cuts])
    per_case, among = (1 - found) * error_above(found), error_above(found)  # type: ignore[arg-type]
    assert np.mean(per_case) <= 0.02 + 2 * np.std(per_case) / DRAWS**0.5
    assert np.mean(among) > 0.02


def test_a_drifted_stream_voids_the_promise() -> None:
    # what is certified holds for cases like these: shown here so that nobody expects more of it
    score, right = stream(np.random.default_rng(11), 600, 200)
    cuts = [certified(0.05)(s, z) for s, z in zip(score, right, strict=True)]
    # three times as many errors as when it was certified
    assert np.mean([cut is not None and 3.0 * error_above(cut) > 0.05 for cut in cuts]) > 0.5


def test_scores_shuffled_against_answers_let_nothing_through() -> None:
    rng = np.random.default_rng(12)
    score, right = stream(rng, 600, 200)
    # the error of the whole stream is 1/6, whatever the cut
    cuts = [certified(0.05)(rng.permutation(s), z) for s, z in zip(score, right, strict=True)]
    assert np.mean([cut is not None for cut in cuts]) <= DELTA + 3 * (0.09 / 200) ** 0.5

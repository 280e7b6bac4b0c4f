"""Figures about confidences, against scikit-learn, scipy and their own definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as peer

from handrail.calibration.metrics import (
    brier_loss,
    calibration_error,
    expected_calibration_error,
    log_loss,
    reliability,
    wilson,
)
from handrail.errors import InvalidInput, NotEnoughEvidence


def stream(n: int, seed: int = 0, gap: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    c = rng.beta(6, 2, n)
    return c, rng.random(n) < np.clip(c - gap, 0, 1)


def test_losses_equal_scikit_learn() -> None:
    c, right = stream(500)
    assert log_loss(c, right) == pytest.approx(peer.log_loss(right, c))
    assert brier_loss(c, right) == pytest.approx(peer.brier_score_loss(right, c))
    weights = np.random.default_rng(1).random(500)
    assert log_loss(c, right, weights) == pytest.approx(peer.log_loss(right, c, sample_weight=weights))


@pytest.mark.parametrize(("right", "n"), [(0, 10), (7, 10), (10, 10), (450, 500)])
def test_wilson_equals_scipy(right: int, n: int) -> None:
    expected = binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert wilson(right, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_wilson_without_cases_knows_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_reliability_has_bins_of_thirty_or_more_in_order() -> None:
    c, right = stream(1_000)
    rows = reliability(c, right)
    assert len(rows) == 15
    assert sum(row.n for row in rows) == 1_000
    assert min(row.n for row in rows) >= 30
    assert [row.confidence for row in rows] == sorted(row.confidence for row in rows)
    assert all(row.low <= row.accuracy <= row.high for row in rows)


def test_reliability_of_equal_confidences_is_one_bin() -> None:
    (row,) = reliability([0.8] * 200, [True] * 150 + [False] * 50)
    assert (row.n, row.accuracy) == (200, 0.75)


def test_calibration_errors_of_a_calibrated_stream_shrink_and_the_debiased_one_is_smaller() -> None:
    binned = [expected_calibration_error(*stream(1_000, s), np.random.default_rng(s), resamples=20) for s in range(10)]
    debiased = [calibration_error(*stream(1_000, s)) for s in range(10)]
    assert np.mean([e.value for e in binned]) > 0.015
    assert np.mean(debiased) < np.mean([e.value for e in binned])


def test_calibration_error_of_a_gap_is_the_gap_and_its_interval_holds_it() -> None:
    c, right = stream(20_000, gap=0.1)
    assert calibration_error(c, right) == pytest.approx(0.1, abs=0.015)
    found = expected_calibration_error(c, right, np.random.default_rng(0))
    assert found.low <= found.value <= found.high
    assert found.low < 0.105
    assert found.high > 0.095
    assert found.n == 20_000


def test_figures_of_too_few_or_unsound_cases_are_refused() -> None:
    with pytest.raises(NotEnoughEvidence, match="10 of 30"):
        reliability(*stream(10))
    with pytest.raises(InvalidInput):
        log_loss([0.5, float("nan")], [True, False])
    with pytest.raises(InvalidInput):
        brier_loss([0.5], [True, False])

"""Figures about confidences, against scikit-learn, scipy and their own definitions."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as peer

from handrail.binomial import wilson
from handrail.calibration.metrics import (
    automation,
    brier_loss,
    calibration_error,
    expected_calibration_error,
    log_loss,
    reliability,
    risk_coverage_area,
    spiegelhalter,
)
from handrail.calibration.quality import bins_of, quality
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


def test_spiegelhalter_rejects_a_calibrated_stream_at_its_level_and_an_overconfident_one_often() -> None:
    calm = [spiegelhalter(*stream(300, s))[1] < 0.05 for s in range(400)]
    # 5 % of 400 is 20; twice the binomial's standard deviation is 9
    assert 11 <= sum(calm) <= 31
    drifted = []
    for s in range(200):
        c, _ = stream(300, s)
        honest = 1 / (1 + (c / (1 - c)) ** (-1 / 1.5))
        drifted.append(spiegelhalter(c, np.random.default_rng(1_000 + s).random(300) < honest)[1] < 0.05)
    assert np.mean(drifted) > 0.8


def test_spiegelhalter_of_certainties_is_refused() -> None:
    with pytest.raises(NotEnoughEvidence):
        spiegelhalter([0.0, 1.0, 0.5], [False, True, True])


def test_risk_coverage_area_by_hand_and_ties_do_not_depend_on_order() -> None:
    # errors among the surest 1, 2, 3, 4: 0, 0, 1/3, 1/4
    assert risk_coverage_area([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1]) == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)
    assert risk_coverage_area([0.5] * 4, [1, 0, 1, 1]) == risk_coverage_area([0.5] * 4, [1, 1, 1, 0]) == 0.25


def test_automation_is_the_largest_share_within_the_error() -> None:
    c, right = [0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1]
    assert [automation(c, right, error) for error in (0.0, 0.25, 0.3, 0.4)] == [0.5, 1.0, 1.0, 1.0]
    assert automation([0.9, 0.8], [0, 1], 0.1) == 0.0
    # a tie cannot be cut in two
    assert automation([0.9, 0.9, 0.1], [1, 0, 0], 0.2) == 0.0
    # a case that stands for ten weighs ten
    assert automation([0.9, 0.8, 0.7], [1, 0, 1], 0.1, [10, 1, 1]) == 1.0


def test_quality_holds_every_figure_as_plain_json() -> None:
    found = quality(*stream(600))
    data = json.loads(json.dumps(found.to_json()))
    assert bins_of(data)[0].n == found.bins[0].n
    assert set(data["automation"]) == {"0.01", "0.02", "0.05"}
    assert data["automation"]["0.01"] <= data["automation"]["0.02"] <= data["automation"]["0.05"]
    assert data["n"] == 600


def test_weighted_reliability_undoes_selective_looking() -> None:
    rng = np.random.default_rng(3)
    c = rng.uniform(0.5, 1.0, 40_000)
    # wrong cases are looked at ten times as often
    right = rng.random(40_000) < c
    chance = np.where(right, 0.1, 1.0)
    kept = rng.random(40_000) < chance
    weighted = reliability(c[kept], right[kept], 1 / chance[kept])
    plain = reliability(c[kept], right[kept])
    assert max(abs(b.accuracy - b.confidence) for b in weighted) < 0.05
    assert max(abs(b.accuracy - b.confidence) for b in plain) > 0.2
    assert all(b.low <= b.accuracy <= b.high for b in weighted)


def test_wilson_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    p = 0.93
    held = sum(low <= p <= high for low, high in (wilson(float(rng.binomial(60, p)), 60) for _ in range(2_000)))
    assert held / 2_000 > 0.93

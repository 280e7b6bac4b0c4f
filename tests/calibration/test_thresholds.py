"""The promise of a threshold, kept in simulation and on real model scores."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import beta, binom

from handrail.binomial import at_most, least_cases, upper_bound
from handrail.calibration.thresholds import choose_threshold
from handrail.errors import InvalidInput, NotEnoughEvidence


@pytest.mark.parametrize(
    ("k", "n", "p"), [(0, 230, 0.01), (3, 10, 0.5), (2, 10_000, 0.001), (9, 10, 0.2), (10, 10, 0.2)]
)
def test_binomial_tail_and_bound_equal_scipy(k: int, n: int, p: float) -> None:
    assert at_most(k, n, p) == pytest.approx(binom.cdf(k, n, p), rel=1e-9)
    expected = 1.0 if k == n else beta.ppf(0.9, k + 1, n - k)
    assert upper_bound(k, n, 0.1) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("target", "cases"), [(0.01, 230), (0.02, 114), (0.05, 45)])
def test_least_cases_without_an_error_are_the_known_counts(target: float, cases: int) -> None:
    assert least_cases(0, target, 0.1) == cases
    assert at_most(2, least_cases(2, target, 0.1), target) <= 0.1 < at_most(2, least_cases(2, target, 0.1) - 1, target)


def test_choose_threshold_below_the_least_count_says_how_many_are_missing() -> None:
    with pytest.raises(NotEnoughEvidence, match="113 of 114 labels"):
        choose_threshold([0.9] * 113, [True] * 113, 0.02)


def test_choose_threshold_of_a_flawless_record_lets_everything_through() -> None:
    made = choose_threshold(np.linspace(0.5, 1, 300), [True] * 300, 0.02)
    assert (made.value, made.automation, made.errors) == (0.5, 1.0, 0)
    assert made.bound <= 0.02


def test_choose_threshold_of_a_poor_model_lets_nothing_through() -> None:
    rng = np.random.default_rng(0)
    made = choose_threshold(rng.random(500), rng.random(500) < 0.7, 0.02)
    assert (made.value, made.automation, made.bound) == (None, 0.0, 1.0)


def test_choose_threshold_never_cuts_between_equal_confidences() -> None:
    c = np.r_[np.full(400, 0.9), np.full(100, 0.6)]
    right = np.r_[np.ones(400), np.zeros(100)].astype(bool)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(500)
        made = choose_threshold(c[order], right[order], 0.05)
        assert (made.value, made.passed) == (0.9, 400)


@pytest.mark.parametrize(("c", "right", "target"), [([2.0] * 300, [1] * 300, 0.02), ([0.5] * 300, [1] * 299, 0.02)])
def test_choose_threshold_of_unsound_labels_is_refused(c: list[float], right: list[int], target: float) -> None:
    with pytest.raises(InvalidInput):
        choose_threshold(c, right, target)


@pytest.mark.parametrize(("target", "groups"), [(0.0, 1), (1.0, 1), (0.02, 0)])
def test_choose_threshold_of_impossible_terms_is_refused(target: float, groups: int) -> None:
    with pytest.raises(InvalidInput):
        choose_threshold([0.5] * 300, [True] * 300, target, groups=groups)


@pytest.mark.parametrize(("target", "n", "automation"), [(0.02, 300, 0.55), (0.02, 1000, 0.76), (0.05, 300, 0.85)])
def test_promise_on_real_scores_is_broken_no_more_often_than_stated(
    data_dir: Path, target: float, n: int, automation: float
) -> None:
    with gzip.open(data_dir / "cifar10h_model" / "items.csv.gz", "rt", encoding="utf-8") as lines:
        found = [_top(row) for row in csv.DictReader(lines)]
    c, right = np.array([top for top, _ in found]), np.array([hit for _, hit in found])
    broken, let_through, draws = 0, [], 100
    for draw in range(draws):
        at = np.random.default_rng(1_000 + draw).integers(0, len(c), n)
        made = choose_threshold(c[at], right[at], target)
        above = c >= (2.0 if made.value is None else made.value)
        let_through.append(above.mean())
        broken += bool(above.any() and (~right[above]).mean() > target)
    # 10 % stated, two standard errors of 100 draws
    assert broken / draws <= 0.1 + 2 * np.sqrt(0.09 / draws)
    assert np.mean(let_through) > automation


def _top(row: dict[str, str]) -> tuple[float, bool]:
    p = [float(row[f"model_p{k}"]) for k in range(10)]
    return max(p), p.index(max(p)) == int(row["gold"])

"""Cost curves and the cheapest cuts, against trying every cut; and rows that no calibrator has seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.calibration.betting import mean_at_most, mean_bound
from handrail.calibration.confusion import Confusion
from handrail.calibration.curve import cheapest_cuts, cost_curve, thin
from handrail.calibration.fit import fit
from handrail.calibration.selection import control_risk, select
from handrail.calibration.thresholds import choose_threshold_by_loss
from handrail.calibration.tuning import as_they_are, hold_out, with_calibrator
from handrail.calibration.value import right_or_wrong
from handrail.errors import InvalidInput, NotEnoughEvidence

TABLE = Confusion(counts=((190.0, 10.0), (30.0, 170.0)))
COSTS = right_or_wrong(wrong=1.0, refused=0.3, review=0.04, delay=0.02, undo=0.7)


def rows(seed: int, n: int = 200, levels: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    c = np.floor(rng.random(n) * levels) / levels
    return c, rng.random(n) < c**0.3


def by_hand(c: np.ndarray, right: np.ndarray, upper: float, lower: float) -> float:
    """Cost per 100 cases of the two cuts, added up case by case."""
    total = 0.0
    miss, refuse = TABLE.matrix[1, 0], TABLE.matrix[0, 1]
    for each, z in zip(c, right, strict=True):
        auto = float(not z)
        missed = refuse * 0.3 if z else miss
        if each >= upper:
            total += auto
        elif each >= lower:
            total += 0.04 + 0.3 * auto + 0.7 * missed
        else:
            total += 0.04 + 0.02 + missed
    return 100.0 * total / len(c)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([3, 12, 1000]))
def test_cheapest_cuts_equal_trying_every_pair(seed: int, levels: int) -> None:
    c, right = rows(seed, 40, levels)
    found = cheapest_cuts(c, right, COSTS, TABLE)
    cuts = [2.0, *np.unique(c)]
    best = min(by_hand(c, right, upper, lower) for upper in cuts for lower in cuts if lower <= upper)
    assert found.cost == pytest.approx(best)
    upper = 2.0 if found.auto_approve is None else found.auto_approve
    lower = upper if found.soft_review is None else found.soft_review
    assert by_hand(c, right, upper, lower) == pytest.approx(best)
    assert found.review_all == pytest.approx(by_hand(c, right, 2.0, 2.0))
    assert found.approve_all == pytest.approx(by_hand(c, right, 0.0, 0.0))


def test_curve_adds_up_at_every_cut_and_never_parts_equals() -> None:
    c, right = rows(1, levels=15)
    curve = cost_curve(c, right, COSTS, TABLE)
    assert len(curve) == len(np.unique(c)) + 1
    for point in curve:
        assert point.cost == pytest.approx(by_hand(c, right, point.confidence, point.confidence))
        assert point.automation == pytest.approx((c >= point.confidence).mean())
    assert len(thin(cost_curve(*rows(2), COSTS), 20)) <= 21


@pytest.mark.parametrize(
    ("c", "right"), [([], []), ([0.5], [0.5]), ([np.nan], [1]), ([1.2], [1]), ([0.5, 0.6], [1])]
)  # fmt: skip
def test_curve_of_what_is_no_record_is_refused(c: list[float], right: list[float]) -> None:
    with pytest.raises(InvalidInput):
        cost_curve(c, right, COSTS)


def test_curve_of_one_class_and_of_constant_scores_is_honest() -> None:
    right = np.ones(50, dtype=bool)
    assert cheapest_cuts(np.full(50, 0.7), right, COSTS, TABLE).auto_approve == 0.7
    assert cheapest_cuts(np.full(50, 0.7), ~right, COSTS, TABLE).auto_approve is None
    with pytest.raises(NotEnoughEvidence, match="29 of 30"):
        cheapest_cuts(np.full(29, 0.7), right[:29], COSTS)


def test_betting_bound_covers_the_mean_and_tightens() -> None:
    rng = np.random.default_rng(0)
    over = 0
    for _ in range(500):
        drawn = rng.beta(0.2, 2.0, 200)
        over += mean_bound(drawn, 0.1) < 0.2 / 2.2
    assert over / 500 <= 0.1 + 3 * (0.09 / 500) ** 0.5
    small, large = (mean_bound(np.full(n, 0.02), 0.1) for n in (100, 2000))
    assert 0.02 < large < small < 0.2
    assert not mean_at_most([], 0.5, 0.1)
    assert mean_bound([], 0.1) == 1.0


def test_losses_outside_their_range_are_refused() -> None:
    for c, loss in (([0.5], [1.5]), ([0.5], [np.nan]), ([2.0], [0.5]), ([0.5, 0.6], [0.1])):
        with pytest.raises(InvalidInput):
            choose_threshold_by_loss(c, loss, 0.05)


def test_selection_from_too_few_labels_says_how_many_are_missing() -> None:
    with pytest.raises(NotEnoughEvidence, match="48 of 49"):
        select([0.9] * 48, [True] * 48, [0.9], 0.02)
    with pytest.raises(NotEnoughEvidence, match="18 of 19"):
        control_risk([0.9] * 18, [True] * 18, 0.05)
    for batch in ([], [np.nan], [1.1]):
        with pytest.raises(InvalidInput):
            select([0.9] * 60, [True] * 60, batch, 0.02)
    hopeless = select(np.linspace(0, 1, 100), np.zeros(100), np.linspace(0, 1, 10), 0.02)
    assert (hopeless.value, hopeless.chosen.any()) == (None, False)


def test_rows_that_fit_are_never_rows_that_certify() -> None:
    rng = np.random.default_rng(3)
    score = rng.random(600)
    right = rng.random(600) < score
    held = hold_out(score, right, need=114, fitted_at=0)
    assert held.calibrator is not None
    assert held.fitted_on + len(held.rows) == 600
    seen = np.setdiff1d(np.arange(600), held.rows)
    again = fit("auto", score[seen], right[seen], fitted_at=0)
    assert again.apply_many(score) == pytest.approx(held.calibrator.apply_many(score), abs=1e-6)
    assert (hold_out(score, right, need=114, fitted_at=0).rows == held.rows).all()


def test_rows_a_calibrator_was_fitted_on_cannot_certify_for_it() -> None:
    rng = np.random.default_rng(4)
    score = rng.random(300)
    right = rng.random(300) < score
    made = fit("platt", score, right, fitted_at=0)
    with pytest.raises(InvalidInput, match="the very rows"):
        with_calibrator(score, right, made)
    other = rng.random(300)
    assert len(with_calibrator(other, rng.random(300) < other, made).rows) == 300


def test_holding_out_with_too_few_rows_says_what_each_part_needs() -> None:
    with pytest.raises(NotEnoughEvidence, match="143 of 144 labels: 30 fit a calibrator, 114 others certify"):
        hold_out([0.5] * 143, [True] * 143, need=114, fitted_at=0)
    with pytest.raises(NotEnoughEvidence, match="the same"):
        hold_out([0.5] * 300, [True, False] * 150, need=114, fitted_at=0)
    with pytest.raises(InvalidInput):
        hold_out([float("nan")] * 300, [True, False] * 150, need=114, fitted_at=0)
    assert as_they_are([0.2, 0.9]).confidence.tolist() == [0.2, 0.9]

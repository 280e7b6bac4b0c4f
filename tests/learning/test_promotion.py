"""Promotion by e-process: what it promises under continuous looking, and what it costs in cases."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.binomial import least_cases, upper_bound
from handrail.calibration.monitors.below import cases_needed, e_below, log_e_below
from handrail.errors import InvalidInput
from handrail.learning.promotion import LEVEL, passing

RUNS = 4_000


def exact(n: int, k: int, q: Fraction) -> Fraction:
    """The formula of E as it is written, in fractions."""
    bets = [(1 / (1 - q)) ** n / 2 if k == 0 else Fraction(0)]
    for share in (Fraction(1, 8), Fraction(1, 4), Fraction(1, 2)):
        bets.append(share**k * ((1 - share * q) / (1 - q)) ** (n - k) / 6)
    return sum(bets, Fraction(0))


@given(n=st.integers(0, 300), data=st.data(), percent=st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_evidence_of_any_counts_equals_the_formula(n: int, data: st.DataObject, percent: int) -> None:
    k = data.draw(st.integers(0, n))
    assert e_below(k, n, percent / 100) == pytest.approx(float(exact(n, k, Fraction(percent, 100))), rel=1e-9)


def test_evidence_of_one_case_at_the_limit_is_a_fair_bet() -> None:
    for q in (0.01, 0.05, 0.3):
        for n, k in ((0, 0), (7, 0), (30, 2)):
            wins = (1 - q) * e_below(k, n + 1, q) + q * e_below(k + 1, n + 1, q)
            assert wins == pytest.approx(e_below(k, n, q))


@pytest.mark.parametrize(("limit", "clean", "one_miss"), [(0.05, 65, 137), (0.02, 165, 347), (0.01, 332, 696)])
def test_cases_needed_at_usual_limits_are_those_promised(limit: float, clean: int, one_miss: int) -> None:
    assert (cases_needed(limit, level=LEVEL), cases_needed(limit, wrong=1, level=LEVEL)) == (clean, one_miss)
    assert e_below(0, clean, limit) >= LEVEL > e_below(0, clean - 1, limit)


def test_cases_needed_are_few_more_than_a_fixed_sample_takes() -> None:
    for limit, fixed in ((0.05, 59), (0.02, 149), (0.01, 299), (0.001, 2995)):
        assert least_cases(0, limit, 0.05) == fixed
        assert cases_needed(limit, level=LEVEL) <= 1.12 * fixed


def tracks(rng: np.random.Generator, rate: float, n: int) -> np.ndarray:
    """Misses so far, after each case of each run."""
    return np.cumsum(rng.random((RUNS, n)) < rate, axis=1, dtype=np.int32)


def test_looking_after_every_case_promotes_cells_at_the_limit_in_at_most_a_twentieth() -> None:
    limit, n = 0.05, 1_500
    misses = tracks(np.random.default_rng(0), limit, n)
    ever = (log_e_below(misses, np.arange(1, n + 1), limit) >= math.log(LEVEL)).any(axis=1)
    slack = 3 * math.sqrt(0.05 * 0.95 / RUNS)
    assert ever.mean() <= 0.05 + slack
    # and the bet is not idle: most of what may be promised is used
    assert ever.mean() > 0.03


def test_looking_at_the_exact_bound_after_every_case_breaks_its_five_percent() -> None:
    limit, n = 0.05, 1_500
    misses = tracks(np.random.default_rng(0), limit, n)
    # the fewest cases with which so many misses pass the exact bound
    passes_from = np.array([least_cases(k, limit, 0.05) for k in range(int(misses.max()) + 1)])
    ever = (np.arange(1, n + 1) >= passes_from[misses]).any(axis=1)
    assert ever.mean() > 0.15


def test_good_cells_are_promoted_soon() -> None:
    limit, n = 0.05, 400
    misses = tracks(np.random.default_rng(1), 0.005, n)
    passed = log_e_below(misses, np.arange(1, n + 1), limit) >= math.log(LEVEL)
    first = np.where(passed.any(axis=1), passed.argmax(axis=1) + 1, n)
    assert np.median(first) <= 70
    assert passed.any(axis=1).mean() > 0.98


def test_passing_many_cells_keeps_the_share_of_false_ones_at_a_twentieth() -> None:
    rng = np.random.default_rng(2)
    limit, n, bad, good = 0.05, 300, 30, 10
    shares = []
    for _ in range(400):
        rates = np.r_[np.full(bad, limit), np.full(good, 0.005)]
        misses = np.cumsum(rng.random((bad + good, n)) < rates[:, None], axis=1)
        logs = log_e_below(misses, np.arange(1, n + 1)[None, :], limit)
        # the worst moment to look: where each cell stood best
        chosen = passing(logs.max(axis=1).tolist())
        shares.append(sum(i < bad for i in chosen) / max(1, len(chosen)))
    assert np.mean(shares) <= 0.05 + 3 * np.std(shares) / math.sqrt(len(shares))


def test_passing_takes_the_largest_number_that_stands_together() -> None:
    log = np.log
    assert passing([]) == ()
    assert passing([log(19.9)]) == ()
    assert passing([log(20)]) == (0,)
    # alone neither reaches 40, together both reach 20
    assert passing([log(21), log(1), log(39)]) == ()
    assert passing([log(21), log(39)]) == (0, 1)
    assert passing([log(3), log(61), log(2)]) == (1,)
    assert passing([log(30), log(30)], [20, 40]) == ()


@pytest.mark.parametrize(
    ("n", "k", "limit"), [(3, 4, 0.1), (3, -1, 0.1), (3, 0, 0.0), (3, 0, 1.0), (3, 0, float("nan")), (-1, 0, 0.1)]
)
def test_evidence_of_impossible_counts_is_refused(n: int, k: int, limit: float) -> None:
    with pytest.raises(InvalidInput):
        log_e_below(k, n, limit)


def test_evidence_of_very_many_cases_does_not_overflow() -> None:
    assert math.isfinite(e_below(0, 5_000_000, 0.5))
    assert e_below(5_000_000, 5_000_000, 0.5) >= 0.0


def test_cases_needed_refuses_what_cannot_be_reached() -> None:
    with pytest.raises(InvalidInput):
        cases_needed(1e-9, level=LEVEL)
    with pytest.raises(InvalidInput):
        cases_needed(0.05, wrong=-1, level=LEVEL)


def test_upper_bound_of_the_clean_cases_needed_is_within_the_limit() -> None:
    for limit in (0.05, 0.02, 0.01):
        assert upper_bound(0, cases_needed(limit, level=LEVEL), 0.05) <= limit
        assert upper_bound(1, cases_needed(limit, wrong=1, level=LEVEL), 0.05) <= limit

"""The promise of every monitor, by simulation: looked at after each case, it alarms falsely at most at its level."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from handrail.calibration.monitors.alarm import checks_to_alarm, first_alarm, level_each, line
from handrail.calibration.monitors.below import cases_needed, log_e_below
from handrail.calibration.monitors.confidence import Miscalibration
from handrail.calibration.monitors.error import error_above
from handrail.calibration.monitors.likelihood import Likelihood
from handrail.calibration.monitors.restarted import Restarted
from handrail.calibration.monitors.scores import ScoresMoved
from handrail.calibration.monitors.share import share_above, share_below
from handrail.calibration.monitors.weighted import WeightedError
from handrail.calibration.neyman import FLOOR, chances
from handrail.errors import InvalidInput

LEVEL = 0.05


def most(level: float, runs: int) -> float:
    """The largest share of runs that a true chance of `level` explains, but for one time in ten thousand."""
    return float(stats.binom.ppf(0.9999, runs, level)) / runs


def alarmed(paths: NDArray[Any], level: float = LEVEL) -> tuple[float, float]:
    """The share of streams that alarmed, and the median number of cases it took them."""
    found = first_alarm(paths, level)
    return float((found > 0).mean()), float(np.median(found[found > 0])) if found.any() else math.nan


def flips(share: float, runs: int, n: int, seed: int = 0) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random((runs, n)) < share


def confidences(slope: float, runs: int, n: int, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Confidence and right or wrong; a slope below 1 makes the confidence too high."""
    draws = np.random.default_rng(seed)
    logit = draws.normal(2.5, 1.5, (runs, n))
    return 1 / (1 + np.exp(-logit)), draws.random((runs, n)) < 1 / (1 + np.exp(-slope * logit))


def drawn(times: float, runs: int = 150, cases: int = 25_000) -> tuple[NDArray[Any], NDArray[Any]]:
    """Wrong or not, and π, of weighted checks at 2 % from a stream whose error is `times` 2 %."""
    draws = np.random.default_rng(4)
    doubt = np.clip(draws.beta(0.5, 20, (runs, cases)) * 0.82, 0, 0.2)
    pi = chances(1 - doubt, 0.02)
    wrong = draws.random(doubt.shape) < np.clip(doubt * times, 0, 1)
    checked = draws.random(doubt.shape) < pi
    n = int(checked.sum(axis=1).min())
    first = np.argsort(~checked, axis=1, kind="stable")[:, :n]
    return np.take_along_axis(wrong, first, 1), np.take_along_axis(pi, first, 1)


@pytest.mark.parametrize("limit", [0.005, 0.02, 0.1])
def test_error_at_its_limit_alarms_falsely_at_most_at_the_level(limit: float) -> None:
    assert alarmed(error_above(limit).path(flips(limit, 2000, 2000)))[0] <= most(LEVEL, 2000)


def test_error_far_below_its_limit_never_alarms() -> None:
    assert alarmed(error_above(0.02).path(flips(0.005, 500, 2000)))[0] <= 0.01


def test_error_doubled_is_found_about_when_planned() -> None:
    found, after = alarmed(error_above(0.02).path(flips(0.04, 1000, 2500)))
    assert found > 0.99
    assert abs(after - checks_to_alarm(0.02, 0.04, LEVEL)) < 60
    assert alarmed(error_above(0.02).path(flips(0.08, 1000, 1000)))[1] <= 70


def test_a_daily_z_test_breaks_its_level_where_the_monitor_keeps_it() -> None:
    wrong = flips(0.02, 2000, 2000)
    n = np.arange(1, 2001)
    z = (np.cumsum(wrong, axis=1) / n - 0.02) / np.sqrt(0.02 * 0.98 / n)
    looks = z[:, 49::50]
    assert (looks > stats.norm.ppf(1 - LEVEL)).any(axis=1).mean() > 3 * LEVEL
    assert alarmed(error_above(0.02).path(wrong))[0] <= most(LEVEL, 2000)


def test_errors_that_come_only_when_all_was_well_before_still_alarm() -> None:
    """A drifted stream; and the restarted form finds it sooner after a long good time."""
    wrong = np.concatenate([flips(0.01, 200, 4000), flips(0.08, 200, 1500, seed=1)], axis=1)
    plain = first_alarm(error_above(0.02).path(wrong), LEVEL)
    anew = first_alarm(Restarted(of=error_above(0.02)).path(wrong), 1 / 20_000)
    assert (plain > 4000).mean() > 0.9
    assert (anew > 4000).mean() > 0.9
    assert np.median(anew[anew > 4000]) < np.median(plain[plain > 4000])


def test_shuffled_order_within_a_look_changes_nothing() -> None:
    monitor = error_above(0.05)
    wrong = list(flips(0.1, 1, 300)[0])
    one, other = monitor.start(), monitor.start()
    for each in wrong:
        one = monitor.step(one, bool(each))
    for each in sorted(wrong):
        other = monitor.step(other, bool(each))
    assert one == other == monitor.add(monitor.start(), int(sum(wrong)), len(wrong))


def test_weighted_checks_at_the_limit_alarm_falsely_at_most_at_the_level() -> None:
    wrong, pi = drawn(1.0)
    monitor = WeightedError(limit=0.0204, least=0.02 * FLOOR)
    assert alarmed(monitor.path(wrong, pi))[0] <= most(LEVEL, len(wrong))
    for at in (0, 7):
        state = monitor.start()
        for each, chance in zip(wrong[at], pi[at], strict=True):
            state = monitor.step(state, bool(each), float(chance))
        assert monitor.log_e(state) == pytest.approx(monitor.path(wrong[at : at + 1], pi[at : at + 1])[0, -1])


def test_weighted_checks_find_four_times_the_error() -> None:
    found, after = alarmed(WeightedError(limit=0.0204, least=0.02 * FLOOR).path(*drawn(4.0)))
    assert found > 0.95
    assert after < 350


@pytest.mark.parametrize("side", ["over", "under"])
def test_calibrated_confidence_alarms_falsely_at_most_at_the_level(side: Any) -> None:
    assert alarmed(Miscalibration(side=side).path(*confidences(1.0, 1000, 1500)))[0] <= most(LEVEL, 1000)


def test_overconfidence_is_found_and_not_called_the_other_thing() -> None:
    cases = confidences(1 / 1.5, 500, 1000)
    assert alarmed(Miscalibration(side="over").path(*cases))[0] > 0.98
    assert alarmed(Miscalibration(side="under").path(*cases))[0] <= 0.02
    assert alarmed(Miscalibration(side="under").path(*confidences(1.5, 500, 1000)))[0] > 0.9


@pytest.mark.parametrize(("share", "edge"), [(0.15, 0.165), (0.4, 0.44)])
def test_share_within_a_tenth_of_its_target_alarms_falsely_at_most_at_the_level(share: float, edge: float) -> None:
    for true in (share, edge):
        assert alarmed(share_above(share).path(flips(true, 300, 8000)), LEVEL / 2)[0] <= most(LEVEL / 2, 300)
    low = share - (edge - share)
    assert alarmed(share_below(share).path(flips(low, 300, 8000)), LEVEL / 2)[0] <= most(LEVEL / 2, 300)


def test_share_off_its_target_is_found() -> None:
    found, after = alarmed(share_above(0.15).path(flips(0.21, 200, 3000)), LEVEL / 2)
    assert found > 0.99
    assert after <= 620
    found, after = alarmed(share_below(0.15).path(flips(0.12, 100, 12_000)), LEVEL / 2)
    assert found > 0.95
    assert after <= 4000


def test_scores_that_do_not_move_alarm_falsely_at_most_at_the_level() -> None:
    draws = np.random.default_rng(1)
    scores = draws.beta(5, 1, (60, 1500))
    monitor = ScoresMoved()
    paths = monitor.path(scores, draws.random(scores.shape))
    assert alarmed(paths)[0] <= most(LEVEL, 60)
    # with many ties too: a model that knows three numbers
    few = draws.choice([0.5, 0.9, 0.99], (60, 1000))
    assert alarmed(monitor.path(few, draws.random(few.shape)))[0] <= most(LEVEL, 60)


def test_three_times_the_unsure_cases_move_the_scores() -> None:
    draws = np.random.default_rng(2)
    unsure = draws.random((40, 3000)) < np.where(np.arange(3000) < 1800, 0.1, 0.3)
    scores = np.where(unsure, draws.uniform(0, 0.8, unsure.shape), draws.uniform(0.8, 1, unsure.shape))
    found = first_alarm(ScoresMoved().path(scores, draws.random(scores.shape)), 0.01)
    assert (found > 1800).mean() > 0.85


def test_one_score_at_a_time_is_what_many_at_once_are() -> None:
    draws = np.random.default_rng(3)
    scores, ties = draws.beta(5, 1, (1, 80)), draws.random((1, 80))
    monitor, state = ScoresMoved(), ScoresMoved().start()
    for score, draw in zip(scores[0], ties[0], strict=True):
        state = json.loads(json.dumps(monitor.step(state, float(score), float(draw))))
    assert monitor.log_e(state) == pytest.approx(monitor.path(scores, ties)[0, -1])


def test_restarted_waits_long_on_average_before_a_false_alarm() -> None:
    monitor = Restarted(of=error_above(0.05))
    wrong = flips(0.05, 300, 4000)
    found = first_alarm(monitor.path(wrong), 1 / 1000)
    assert np.where(found > 0, found, 4000).mean() >= 1000
    state = monitor.start()
    for each in wrong[0, :60]:
        state = monitor.step(state, bool(each))
    assert monitor.log_e(state) == pytest.approx(monitor.path(wrong[:1, :60])[0, -1])


def test_states_are_plain_json_and_confidence_steps_equal_paths() -> None:
    confidence, right = confidences(0.7, 1, 50)
    monitor = Miscalibration(side="over")
    state = monitor.start()
    for c, z in zip(confidence[0], right[0], strict=True):
        state = json.loads(json.dumps(monitor.step(state, float(c), bool(z))))
    assert monitor.log_e(state) == pytest.approx(monitor.path(confidence, right)[0, -1])


def test_evidence_of_recovery_may_be_asked_after_each_check() -> None:
    """The lift of an alarm: at an error of exactly the limit it is given falsely in at most δ of all streams."""
    wrong = np.cumsum(flips(0.05, 400, 600), axis=1)
    given = (log_e_below(wrong, np.arange(1, 601), 0.05) >= line(0.1)).any(axis=1).sum()
    assert given / 400 <= most(0.1, 400)
    assert [cases_needed(q, level=10.0) for q in (0.05, 0.02, 0.01)] == [51, 128, 258]


def test_planning_says_what_the_published_example_says() -> None:
    assert checks_to_alarm(0.02, 0.04, 0.05) == 378
    assert level_each(5) == pytest.approx(0.01)
    assert line(0.05) == pytest.approx(math.log(20))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: error_above(0.0),
        lambda: error_above(math.nan),
        lambda: share_above(0.9),
        lambda: share_below(0.0),
        lambda: checks_to_alarm(0.04, 0.02, 0.05),
        lambda: line(1.0),
        lambda: Likelihood(bound=0.5, alternatives=(0.4, 0.6)),
        lambda: error_above(0.1).add({"n": 0, "k": 0}, 3, 2),
        lambda: Miscalibration(side="over").step(Miscalibration(side="over").start(), math.nan, True),
        lambda: ScoresMoved().step(ScoresMoved().start(), 1.1, 0.5),
        lambda: WeightedError(limit=0.1, least=0.01).step(WeightedError(limit=0.1, least=0.01).start(), True, 0.001),
        lambda: log_e_below(3, 2, 0.1),
    ],
)
def test_bad_input_is_refused_in_words(wrong: Any) -> None:
    with pytest.raises(InvalidInput):
        wrong()

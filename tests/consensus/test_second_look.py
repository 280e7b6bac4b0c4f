"""An alleged error counts once it is confirmed; a tie asks one more; nobody there to ask leaves it an error."""

from __future__ import annotations

import numpy as np
import pytest

from handrail.calibration.monitors.error import error_above
from handrail.consensus.second_look import standing


@pytest.mark.parametrize(
    ("found", "asked", "alone"),
    [
        ([], "right", "right"),
        ([True], "right", "right"),
        ([False], "alleged", "wrong"),
        ([False, False], "wrong", "wrong"),
        ([False, True], "alleged", "wrong"),
        ([True, False], "alleged", "wrong"),
        ([False, True, True], "right", "right"),
        ([True, False, False], "wrong", "wrong"),
    ],
)
def test_standing_of_answers_with_and_without_anybody_to_ask(found: list[bool], asked: str, alone: str) -> None:
    assert standing(found, may_ask=True) == asked
    assert standing(found, may_ask=False) == alone


def test_second_look_keeps_reviewers_who_see_ghosts_from_raising_alarms() -> None:
    """Half the limit is truly wrong, and three in a hundred sound cases are called so: without a second, all alarms."""
    chance = np.random.default_rng(5)
    n, runs, limit = 1500, 200, 0.02
    truth = chance.random((runs, n)) < limit / 2
    calls_wrong = np.where(truth[..., None], 0.95, 0.03) > chance.random((runs, n, 3))
    first, second, third = np.moveaxis(calls_wrong, -1, 0)
    confirmed = first & (second | third)
    assert standing([False, True, False], may_ask=True) == "wrong"
    assert _alarms(first, limit) > 0.9
    assert _alarms(confirmed, limit) <= 0.05
    assert np.mean(confirmed[truth]) > 0.9


def _alarms(wrong: np.ndarray, limit: float) -> float:
    """Share of streams in which the error monitor alarms at level 5 %."""
    watch = error_above(limit)
    raised = 0
    for stream in wrong:
        state = watch.start()
        for hit in stream:
            state = watch.step(state, bool(hit))
            if watch.log_e(state) >= np.log(20.0):
                raised += 1
                break
    return raised / len(wrong)

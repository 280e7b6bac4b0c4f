"""A calibrator says when it is old, when scores have left its range, and when the model is another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from handrail.calibration.fit import fit
from handrail.calibration.staleness import DAY, Since, since, staleness

AT = 1_760_000_000_000_000
MADE = fit("platt", np.linspace(0.2, 0.8, 60), np.arange(60) % 2 == 0, fitted_at=AT)


def codes(**given: object) -> list[str]:
    return [one.code for one in staleness(MADE, **{"now": AT, **given})]  # type: ignore[arg-type]


def test_calibrator_is_old_after_thirty_days() -> None:
    assert codes(now=AT + 30 * DAY) == []
    (one,) = staleness(MADE, now=AT + 31 * DAY)
    assert (one.code, one.text) == ("old", "fitted 31 days ago, more than 30")


def test_a_tenth_of_the_cases_outside_its_range_is_told_from_thirty_cases_on() -> None:
    assert codes(met=Since(cases=100, outside=9)) == []
    assert codes(met=Since(cases=100, outside=10)) == ["outside"]
    assert codes(met=Since(cases=29, outside=29)) == []


def test_scores_outside_or_unreadable_are_counted_and_those_of_another_model_apart() -> None:
    met = [(0.5, None)] * 5 + [(0.9, None), (0.1, None), ("x", None), (None, None)]
    assert since(MADE, met) == Since(cases=9, outside=4)
    for_one = replace(MADE, model="v1")
    assert since(for_one, [(0.5, "v1"), (0.9, "v1"), (0.5, "v2"), (0.5, None)]) == Since(
        cases=4, outside=1, other_model=2
    )
    assert [one.code for one in staleness(for_one, now=AT, met=Since(cases=40, outside=0, other_model=1))] == ["model"]

"""What a routed stream costs under a team: by hand, and in the direction each knob should move it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from handrail.clock import SECOND
from handrail.errors import InvalidInput
from handrail.operations.bill import MINUTE, Routed, Tariff, Team, bill

ONE = Routed(at=0, action="pay", tier="hard_gate", reviewers=1, deadline=600 * SECOND, wrong=0.0)
TEAM = Team(seats=1, handling=2.0, setup=1.0, misses=0.1, refuses=0.2)


def test_bill_of_one_case_is_its_review_its_wait_and_the_reviewers_own_errors() -> None:
    made = bill([ONE], TEAM)
    assert (made.reviews, made.waited, made.late, made.errors) == (1, 3.0, 0, 0.0)
    assert made.refused == pytest.approx(0.2)
    wrong = bill([replace(ONE, wrong=1.0)], TEAM)
    assert (wrong.errors, wrong.refused) == (pytest.approx(0.1), 0.0)
    assert wrong.cost(Tariff(review=2, wrong=100, delay_minute=0.5)) == pytest.approx(2 + 10 + 1.5)


def test_bill_of_a_case_nobody_answers_in_time_refuses_what_was_right() -> None:
    made = bill([replace(ONE, deadline=60 * SECOND)], TEAM)
    assert (made.late, made.refused, made.waited) == (1, 1.0, 1.0)
    assert bill([replace(ONE, deadline=60 * SECOND, wrong=1.0)], TEAM).errors == 0.0


def test_bill_counts_what_the_policy_let_through_or_denied() -> None:
    stream = [replace(ONE, tier="auto_approve", reviewers=0, wrong=1.0, checked=0.25), replace(ONE, tier="deny")]
    made = bill(stream, TEAM)
    assert (made.errors, made.refused, made.reviews, made.waited) == (1.0, 1.0, 0.25, 0.0)


def test_more_people_on_a_case_miss_less_and_refuse_more() -> None:
    two = bill([replace(ONE, reviewers=2, wrong=0.5)], replace(TEAM, seats=2))
    assert two.errors == pytest.approx(0.5 * 0.01)
    assert two.refused == pytest.approx(0.5 * (1 - 0.64))


def test_a_batch_saves_the_beginning_and_waits_for_its_last_case() -> None:
    stream = [replace(ONE, deadline=None, at=i) for i in range(4)]
    single, batch = bill(stream, TEAM), bill(stream, replace(TEAM, batch=4))
    # the seat is free at once, so the first is taken alone; the other three wait for 3 + (1 + 3 * 2) minutes
    assert single.waited == pytest.approx(3 + 6 + 9 + 12, abs=1e-3)
    assert batch.waited == pytest.approx(3 + 10 * 3, abs=1e-3)


def test_cases_are_answered_shortest_deadline_first() -> None:
    rng = np.random.default_rng(0)
    at = np.sort(rng.integers(0, 240 * MINUTE, 150))
    due = rng.choice([20, 120, 480], 150)
    stream = [replace(ONE, at=int(a), deadline=int(d) * MINUTE) for a, d in zip(at, due, strict=True)]
    made = bill(stream, replace(TEAM, seats=2))
    same = bill([replace(one, deadline=480 * MINUTE) for one in stream], replace(TEAM, seats=2))
    # the same work, the same sum of waits where nobody is late
    assert made.late == 0
    assert made.waited == pytest.approx(same.waited)


@pytest.mark.parametrize("bad", [{"seats": 0}, {"batch": 0}, {"handling": 0.0}, {"misses": 1.1}, {"setup": -1.0}])
def test_a_team_that_cannot_be_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        Team(**bad)  # type: ignore[arg-type]

"""The price of a review while people are few: the load it leads to meets the capacity, within its bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.errors import InvalidInput
from handrail.operations.scarcity import ROOM, Hour, Scarcity, room
from handrail.operations.shadow import starting_price

LOOKS = 12


def played(
    per_day: int, capacity: float, *, days: int = 12, other: int = 0, most: float = 1000.0, seed: int = 0,
    night: float = 0.1, drift: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Reviews asked for and the factor, look by look. Lognormal gains; a review costs 1; nights are quiet.

    `drift`: what all gains are multiplied by from half time on.
    """
    rng = np.random.default_rng(seed)
    state, loads, factors = Scarcity(), [], []
    for look in range(days * 24 * LOOKS):
        hour = look // LOOKS
        busy = 1.0 if 8 <= hour % 24 < 18 else night
        n = int(rng.poisson(per_day * busy / (10.0 + 14.0 * night) / LOOKS))
        scale = drift if look >= days * 12 * LOOKS else 1.0
        asked = int((rng.lognormal(0.0, 1.5, n) * scale > state.factor).sum())
        beside = int(rng.poisson(other / 24.0 / LOOKS))
        seen = Hour(hour=hour, weighed=n, asked=asked, other=beside)
        state = state.after(seen, reviews_per_day=capacity, most=most)
        loads.append(asked + beside)
        factors.append(state.factor)
    return np.array(loads), np.array(factors)


def daily(loads: np.ndarray, *, last: int) -> float:
    return float(loads[-last * 24 * LOOKS :].sum()) / last


@pytest.mark.parametrize("per_day", [1_000, 20_000, 200_000])
@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
def test_load_meets_the_capacity_after_some_days(per_day: int, share: float) -> None:
    loads, factors = played(per_day, share * per_day)
    assert daily(loads, last=5) == pytest.approx(share * per_day, rel=0.1)
    # near the price at which hindsight would have used just the share
    rng = np.random.default_rng(1)
    best = starting_price(rng.lognormal(0.0, 1.5, 20_000).tolist(), [1.0] * 20_000, share)
    assert float(np.median(factors[-5 * 24 * LOOKS :])) == pytest.approx(best, rel=0.15)


def test_people_enough_leave_the_price_alone() -> None:
    loads, factors = played(2_000, 1_500)
    assert factors.max() == 1.0
    assert daily(loads, last=3) == pytest.approx(1_000, rel=0.1)


def test_reviews_that_nothing_weighs_are_spent_beforehand() -> None:
    loads, _ = played(10_000, 1_500, other=500)
    assert daily(loads, last=5) == pytest.approx(1_500, rel=0.1)


def test_price_falls_back_when_there_is_less_to_ask() -> None:
    _, factors = played(10_000, 1_000, days=16, drift=0.05)
    assert factors[: 8 * 24 * LOOKS].max() > 2.0
    assert factors[-1] == 1.0


def test_capacity_that_cannot_be_met_stops_at_the_bound() -> None:
    _, factors = played(5_000, 10, other=400, most=7.0)
    assert factors.max() == 7.0
    assert factors[-1] == 7.0


def test_price_moves_seldom_and_by_a_tenth_or_more() -> None:
    _, factors = played(20_000, 2_000)
    moves = np.flatnonzero(np.diff(factors[-5 * 24 * LOOKS :]))
    # fewer than one look in fifteen
    assert len(moves) < 96
    for look in moves.tolist():
        before, after = factors[-5 * 24 * LOOKS :][look : look + 2]
        assert max(after / before, before / after) >= ROOM - 1e-3


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**7))),
    st.floats(1e-3, 1e9), st.floats(1.0, 1000.0),
)  # fmt: skip
def test_price_stays_within_its_bounds_whatever_comes(
    looks: list[tuple[int, int, int, int]], capacity: float, most: float
) -> None:
    state, hour = Scarcity(), 0
    for later, weighed, asked, other in looks:
        hour += later
        seen = Hour(hour=hour, weighed=weighed, asked=asked, other=other)
        state = state.after(seen, reviews_per_day=capacity, most=most)
        assert 1.0 <= state.factor <= most + 1e-4
        assert 1.0 <= state.wanted <= most
        assert len(state.hours) <= 24


def test_silence_for_a_day_ends_it() -> None:
    state = Scarcity()
    for _ in range(300):
        state = state.after(Hour(hour=1, weighed=100, asked=90, other=0), reviews_per_day=10, most=10)
    assert state.factor == 10.0
    assert state.after(Hour(hour=30, weighed=0, asked=0, other=5), reviews_per_day=10, most=10).factor == 1.0


def test_nonsense_is_refused() -> None:
    seen = Hour(hour=1, weighed=1, asked=1, other=0)
    for capacity, most in ((0.0, 2.0), (float("nan"), 2.0), (float("inf"), 2.0), (5.0, 0.5)):
        with pytest.raises(InvalidInput):
            Scarcity().after(seen, reviews_per_day=capacity, most=most)
    with pytest.raises(InvalidInput):
        Scarcity().after(Hour(hour=1, weighed=-1, asked=0, other=0), reviews_per_day=5, most=2)


@pytest.mark.parametrize(
    ("others", "left"),
    [
        ([], 100.0),
        ([20.0], 80.0),
        ([300.0], 50.0),
        ([20.0, 300.0], 40.0),
        ([300.0, 300.0], 100 / 3),
        ([0.0, 0.0], 100.0),
    ],
)
def test_room_is_what_max_min_fair_shares_leave(others: list[float], left: float) -> None:
    assert room(100.0, others) == pytest.approx(left)


@given(st.floats(0.1, 1e6), st.lists(st.floats(0, 1e9), max_size=20))
def test_room_is_never_less_than_an_equal_share(capacity: float, others: list[float]) -> None:
    assert capacity / (len(others) + 1) * (1 - 1e-9) <= room(capacity, others) <= capacity

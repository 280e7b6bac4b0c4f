"""Order, staffing, cost and figures: known numbers, directions, and what must always hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.clock import SECOND
from handrail.errors import InvalidInput
from handrail.operations import cost, erlang, figures
from handrail.operations.order import ORDERS, cost_of_delay, guard_begins, sort_key
from handrail.operations.simulate import Arrival, Day, Result, draw, simulate

T0 = 1_760_000_000 * SECOND
MINUTE = 60 * SECOND


def test_sort_key_puts_the_costlier_of_two_first() -> None:
    later = {"opened_at": T0, "deadline": T0 + 240 * MINUTE}
    plain = sort_key(**later, p_wrong=0.1)
    assert sort_key(**later, p_wrong=0.5) < plain
    assert sort_key(**later, p_wrong=0.1, severity=5) < plain
    assert sort_key(**later, p_wrong=0.1, reach=50) < plain
    assert sort_key(**later, p_wrong=0.1, handling=2) > plain


def test_sort_key_of_a_cheap_case_is_never_later_than_its_guard() -> None:
    deadline = T0 + 15 * MINUTE
    assert sort_key(opened_at=T0, deadline=deadline, p_wrong=0.0) == guard_begins(T0, deadline) == T0 + 12 * MINUTE


def test_sort_key_other_orders_are_what_they_say() -> None:
    assert sort_key(opened_at=T0, deadline=T0 + 9, order="fifo") == T0
    assert sort_key(opened_at=T0, deadline=T0 + 9, order="deadline") == T0 + 9
    assert sort_key(opened_at=T0, order="deadline") > T0


def test_cost_of_delay_takes_senseless_numbers_for_the_worst() -> None:
    assert cost_of_delay(math.nan) == cost_of_delay(1.0) == 1.0
    assert cost_of_delay(0.5, severity=-1, reach=math.inf) == 0.5
    assert cost_of_delay(0.0) > 0.0


@given(
    st.integers(0, 10**7),
    st.none() | st.integers(1, 10**7),
    st.floats(0, 1),
    st.tuples(st.floats(0, 1e12), st.floats(0, 1e12)),
    st.sampled_from(ORDERS),
)
def test_sort_key_fits_the_database_and_keeps_the_guard(
    opened: int, after: int | None, p: float, weight: tuple[float, float], order: Any
) -> None:
    opened_at = T0 + opened * SECOND
    deadline = None if after is None else opened_at + after * SECOND
    key = sort_key(opened_at=opened_at, deadline=deadline, p_wrong=p, severity=weight[0], reach=weight[1], order=order)
    assert 0 < key < 2**63
    if deadline is not None:
        assert key <= deadline


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 100))
def test_sort_key_never_prefers_the_safer_of_two_like_cases(one: float, two: float, reach: float) -> None:
    keys = [
        sort_key(opened_at=T0, deadline=T0 + 60 * MINUTE, p_wrong=p, reach=reach)
        for p in (max(one, two), min(one, two))
    ]
    assert keys[0] <= keys[1]


def mean(order: Any, reviewers: int, day: Day | None = None) -> dict[str, float]:
    results = [simulate(draw(day or Day(), np.random.default_rng(seed)), order, reviewers) for seed in range(4)]
    return {name: float(np.mean([getattr(r, name) for r in results])) for name in Result.__slots__}


def by_key(order: Any) -> Any:
    def key(case: Arrival) -> int:
        return sort_key(
            opened_at=case.opened_at,
            deadline=case.deadline,
            p_wrong=case.p_wrong,
            severity=case.severity,
            reach=case.reach,
            order=order,
        )

    return key


@pytest.mark.parametrize("reviewers", [11, 10])
def test_simulated_day_in_cost_order_catches_problems_sooner_and_keeps_deadlines(reviewers: int) -> None:
    fifo, edf, ours = (mean(by_key(order), reviewers) for order in ("fifo", "deadline", "cost"))
    assert ours["time_to_problem"] < 0.55 * fifo["time_to_problem"]
    assert ours["harm"] < 0.35 * fifo["harm"]
    assert ours["late"] < 0.003 < fifo["late"]
    assert ours["late_tightest"] < 0.03
    assert edf["late"] < 0.003
    assert edf["time_to_problem"] > 0.9 * fifo["time_to_problem"]


def test_simulated_day_with_half_the_risk_unknown_still_gains() -> None:
    day = Day(noise=0.5)
    fifo, ours = mean(by_key("fifo"), 11, day), mean(by_key("cost"), 11, day)
    assert ours["time_to_problem"] < 0.8 * fifo["time_to_problem"]
    assert ours["late"] < 0.003


def test_simulated_risk_only_order_misses_deadlines() -> None:
    risk = mean(lambda case: -int(case.p_wrong * 1e12), 11)
    assert risk["late_tightest"] > 0.05 > mean(by_key("cost"), 11)["late_tightest"]


def test_simulation_of_the_same_seed_is_the_same() -> None:
    days = [draw(Day(), np.random.default_rng(7)) for _ in range(2)]
    assert days[0] == days[1]
    assert simulate(days[0], by_key("cost"), 11) == simulate(days[1], by_key("cost"), 11)


def test_simulation_of_one_reviewer_is_a_queue_done_by_hand() -> None:
    def case(at: int, p: float) -> Arrival:
        return Arrival(
            opened_at=at * MINUTE,
            deadline=(at + 60) * MINUTE,
            p_wrong=p,
            problem=True,
            severity=1,
            reach=1,
            handling=10 * MINUTE,
        )

    # the second and third come while the first is being answered: the riskier third goes before the second
    made = simulate([case(0, 0.5), case(1, 0.1), case(2, 0.9)], lambda c: -int(c.p_wrong * 100), 1)
    assert made.time_to_problem == pytest.approx((10 + 29 + 18) / 3)
    assert made.late == 0.0


def test_staff_of_the_documented_case_is_the_documented_answer() -> None:
    made = erlang.staff(per_hour=200, handling_seconds=180, within_seconds=20, in_time=0.8, shrinkage=0.3)
    assert (made.seats, made.rostered) == (14, 20)
    assert made.in_time == pytest.approx(0.888, abs=0.0005)
    assert made.occupancy == pytest.approx(0.714, abs=0.0005)


@pytest.mark.parametrize(
    ("per_day", "handling", "within", "seats", "rostered"),
    [
        (500, 30, 300, 1, 2),
        (2000, 30, 300, 3, 5),
        (500, 180, 3600, 4, 6),
        (2000, 120, 900, 11, 16),
        (2000, 180, 3600, 16, 23),
    ],
)
def test_staff_of_the_planning_table_is_the_table(
    per_day: int, handling: float, within: float, seats: int, rostered: int
) -> None:
    # peak 1.3 times the mean of ten hours
    made = erlang.staff(per_hour=per_day * 1.3 / 10, handling_seconds=handling, within_seconds=within)
    assert (made.seats, made.rostered) == (seats, rostered)
    assert made.occupancy <= erlang.MOST_OCCUPIED


def test_waiting_chance_of_one_seat_is_its_load_and_of_too_few_is_certain() -> None:
    assert erlang.waiting_chance(0.6, 1) == pytest.approx(0.6)
    assert erlang.waiting_chance(3.0, 3) == 1.0
    assert erlang.share_in_time(per_hour=100, handling_seconds=60, seats=1, within_seconds=60) == 0.0


@pytest.mark.parametrize("change", [{"per_hour": -1}, {"handling_seconds": 0}, {"in_time": 1.0}, {"shrinkage": 1.0}])
def test_staff_of_impossible_terms_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        erlang.staff(**{"per_hour": 10, "handling_seconds": 60, "within_seconds": 60, **change})


@pytest.mark.parametrize(("salary", "minute"), [(300_000, 5.8), (450_000, 8.6), (600_000, 11.5)])
def test_minute_price_is_the_planning_figure(salary: float, minute: float) -> None:
    assert cost.minute_price(salary) == pytest.approx(minute, abs=0.06)
    assert cost.review_price(salary, 180) == pytest.approx(3 * minute, abs=0.2)
    assert cost.review_price(salary, 60, quality=cost.QUALITY) == pytest.approx(1.25 * cost.minute_price(salary))


@pytest.mark.parametrize(("p", "loss"), [(0.05, 943), (0.02, 2_357), (0.001, 47_143)])
def test_break_even_loss_is_the_planning_figure_and_splits_what_pays(p: float, loss: float) -> None:
    def stakes(at: float) -> cost.Stakes:
        return cost.Stakes(p_wrong=p, loss=at, catch=0.7, review=33.0)

    assert cost.break_even_loss(stakes(0)) == pytest.approx(loss, abs=0.5)
    assert cost.gate_pays(stakes(loss + 1))
    assert not cost.gate_pays(stakes(loss - 1))


def test_stakes_count_delay_and_false_rejects() -> None:
    made = cost.Stakes(
        p_wrong=0.1,
        loss=100,
        catch=0.5,
        review=1,
        delay_per_second=0.01,
        wait_seconds=60,
        p_false_reject=0.02,
        false_reject=50,
    )
    assert made.price == pytest.approx(2.6)
    assert cost.gate_pays(made)
    with pytest.raises(InvalidInput):
        cost.Stakes(p_wrong=1.2, loss=1, catch=1, review=1)


@pytest.mark.parametrize(("share", "cases"), [(0.95, 59), (0.98, 149), (0.99, 299), (0.999, 2_995)])
def test_clean_cases_needed_are_the_known_counts(share: float, cases: int) -> None:
    assert cost.clean_cases_needed(share) == cases


def test_saving_charges_misses_at_their_upper_bound() -> None:
    made = cost.saving(asks_avoided=1_000, review=30, spot_check_rate=0.05, misses_upper_bound=0.01, loss=500)
    assert (made.reviews_avoided, made.spot_checks, made.misses) == (30_000, 1_500, 5_000)
    assert made.total == 23_500


def test_review_rate_counts_both_human_tiers() -> None:
    assert figures.review_rate({"auto_approve": 80, "soft_review": 10, "hard_gate": 6, "deny": 4}) == 0.16
    assert figures.review_rate({}) is None


def test_deadline_figures_count_what_is_due() -> None:
    cases = [
        figures.Handled(opened_at=0, deadline=10, settled_at=9),
        figures.Handled(opened_at=0, deadline=10, settled_at=11),
        figures.Handled(opened_at=0, deadline=10),
        figures.Handled(opened_at=0, deadline=50),
        figures.Handled(opened_at=0),
    ]
    assert figures.deadline_attainment(cases, now=20) == pytest.approx(1 / 3)
    assert figures.overdue(cases, now=20) == 1
    assert figures.oldest_seconds(cases, now=20 * SECOND) == 20.0
    assert figures.waits_seconds(cases) == [9e-6, 11e-6]
    assert figures.deadline_attainment([], now=20) is None
    assert figures.oldest_seconds([], now=20) is None


def test_quantile_is_a_value_that_occurred() -> None:
    assert figures.quantile([3, 1, 2, 4], 0.5) == 2
    assert figures.quantile([3, 1, 2, 4], 0.99) == 4
    assert figures.quantile([], 0.5) is None


def test_rule_precision_and_pace_find_what_never_changes_anything() -> None:
    assert figures.rule_precision([("pay-3", True), ("pay-3", False), ("odd", False)]) == {
        "pay-3": (2, 0.5),
        "odd": (1, 0.0),
    }
    made = figures.paces([("ann", "approve", 1.0)] * 60 + [("bob", "approve", 9.0)] * 60 + [("cy", "reject", None)])
    assert made["ann"].rubber_stamp
    assert not made["bob"].rubber_stamp
    assert made["cy"] == figures.Pace(reviews=1, approved=0, median_dwell_seconds=None)

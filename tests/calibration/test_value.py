"""The value of asking: against brute force, in its limits, and with what is no sum at all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.calibration.confusion import Confusion, assumed, learn_confusion
from handrail.calibration.value import (
    Costs,
    acting_cost,
    ask_by_chow,
    ask_with_errors,
    asking_cost,
    asking_value,
    cheapest_tier,
    fused,
    realised_gains,
    right_or_wrong,
    slope,
    zero_one,
)
from handrail.errors import InvalidInput, NotEnoughEvidence

PERFECT = Confusion(counts=((1e9, 0.0), (0.0, 1e9)))
BLIND = Confusion(counts=((1e9, 1e9), (1e9, 1e9)))


@given(st.integers(2, 4), st.integers(2, 4), st.integers(0, 10_000))
def test_value_equals_the_sum_written_out(truths: int, acts: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(truths), 3)
    costs = Costs(matrix=tuple(map(tuple, rng.random((acts, truths)).tolist())), review=0.1)
    table = Confusion(
        classes=tuple("abcd"[:truths]), counts=tuple(map(tuple, rng.integers(0, 50, (truths, truths)).tolist()))
    )
    m = table.matrix
    for row, found in zip(p, asking_value(p, costs, table), strict=True):
        act = min(sum(row[y] * costs.matrix[a][y] for y in range(truths)) for a in range(acts))
        ask = sum(
            min(sum(row[y] * m[y, h] * costs.matrix[a][y] for y in range(truths)) for a in range(acts))
            for h in range(truths)
        )
        assert found == pytest.approx(max(act - ask, 0.0), abs=1e-12)


@given(st.integers(2, 5), st.integers(0, 1000))
def test_value_of_right_and_wrong_is_what_answers_gain(classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(classes), 4)
    table = assumed([str(i) for i in range(classes)])
    short = (p[:, :, None] * table.matrix[None]).max(axis=1).sum(axis=1) - p.max(axis=1)
    assert asking_value(p, zero_one(classes, review=0.0), table) == pytest.approx(np.maximum(short, 0.0), abs=1e-12)


def test_value_of_a_perfect_reviewer_is_the_whole_cost_and_asks_as_chow_does() -> None:
    c = np.linspace(0.0, 1.0, 101)
    costs = right_or_wrong(wrong=1.0, review=0.03)
    assert asking_value(c, costs, PERFECT, act=0) == pytest.approx(1.0 - c, abs=1e-6)
    sure = np.abs(1.0 - c - 0.03) > 1e-6
    asked = cheapest_tier(asking_value(c, costs, PERFECT, act=0), costs) > 0
    assert (asked == ask_by_chow(c, 0.03))[sure].all()


def test_value_of_somebody_who_guesses_is_nothing() -> None:
    assert asking_value(np.linspace(0, 1, 50), right_or_wrong(wrong=1.0, refused=1.0, review=0.0), BLIND) == (
        pytest.approx(0.0, abs=1e-12)
    )


def test_value_is_nothing_where_no_answer_changes_the_act() -> None:
    costs = zero_one(2, review=0.0)
    assert asking_value([0.999], costs, assumed())[0] == 0.0
    assert asking_value([0.6], costs, assumed())[0] > 0.1


def test_fused_cost_is_what_people_and_model_reach_together() -> None:
    rng = np.random.default_rng(0)
    table = Confusion(classes=("a", "b", "c"), counts=((80.0, 15.0, 5.0), (10.0, 85.0, 5.0), (20.0, 0.0, 80.0)))
    p = rng.dirichlet(np.ones(3) * 0.7, 40_000)
    truth = (rng.random(len(p))[:, None] > p.cumsum(axis=1)).sum(axis=1)
    said = (rng.random(len(p))[:, None] > table.matrix[truth].cumsum(axis=1)).sum(axis=1)
    costs = zero_one(3, review=0.0)
    reached = (fused(p, table, said).argmax(axis=1) != truth).mean()
    assert reached == pytest.approx(asking_cost(p, costs, table).mean(), abs=0.008)
    assert acting_cost(p, costs).mean() > reached


def test_tier_is_the_cheapest_of_three() -> None:
    costs = right_or_wrong(wrong=1.0, review=0.1, delay=0.2, undo=0.5)
    for value in np.linspace(0.0, 2.0, 81):
        gains = [0.0, 0.5 * value - 0.1, value - 0.3]
        found = int(cheapest_tier([value], costs)[0])
        assert gains[found] == pytest.approx(max(gains))
    irreversible = right_or_wrong(wrong=1.0, review=0.1, delay=0.2)
    assert set(cheapest_tier(np.linspace(0, 2, 50), irreversible).tolist()) == {0, 2}


def test_final_answer_of_a_careless_reviewer_is_asked_for_less() -> None:
    p = np.stack([np.linspace(0.5, 1, 60), np.linspace(0.5, 0, 60)], axis=1)
    costs = zero_one(2, review=0.02)
    careless = Confusion(counts=((700.0, 300.0), (300.0, 700.0)))
    assert ask_with_errors(p, costs, careless).sum() < ask_with_errors(p, costs, PERFECT).sum()


def test_slope_lowers_the_value_where_people_err_with_the_model() -> None:
    rng = np.random.default_rng(1)
    n = 4000
    hard = rng.random(n) < 0.3
    c = np.where(hard, 0.6, 0.95)
    wrong = rng.random(n) > c
    # on the hard cases people guess; elsewhere they are nearly always right
    said_wrong = np.where(rng.random(n) < np.where(hard, 0.5, 0.01), ~wrong, wrong)
    costs = zero_one(2, review=0.02)
    table = learn_confusion(wrong.astype(int), said_wrong.astype(int))
    found = slope(realised_gains(c, wrong.astype(int), said_wrong.astype(int), costs, table),
                  asking_value(c, costs, table))  # fmt: skip
    assert 0.0 <= found < 0.8
    honest = np.where(rng.random(n) < 0.1, ~wrong, wrong)
    table = learn_confusion(wrong.astype(int), honest.astype(int))
    found = slope(realised_gains(c, wrong.astype(int), honest.astype(int), costs, table), asking_value(c, costs, table))
    assert found == pytest.approx(1.0, abs=0.15)


def test_slope_of_few_cases_says_how_many_are_missing() -> None:
    with pytest.raises(NotEnoughEvidence, match="29 of 30"):
        slope(np.zeros(29), np.zeros(29))


def test_table_without_a_case_is_the_prior_and_survives_json() -> None:
    assert assumed().matrix == pytest.approx(np.array([[0.9, 0.1], [0.1, 0.9]]))
    made = learn_confusion([0, 0, 1, 2], [0, 1, 1, 2], ("a", "b", "c"))
    assert Confusion.from_json(made.to_json()) == made
    assert made.matrix.sum(axis=1) == pytest.approx(1.0)
    assert made.matrix[0] == pytest.approx([(9 + 1) / 12, (0.5 + 1) / 12, 0.5 / 12])
    assert (made.n, len(made.digest)) == (4, 64)


@pytest.mark.parametrize(
    "matrix", [((0.0, 0.0), (0.0, 0.0)), ((0.0, -1.0), (1.0, 0.0)), ((0.0, np.inf), (1.0, 0.0)),
               ((0.0, np.nan), (1.0, 0.0)), ((0.0, 1.0),), ((0.0,), (1.0,))],
)  # fmt: skip
def test_costs_that_weigh_nothing_are_refused(matrix: tuple[tuple[float, ...], ...]) -> None:
    with pytest.raises(InvalidInput):
        Costs(matrix=matrix, review=0.1)


@pytest.mark.parametrize("more", [{"review": -1.0}, {"review": np.inf}, {"delay": np.nan}, {"undo": 1.5}])
def test_prices_that_are_none_are_refused(more: dict[str, float]) -> None:
    with pytest.raises(InvalidInput):
        right_or_wrong(wrong=1.0, **({"review": 0.1} | more))


@pytest.mark.parametrize(
    "p", [[1.5], [np.nan], [[0.5, 0.6]], [[0.2, 0.3, 0.5]], [[-0.1, 1.1]], [[np.nan, 1.0]], "text"]
)
def test_chances_that_are_none_are_refused(p: object) -> None:
    with pytest.raises((InvalidInput, ValueError)):
        asking_value(p, zero_one(2, review=0.1), assumed())


def test_answers_and_classes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInput):
        asking_value([[0.2, 0.3, 0.5]], zero_one(3, review=0.1), assumed())
    for truth, said in itertools.product(([0, 5], [0.5, 1], [-1, 0]), ([0, 1],)):
        with pytest.raises(InvalidInput):
            learn_confusion(truth, said)
    with pytest.raises(InvalidInput):
        learn_confusion([0], [0, 1])
    for data in ({}, {"v": 2, "kind": "reviewer"}, {"v": 1, "kind": "reviewer", "classes": ["a", "b"], "counts": [[1]]},
                 {"v": 1, "kind": "reviewer", "classes": ["a", "b"], "counts": [[1, -1], [0, 0]]}, None):  # fmt: skip
        with pytest.raises(InvalidInput):
            Confusion.from_json(data)

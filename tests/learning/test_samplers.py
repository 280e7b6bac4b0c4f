"""Samplers, the cut of the pool, stopping and the learning curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import cohen_kappa_score

from handrail.errors import InvalidInput
from handrail.learning.activeml import of_strategy
from handrail.learning.curve import Measured, Point, at_random_with, measured
from handrail.learning.queries import first_batch, partition
from handrail.learning.samplers import SAMPLERS, View, by_core_set, by_margin, by_spread_margin, levelled, sampler
from handrail.learning.stopping import StopRule, gain_per_label, kappa


def view_of(rng: np.random.Generator, n: int, open_: int) -> View:
    order = rng.permutation(n)
    return View(
        candidates=np.sort(order[:open_]), chances=rng.dirichlet([1, 1, 1], n), features=rng.random((n, 3)),
        labelled=order[open_:], answers=rng.integers(0, 3, n - open_),
    )  # fmt: skip


@given(
    name=st.sampled_from(sorted(SAMPLERS)), n=st.integers(1, 60), size=st.integers(1, 70), seed=st.integers(0, 99),
    open_share=st.floats(0.1, 1.0),
)  # fmt: skip
@settings(deadline=None)
def test_sample_picks_distinct_candidates_and_as_many_as_there_are(
    name: str, n: int, size: int, seed: int, open_share: float
) -> None:
    rng = np.random.default_rng(seed)
    view = view_of(rng, n, max(1, round(n * open_share)))
    picked = sampler(name)(view, size, rng).tolist()
    assert len(picked) == len(set(picked)) == min(size, len(view.candidates))
    assert set(picked) <= set(view.candidates.tolist())


@pytest.mark.parametrize("name", ["margin", "entropy"])
def test_sample_by_doubt_takes_the_most_doubtful_candidates_only(name: str) -> None:
    p = np.linspace(0.5, 1.0, 100)
    view = View(candidates=np.arange(10, 100), chances=np.column_stack([p, 1 - p]))
    assert sorted(sampler(name)(view, 5, np.random.default_rng(0)).tolist()) == [10, 11, 12, 13, 14]


def test_sample_of_constant_scores_is_uniform() -> None:
    view = View(candidates=np.arange(50), chances=np.full((50, 2), 0.5))
    rng = np.random.default_rng(0)
    counted = np.bincount(np.concatenate([by_margin(view, 5, rng) for _ in range(2_000)]), minlength=50)
    # 200 expected each; four standard deviations
    assert np.abs(counted - 200).max() < 4 * np.sqrt(200 * 0.9)


def test_sample_spread_asks_of_each_doubtful_cluster_where_margin_asks_of_one() -> None:
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(at, 0.01, (15, 2)) for at in ((0, 0), (5, 0), (0, 5), (5, 5))])
    x = np.concatenate([x, rng.normal((9, 9), 0.01, (340, 2))])
    # the first cluster is a little more doubtful than the three after it; the rest is sure
    top = np.concatenate([np.repeat([0.5, 0.501, 0.502, 0.503], 15), np.full(340, 0.99)])
    view = View(candidates=np.arange(400), chances=np.column_stack([top, 1 - top]), features=x)
    assert {i // 15 for i in by_margin(view, 12, rng).tolist()} == {0}
    assert {i // 15 for i in by_spread_margin(view, 12, rng).tolist()} == {0, 1, 2, 3}


def test_sample_spread_looks_for_the_rare_class_where_margin_asks_of_the_frequent_one() -> None:
    # nine of ten labels are of the first class, and the model says so of what it knows
    labelled = np.arange(300, 400)
    rare = np.concatenate([np.linspace(0.005, 0.3, 300), np.full(100, 0.1)])
    view = View(candidates=np.arange(300), chances=np.column_stack([1 - rare, rare]), labelled=labelled)
    rng = np.random.default_rng(0)
    assert rare[by_margin(view, 5, rng)].min() > 0.29
    # it hesitates where the rare class is as likely as it is among the labels
    assert np.abs(rare[by_spread_margin(view, 5, rng)] - 0.1).max() < 0.02


def test_level_chances_of_labels_in_equal_shares_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1.0, 1.0, 1.0], 30)
    p[:3] = np.eye(3)
    even = View(candidates=np.arange(3, 30), chances=p, labelled=np.arange(3))
    np.testing.assert_allclose(levelled(even), p)
    np.testing.assert_allclose(levelled(View(candidates=np.arange(30), chances=p)), p)


def test_level_chances_of_a_class_that_nobody_saw_leaves_it_out() -> None:
    p = np.array([[0.9, 0.1, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0]])
    made = levelled(View(candidates=np.array([1, 2]), chances=p, labelled=np.array([0])))
    assert np.isfinite(made).all()
    assert (made[:, 2] == 0.0).all()
    assert made[1, 1] > 0.5


def test_sample_core_set_takes_the_farthest_first() -> None:
    x = np.array([[0.0], [1.0], [10.0], [5.4]])
    view = View(candidates=np.array([1, 2, 3]), features=x, labelled=np.array([0]), answers=np.array([0]))
    assert by_core_set(view, 2, np.random.default_rng(0)).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("name", "view", "words"),
    [
        ("margin", View(candidates=np.arange(3)), "needs the model's chances"),
        ("core_set", View(candidates=np.arange(3)), "needs features"),
        ("entropy", View(candidates=np.arange(2), chances=np.array([[0.5, np.nan], [0.5, 0.5]])), "must be finite"),
        ("margin", View(candidates=np.arange(2), chances=np.ones((2, 1))), "two classes or more"),
        ("core_set", View(candidates=np.arange(2), features=np.array([[np.inf], [0.0]])), "must be finite"),
    ],
)
def test_sample_from_unsound_arrays_is_refused_in_words(name: str, view: View, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        sampler(name)(view, 1, np.random.default_rng(0))


def test_sampler_of_an_unknown_name_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no sampler"):
        sampler("badge")


def test_first_batch_covers_the_clusters_and_fills_up_at_random() -> None:
    rng = np.random.default_rng(2)
    x = np.concatenate(
        [rng.normal(at, 0.01, (200, 2)) for at in ((0, 0), (9, 9))] + [rng.normal((20, 20), 0.01, (6, 2))]
    )
    picked = first_batch(View(candidates=np.arange(406), features=x), 20, 2, rng).tolist()
    assert len(picked) == len(set(picked)) == 20
    # six rows in four hundred: chance alone would miss them three times in four
    assert any(i >= 400 for i in picked)
    assert len(first_batch(View(candidates=np.arange(5)), 20, 2, rng)) == 5


@given(pool=st.integers(1, 300), reserve=st.floats(0, 0.9), seed=st.integers(0, 99))
def test_partition_puts_every_case_on_one_side(pool: int, reserve: float, seed: int) -> None:
    cut = partition(pool, np.random.default_rng(seed), reserve=reserve)
    assert sorted([*cut.active.tolist(), *cut.reserve.tolist()]) == list(range(pool))
    assert cut.chance == len(cut.reserve) / pool


def test_partition_beginnings_of_the_reserve_are_uniform_samples_of_the_pool() -> None:
    rng = np.random.default_rng(3)
    counted = np.zeros(40)
    for _ in range(4_000):
        counted[partition(40, rng, reserve=0.25).reserve[:4]] += 1
    # each case with chance 1/10; four standard deviations
    assert np.abs(counted - 400).max() < 4 * np.sqrt(4_000 * 0.09)


def test_reserve_estimates_the_error_honestly_where_picked_labels_do_not() -> None:
    """200 pools of 1,000: the interval of the reserve of 150 covers the pool's true share right in about 95 %."""
    rng = np.random.default_rng(4)
    covered, picked_share, truth_share = 0, [], []
    for _ in range(200):
        confidence = rng.beta(6, 1, 1_000)
        right = rng.random(1_000) < confidence
        cut = partition(1_000, rng)
        view = View(candidates=cut.active, chances=np.column_stack([confidence, 1 - confidence]))
        low, high = Measured(right=int(right[cut.reserve].sum()), n=len(cut.reserve)).interval
        covered += low <= right.mean() <= high
        picked_share.append(right[by_margin(view, 100, rng)].mean())
        truth_share.append(right.mean())
    # 95 % and three standard errors
    assert covered >= 200 * (0.95 - 3 * np.sqrt(0.95 * 0.05 / 200))
    assert np.mean(picked_share) < np.mean(truth_share) - 0.2


def test_adapter_runs_a_strategy_of_the_same_shape_as_scikit_activemls() -> None:
    class Nearest:
        def query(self, X: Any, y: Any, clf: Any, candidates: Any = None, batch_size: int = 1) -> Any:  # noqa: N803
            assert clf == "model"
            assert np.isnan(y[candidates]).all()
            assert y[9] == 1.0
            return candidates[:batch_size]

    view = View(candidates=np.arange(9), features=np.zeros((10, 2)), labelled=np.array([9]), answers=np.array([1]))
    assert of_strategy(Nearest(), clf="model")(view, 20, np.random.default_rng(0)).tolist() == list(range(9))


def test_adapter_refuses_what_is_no_strategy_and_what_picks_beyond_its_candidates() -> None:
    class Wild:
        def query(self, X: Any, y: Any, candidates: Any = None, batch_size: int = 1) -> Any:  # noqa: N803
            return np.zeros(batch_size)

    with pytest.raises(InvalidInput, match="no pool-based strategy"):
        of_strategy(object())
    with pytest.raises(InvalidInput, match="not offered"):
        of_strategy(Wild())(View(candidates=np.arange(3, 9), features=np.zeros((9, 1))), 2, np.random.default_rng(0))


@given(seed=st.integers(0, 200), classes=st.integers(2, 5))
@settings(deadline=None)
def test_kappa_equals_scikit_learns(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, classes, 40), rng.integers(0, classes, 40)
    assert kappa(a, b) == pytest.approx(cohen_kappa_score(a, b))


def test_kappa_of_a_model_that_knows_one_class_is_no_agreement() -> None:
    assert kappa(["ham"] * 50, ["ham"] * 50) == 0.0
    assert kappa(["a", "b"], ["a", "b"]) == 1.0
    with pytest.raises(InvalidInput):
        kappa([1, 2], [1])


def test_stop_by_agreement_comes_when_labels_stop_teaching() -> None:
    """A logistic model on two clouds: at the stop it is as good as on all labels, with a small part of them."""
    stopped = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 2, 3_000)
        x = rng.normal(0, 1, (3_000, 4)) + 1.2 * y[:, None] * np.array([1, 1, 0, 0])
        rule, kappas, labels, known, before = StopRule(), [], [], 40, None
        while True:
            said = LogisticRegression().fit(x[:known], y[:known]).predict(x[2_000:])
            labels.append(known)
            kappas += [] if before is None else [kappa(before, said)]
            before = said
            if rule.reason(kappas, labels, [None] * len(labels)) is not None or known >= 2_000:
                break
            known += 40
        full = LogisticRegression().fit(x[:2_000], y[:2_000]).predict(x[2_000:])
        stopped.append((known, (said == y[2_000:]).mean() - (full == y[2_000:]).mean()))
    assert np.median([known for known, _ in stopped]) < 1_000
    assert np.mean([loss for _, loss in stopped]) > -0.01
    assert min(loss for _, loss in stopped) > -0.03


def test_stop_by_price_needs_a_value_and_enough_rounds() -> None:
    labels, errors = [100, 200, 300, 400], [0.2, 0.15, 0.12, 0.11]
    assert gain_per_label(labels, errors) == pytest.approx(0.09 / 300)
    assert gain_per_label(labels[:3], errors[:3]) is None
    never = StopRule(agreement=None)
    assert never.reason([1.0] * 9, labels, errors) is None
    # 0.0003 a label on 10,000 cases saves 3
    assert StopRule(agreement=None, price=2.0, value=10_000).reason([], labels, errors) is None
    assert "costs 4" in (StopRule(agreement=None, price=4.0, value=10_000).reason([], labels, errors) or "")
    assert StopRule(agreement=None, price=4.0, value=10_000).reason([], labels, [None, 0.1, 0.1, None]) is None


@pytest.mark.parametrize("terms", [{"agreement": 1.2}, {"over": 0}, {"price": -1.0}, {"value": float("inf")}])
def test_stop_rule_of_senseless_terms_is_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        StopRule(**terms)


def test_curve_compares_with_random_only_where_random_was_tried() -> None:
    right = Measured(right=80, n=100)
    points = [
        Point(labels=100, reserve=right, at_random_labels=50, at_random=Measured(right=60, n=100)),
        Point(labels=200, reserve=right, at_random_labels=100, at_random=Measured(right=70, n=100)),
        Point(labels=300, reserve=right),
    ]
    assert [at_random_with(points, n) for n in (49, 75, 100, 101)] == [None, pytest.approx(0.65), 0.7, None]
    assert at_random_with([], 10) is None
    assert measured(np.array([1, 2]), np.array([1, 3])) == Measured(right=1, n=2)
    assert Measured(right=0, n=0).share is None
    low, high = right.interval
    assert (low, high) == (pytest.approx(0.7112, abs=1e-4), pytest.approx(0.8666, abs=1e-4))

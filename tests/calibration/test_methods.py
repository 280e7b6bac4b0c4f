"""Each method finds the truth in simulated scores, keeps their order, and survives a trip through JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logit, softmax

from handrail.calibration.calibrator import Calibrator
from handrail.calibration.fit import NEEDS, fit
from handrail.calibration.methods import METHODS, NEED_VECTORS, Method
from handrail.calibration.metrics import log_loss
from handrail.errors import InvalidInput, NotEnoughEvidence

AT = 1_760_000_000_000_000
CLASSES = ("bird", "cat", "dog", "ship")


def drawn(chances: Any, rng: np.random.Generator) -> Any:
    """One class a row, by its chances."""
    return (chances.cumsum(axis=1) > rng.random((len(chances), 1))).argmax(axis=1)


def skewed(n: int, seed: int = 0) -> tuple[Any, Any, Any]:
    """Vectors whose classes are each off in their own way; true classes; the chances they were drawn by."""
    rng = np.random.default_rng(seed)
    p = softmax(rng.normal(0, 2, (n, 4)), axis=1)
    honest = softmax(np.log(p) * [0.5, 0.8, 0.6, 0.7] + [0.8, -0.4, -0.6, 0.2], axis=1)
    return p, drawn(honest, rng), honest


def test_fit_vector_finds_the_chances_of_every_class() -> None:
    p, truth, honest = skewed(20_000)
    made = fit("vector", p, truth=truth, fitted_at=AT)
    assert np.abs(made.chances_many(p) - honest).mean() < 0.01
    # the odds of two classes depend on their own weights and on the difference of their shifts alone
    assert np.array(made.fitted.x) == pytest.approx([0.5, 0.8, 0.6, 0.7], abs=0.05)
    assert np.array(made.fitted.y) - made.fitted.y[0] == pytest.approx([0.0, -1.2, -1.4, -0.6], abs=0.1)


def test_fit_vector_equals_a_general_minimiser() -> None:
    p, truth, _ = skewed(300)
    made = fit("vector", p, truth=truth, fitted_at=AT)
    x = np.log(p)

    def loss(theta: Any) -> float:
        w, b = theta[:4], theta[4:]
        own = -log_softmax(x * w + b, axis=1)[np.arange(300), truth].sum()
        return float(own + ((w - w.mean()) ** 2).sum() + (b**2).sum())

    peer = minimize(loss, np.r_[np.ones(4), np.zeros(4)], method="BFGS", options={"gtol": 1e-6})
    assert np.r_[made.fitted.x, made.fitted.y] == pytest.approx(peer.x, abs=2e-3)


def test_fit_vector_repairs_what_the_top_class_alone_cannot() -> None:
    p, truth, _ = skewed(4_000)
    fresh, fresh_truth, _ = skewed(4_000, seed=1)
    made = fit("auto", p, truth=truth, fitted_at=AT)
    assert made.method == "vector"
    right = fresh.argmax(axis=1) == fresh_truth
    by_top = fit("platt", p, truth=truth, fitted_at=AT)
    assert log_loss(made.apply_many(fresh), right) < log_loss(by_top.apply_many(fresh), right) - 0.02
    assert (made.chances_many(fresh).argmax(axis=1) == fresh_truth).mean() > right.mean() + 0.03


def test_fit_vector_with_some_true_classes_unknown_comes_close() -> None:
    p, truth, honest = skewed(20_000)
    right = p.argmax(axis=1) == truth
    rng = np.random.default_rng(3)
    said = [None if not ok and rng.random() < 0.4 else int(t) for t, ok in zip(truth, right, strict=True)]
    made = fit("vector", p, right, truth=said, fitted_at=AT)
    assert np.abs(made.chances_many(p) - honest).mean() < 0.012


def test_fit_with_right_or_wrong_alone_leaves_vector_scaling_out_and_says_why() -> None:
    p, truth, _ = skewed(1_500)
    right = p.argmax(axis=1) == truth
    made = fit("auto", p, right, fitted_at=AT)
    assert made.method != "vector"
    assert "only right or wrong is known" in made.metrics["left_out"]["vector"]
    with pytest.raises(NotEnoughEvidence, match="needs the true class"):
        fit("vector", p, right, fitted_at=AT)


def test_fit_two_classes_right_or_wrong_says_the_class() -> None:
    p, truth, _ = skewed(1_000)
    two = p[:, :2] / p[:, :2].sum(axis=1, keepdims=True)
    said = np.minimum(truth, 1)
    by_right = fit("vector", two, two.argmax(axis=1) == said, fitted_at=AT)
    assert by_right.fitted == fit("vector", two, truth=said, fitted_at=AT).fitted


def test_fit_temperature_with_true_classes_finds_the_sharpening_of_all_classes() -> None:
    rng = np.random.default_rng(5)
    z = rng.normal(0, 1.5, (3_000, 5))
    truth = drawn(softmax(z, axis=1), rng)
    made = fit("temperature", softmax(2.5 * z, axis=1), truth=truth, fitted_at=AT)
    assert math.exp(made.fitted.numbers[0]) == pytest.approx(2.5, rel=0.06)
    peer = minimize(
        lambda t: -log_softmax(2.5 * z * np.exp(-t[0]), axis=1)[np.arange(3_000), truth].sum(), [0.5], method="BFGS"
    )
    # scores below 1e-6 count as 1e-6
    assert made.fitted.numbers[0] == pytest.approx(float(peer.x[0]), abs=5e-3)


def test_fit_mix_weighs_one_case_in_all() -> None:
    p, truth, _ = skewed(400)
    made = fit("temperature_mix", p, truth=truth, fitted_at=AT)
    plain = fit("temperature", p, truth=truth, fitted_at=AT)
    assert made.fitted.numbers[1] == 1 / 401
    assert made.chances_many(p) == pytest.approx((400 * plain.chances_many(p) + 1 / 4) / 401, abs=1e-12)


def test_fit_beta_finds_its_three_numbers_and_leaves_what_is_calibrated_as_it_is() -> None:
    rng = np.random.default_rng(6)
    s = rng.uniform(0.02, 0.98, 40_000)
    chance = expit(1.7 * np.log(s) - 0.6 * np.log1p(-s) + 0.3)
    made = fit("beta", s, rng.random(40_000) < chance, fitted_at=AT)
    assert made.fitted.numbers == pytest.approx((1.7, 0.6, 0.3), abs=0.12)
    as_it_is = fit("beta", s, rng.random(40_000) < s, fitted_at=AT)
    assert as_it_is.apply_many(s) == pytest.approx(s, abs=0.02)


def test_fit_beta_never_slopes_down() -> None:
    rng = np.random.default_rng(7)
    s = rng.uniform(0.02, 0.98, 5_000)
    made = fit("beta", s, rng.random(5_000) < expit(-1.5 * np.log(s) - 2 * np.log1p(-s)), fitted_at=AT)
    assert min(made.fitted.numbers[:2]) == 0.0
    ranked = made.apply_many(np.sort(s))
    assert (np.diff(ranked) >= 0).all()


def fitted(method: Method, *, vector: bool) -> tuple[Calibrator, Any]:
    p, truth, _ = skewed(1_200)
    if vector:
        named = [dict(zip(CLASSES, row, strict=True)) for row in p.tolist()]
        return fit(method, named, truth=[CLASSES[t] for t in truth], fitted_at=AT, model="v1"), named
    return fit(method, p.max(axis=1), p.argmax(axis=1) == truth, fitted_at=AT, period=(AT - 9, AT - 1)), p.max(axis=1)


MADE = {
    (method, vector): fitted(method, vector=vector)
    for method in METHODS
    for vector in (False, True)
    if vector or method not in NEED_VECTORS
}


@pytest.mark.parametrize("key", MADE)
def test_apply_one_equals_apply_many_for_every_method(key: tuple[Method, bool]) -> None:
    made, scores = MADE[key]
    many = made.apply_many(scores[:100])
    assert [made.apply(score) for score in scores[:100]] == pytest.approx(many.tolist(), abs=1e-12)
    if key[1]:
        rows = made.chances_many(scores[:100])
        assert rows.sum(axis=1) == pytest.approx(1.0, abs=1e-6)
        assert np.array([list(made.chances(score).values()) for score in scores[:5]]) == pytest.approx(rows[:5])
        assert made.apply(scores[0], "dog") == pytest.approx(rows[0, 2])
        assert made.apply(scores[0], 2) == made.apply(scores[0], "dog")


@pytest.mark.parametrize("key", MADE)
def test_read_what_was_written_applies_alike(key: tuple[Method, bool]) -> None:
    made, scores = MADE[key]
    text = json.dumps(made.to_json())
    again = Calibrator.from_json(json.loads(text))
    assert again == made
    assert again.digest == made.digest
    assert again.apply_many(scores[:50]).tolist() == made.apply_many(scores[:50]).tolist()
    data = json.loads(text)
    assert data["classes"] == (list(CLASSES) if key[1] else 0)
    assert (data["from"] is None) == key[1]
    assert data["model"] == ("v1" if key[1] else None)


@pytest.mark.parametrize("key", [key for key in MADE if not key[1]])
@given(one=st.floats(0, 1), two=st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_apply_keeps_the_order_of_scalar_scores(key: tuple[Method, bool], one: float, two: float) -> None:
    made, _ = MADE[key]
    assert 0.0 < made.apply(min(one, two)) <= made.apply(max(one, two)) < 1.0


@given(st.lists(st.floats(0.01, 1), min_size=4, max_size=4), st.floats(0.01, 0.5))
@settings(max_examples=200, deadline=None)
def test_vector_scaling_trusts_no_class_less_for_a_higher_score(weights: list[float], more: float) -> None:
    made, _ = MADE["vector", True]
    for at in range(4):
        raised = [w + more * (k == at) for k, w in enumerate(weights)]
        before, after = ([v / sum(row) for v in row] for row in (weights, raised))
        low = made.chances(dict(zip(CLASSES, before, strict=True)))[CLASSES[at]]
        assert made.chances(dict(zip(CLASSES, after, strict=True)))[CLASSES[at]] >= low - 1e-6


def test_classes_in_any_order_give_the_same_confidence() -> None:
    made, scores = MADE["vector", True]
    turned = dict(reversed(list(scores[0].items())))
    assert made.apply(turned) == made.apply(scores[0])
    assert made.apply(list(scores[0].values())) == made.apply(scores[0])
    with pytest.raises(InvalidInput, match="where the classes are"):
        made.apply({"bird": 0.5, "whale": 0.5, "dog": 0.0, "ship": 0.0})
    with pytest.raises(InvalidInput, match="no class 'whale'"):
        made.apply(scores[0], "whale")


def test_fit_another_answer_than_the_top_one_was_judged_counts_for_that_answer() -> None:
    p, truth, _ = skewed(2_000)
    rng = np.random.default_rng(8)
    proposed = np.where(rng.random(2_000) < 0.2, rng.integers(0, 4, 2_000), p.argmax(axis=1))
    named = [dict(zip(CLASSES, row, strict=True)) for row in p.tolist()]
    made = fit(
        "vector", named, proposed == truth, truth=[CLASSES[t] for t in truth], fitted_at=AT,
        answers=[CLASSES[a] for a in proposed],
    )  # fmt: skip
    assert made.n == 2_000
    assert made.fitted == fit("vector", p, truth=truth, fitted_at=AT).fitted
    blind = fit("temperature", named, proposed == truth, fitted_at=AT, answers=[CLASSES[a] for a in proposed])
    # a wrong answer that was not the top one says nothing about the top one
    assert blind.n == 2_000 - int(((proposed != truth) & (proposed != p.argmax(axis=1))).sum())


@pytest.mark.parametrize("method", METHODS)
def test_fit_below_what_a_method_needs_is_refused_with_the_count(method: Method) -> None:
    p, truth, _ = skewed(NEEDS[method] - 1)
    with pytest.raises(NotEnoughEvidence, match=f"{NEEDS[method] - 1} of {NEEDS[method]} labels"):
        fit(method, p, truth=truth, fitted_at=AT)


@pytest.mark.parametrize("n", [0, 10])
def test_fit_ten_labels_or_none_are_not_enough(n: int) -> None:
    with pytest.raises(NotEnoughEvidence, match=f"{n} of 30 labels"):
        fit("auto", [0.5 + k / 100 for k in range(n)], [k % 2 == 0 for k in range(n)], fitted_at=AT)


@pytest.mark.parametrize("weight", [0.0, math.inf, math.nan, -1.0])
def test_fit_with_an_impossible_weight_is_refused(weight: float) -> None:
    s = np.linspace(0.1, 0.9, 50)
    with pytest.raises(InvalidInput, match="weights must be positive and finite"):
        fit("auto", s, [k % 2 == 0 for k in range(50)], fitted_at=AT, weights=[1.0] * 49 + [weight])


@pytest.mark.parametrize(
    ("truth", "why"),
    [
        (["bird"] * 299 + ["whale"], "is not among the classes"), ([0] * 299 + [4], "no place from 0 to 3"),
        ([0] * 299, "299 true classes"), ([0] * 299 + [None], "neither its true class"),
        ([0] * 299 + [True], "no place"),
    ],
)  # fmt: skip
def test_fit_bad_true_classes_are_refused(truth: Any, why: str) -> None:
    p, _, _ = skewed(300)
    with pytest.raises(InvalidInput, match=why):
        fit("auto", p, truth=truth, names=CLASSES, fitted_at=AT)


def test_fit_scalars_cannot_be_given_classes_nor_vector_methods() -> None:
    with pytest.raises(InvalidInput, match="no classes"):
        fit("auto", [0.5] * 50, truth=[0] * 50, fitted_at=AT)
    s = np.linspace(0.1, 0.9, 300)
    with pytest.raises(NotEnoughEvidence, match="a score for every class"):
        fit("vector", s, np.arange(300) % 2 == 0, fitted_at=AT)
    with pytest.raises(InvalidInput, match="say of each case"):
        fit("auto", s, fitted_at=AT)


def test_fit_tied_scores_share_one_confidence() -> None:
    rng = np.random.default_rng(9)
    s = rng.choice([0.2, 0.5, 0.9], 2_000)
    for method in ("temperature", "platt", "beta", "isotonic"):
        made = fit(method, s, rng.random(2_000) < s, fitted_at=AT)
        assert len(np.unique(made.apply_many(s))) == 3
        assert made.apply(0.9) == pytest.approx(0.9, abs=0.05)


def test_fit_few_labels_stay_with_temperature_unless_another_is_clearly_better() -> None:
    rng = np.random.default_rng(10)
    picked = []
    for _ in range(20):
        x = rng.normal(1.0, 1.2, 150)
        picked.append(fit("auto", expit(2 * x), rng.random(150) < expit(x), fitted_at=AT).method)
    assert picked.count("temperature") >= 14
    x = rng.normal(1.0, 1.2, 400)
    assert fit("auto", expit(1.5 * x + 2.5), rng.random(400) < expit(x), fitted_at=AT).method in ("platt", "beta")


def test_confidences_of_a_fit_mean_what_they_say_over_many_seeds() -> None:
    gaps = []
    for seed in range(40):
        p, truth, _ = skewed(300, seed)
        fresh, fresh_truth, _ = skewed(3_000, 1_000 + seed)
        made = fit("auto", p, truth=truth, fitted_at=AT)
        gaps.append(made.apply_many(fresh).mean() - (fresh.argmax(axis=1) == fresh_truth).mean())
    # neither over- nor underconfident on average, and seldom far off with 300 labels
    assert abs(np.mean(gaps)) < 0.01
    assert np.quantile(np.abs(gaps), 0.9) < 0.05


def test_raw_confidence_is_that_of_the_score_itself() -> None:
    made, scores = MADE["vector", True]
    assert made.raw_confidence(scores[0]) == pytest.approx(max(scores[0].values()), abs=1e-4)
    scalar, numbers = MADE["platt", False]
    assert scalar.raw_confidence(float(numbers[0])) == pytest.approx(numbers[0])
    assert logit(scalar.raw_confidence(0.25)) == pytest.approx(logit(0.25))

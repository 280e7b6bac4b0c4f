"""Calibrators against scikit-learn, on bad input, and as plain JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit, softmax
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from handrail.calibration.calibrator import Calibrator
from handrail.calibration.fit import fit
from handrail.calibration.isotonic import pool
from handrail.calibration.methods import RANK
from handrail.calibration.metrics import log_loss
from handrail.errors import InvalidInput, NotEnoughEvidence

AT = 1_760_000_000_000_000
METHODS = ("temperature", "platt", "isotonic")


def overconfident(n: int, seed: int = 0, slope: float = 2.0, shift: float = 0.5) -> tuple[Any, Any]:
    """Scores whose logits are `slope` times too large, and what was right."""
    rng = np.random.default_rng(seed)
    true = rng.normal(1.0, 1.2, n)
    return expit(slope * true + shift), rng.random(n) < expit(true)


def vectors(n: int, classes: int = 4, seed: int = 0, sharp: float = 2.5) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1.5, (n, classes))
    honest = softmax(z, axis=1)
    truth = (honest.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return softmax(sharp * z, axis=1), truth == honest.argmax(axis=1)


def test_fit_platt_on_large_sample_equals_logistic_regression() -> None:
    scores, right = overconfident(5_000)
    made = fit("platt", scores, right, fitted_at=AT)
    # scikit-learn fits the same two numbers on doubled rows weighted by Platt's smoothed targets
    x = logit(scores)[:, None]
    plus, minus = right.sum(), (~right).sum()
    target = np.where(right, (plus + 1) / (plus + 2), 1 / (minus + 2))
    peer = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1_000)
    peer.fit(np.vstack([x, x]), np.r_[np.ones(5_000), np.zeros(5_000)], sample_weight=np.r_[target, 1 - target])
    assert made.fitted.numbers == pytest.approx((peer.coef_[0, 0], peer.intercept_[0]), abs=1e-5)
    assert made.apply_many(scores) == pytest.approx(peer.predict_proba(x)[:, 1], abs=1e-6)


def test_fit_temperature_of_scalars_finds_the_least_log_loss() -> None:
    scores, right = overconfident(3_000, slope=2.0, shift=0.0)
    made = fit("temperature", scores, right, fitted_at=AT)
    x = logit(scores)
    peer = minimize_scalar(
        lambda t: np.sum(np.logaddexp(0, x * np.exp(-t)) - right * x * np.exp(-t)), (-1, 1), tol=1e-9
    )
    assert made.fitted.numbers[0] == pytest.approx(peer.x, abs=1e-3)
    assert math.exp(made.fitted.numbers[0]) == pytest.approx(2.0, rel=0.15)


def test_fit_temperature_of_vectors_recovers_the_sharpening() -> None:
    scores, right = vectors(20_000)
    made = fit("temperature", scores, right, fitted_at=AT)
    assert made.classes == 4
    assert math.exp(made.fitted.numbers[0]) == pytest.approx(2.5, rel=0.08)
    assert log_loss(made.apply_many(scores), right) < log_loss(scores.max(axis=1), right) - 0.05


def test_fit_vectors_as_logits_equals_probabilities() -> None:
    scores, right = vectors(2_000)
    by_p = fit("temperature", scores, right, fitted_at=AT)
    by_logit = fit("temperature", np.log(scores) + 3.0, right, fitted_at=AT, scale="logit")
    assert by_logit.fitted.numbers[0] == pytest.approx(by_p.fitted.numbers[0], abs=2e-3)


@pytest.mark.parametrize("ties", [False, True])
def test_pool_equals_isotonic_regression(ties: bool) -> None:
    rng = np.random.default_rng(4)
    x = rng.random(2_000).round(2 if ties else 9)
    y = (rng.random(2_000) < x).astype(float)
    weights = rng.random(2_000) + 0.1
    peer = IsotonicRegression(out_of_bounds="clip").fit(x, y, sample_weight=weights)
    knots_x, knots_y = pool(x, y, weights)
    at = np.linspace(-0.1, 1.1, 999)
    assert np.interp(at, knots_x, knots_y) == pytest.approx(peer.predict(at), abs=1e-9)


def test_fit_isotonic_keeps_the_order_of_scores_inside_a_flat_stretch() -> None:
    scores, right = overconfident(2_000)
    made = fit("isotonic", scores, right, fitted_at=AT)
    ranked = made.apply_many(np.sort(scores))
    assert (np.diff(ranked)[np.diff(np.sort(scores)) > 1e-9] > 0).all()
    peer = IsotonicRegression(out_of_bounds="clip").fit(scores, right)
    assert np.abs(made.apply_many(scores) - peer.predict(scores)).max() < RANK + 1 / 1_000


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("vector", [False, True])
def test_apply_one_equals_apply_many(method: Any, vector: bool) -> None:
    scores, right = vectors(1_500) if vector else overconfident(1_500)
    made = fit(method, scores, right, fitted_at=AT)
    many = made.apply_many(scores[:200])
    assert [made.apply(s.tolist()) for s in scores[:200]] == pytest.approx(many.tolist(), abs=1e-12)
    if vector:
        named = dict(zip("abcd", scores[0].tolist(), strict=True))
        assert made.apply(named) == made.apply(scores[0].tolist())
        assert made.apply_many([named])[0] == pytest.approx(many[0], abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_read_what_was_written_gives_an_equal_calibrator(method: Any) -> None:
    scores, right = overconfident(1_200)
    made = fit(method, scores, right, fitted_at=AT, action="content_publish")
    again = Calibrator.from_json(json.loads(json.dumps(made.to_json())))
    assert again == made
    assert again.digest == made.digest
    assert len(made.digest) == 64
    assert made.to_json()["fitted_at"].endswith("Z")
    assert (made.n, made.right) == (1_200, int(right.sum()))


@pytest.mark.parametrize("method", [*METHODS, "auto"])
def test_fit_overconfident_scores_lowers_the_held_out_log_loss(method: Any) -> None:
    scores, right = overconfident(2_000)
    raw, after = fit(method, scores, right, fitted_at=AT).metrics["log_loss"]
    assert after < raw - 0.02


def test_fit_auto_picks_what_the_scores_need() -> None:
    scores, right = overconfident(4_000, slope=1.5, shift=1.5)
    assert fit("auto", scores, right, fitted_at=AT).method == "platt"
    rng = np.random.default_rng(1)
    stepped = rng.random(4_000)
    assert (
        fit("auto", stepped, rng.random(4_000) < np.where(stepped > 0.5, 0.95, 0.3), fitted_at=AT).method == "isotonic"
    )


def test_fit_with_weights_undoes_selective_labelling() -> None:
    scores, right = overconfident(20_000)
    looked = np.where(scores < 0.9, 1.0, 0.1)
    kept = np.random.default_rng(2).random(20_000) < looked
    biased = scores[kept] > 0.95
    plain = fit("platt", scores, right, fitted_at=AT)
    weighted = fit("platt", scores[kept], right[kept], fitted_at=AT, weights=1 / looked[kept])
    assert biased.any()
    assert weighted.apply(0.97) == pytest.approx(plain.apply(0.97), abs=0.02)


def test_fit_too_few_labels_says_how_many_are_missing() -> None:
    scores, right = overconfident(29)
    with pytest.raises(NotEnoughEvidence, match=r"29 of 30") as caught:
        fit("auto", scores, right, fitted_at=AT)
    assert (caught.value.context["have"], caught.value.context["need"]) == (29, 30)
    with pytest.raises(NotEnoughEvidence, match=r"500 of 1000"):
        fit("isotonic", *overconfident(500), fitted_at=AT)


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_fit_one_class_only_is_refused_except_by_platt(method: Any) -> None:
    scores, _ = overconfident(1_000)
    with pytest.raises(NotEnoughEvidence, match="all 1000 labels are right"):
        fit(method, scores, [True] * 1_000, fitted_at=AT)
    made = fit("auto", scores, [True] * 1_000, fitted_at=AT)
    assert made.method == "platt"
    assert made.apply(0.3) == pytest.approx(1_001 / 1_002)
    assert fit("platt", scores, [False] * 1_000, fitted_at=AT).apply(0.99) == pytest.approx(1 / 1_002)


def test_fit_constant_scores_are_refused() -> None:
    with pytest.raises(NotEnoughEvidence, match="the same"):
        fit("auto", [0.9] * 100, [True, False] * 50, fitted_at=AT)


def test_fit_scores_that_rank_backwards_give_one_rate() -> None:
    scores, right = overconfident(1_000)
    made = fit("platt", 1 - scores, right, fitted_at=AT)
    assert made.fitted.numbers[0] == 0.0
    assert made.apply(0.1) == made.apply(0.9) == pytest.approx(right.mean(), abs=0.01)


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        ([0.5, float("nan")], "score 1 of 2 is NaN"),
        ([0.5, float("inf")], "score 1 of 2 is NaN or infinite"),
        ([0.5, 1.7], "outside"),
        ([-0.1, 0.5], "score 0 of 2 lies outside"),
        ([[0.5, 0.5], [0.5, 0.7]], "sum to 1"),
        ([[0.5, 0.5], [1.0]], "one length"),
        ([{"a": 0.5, "b": 0.5}, {"a": 0.5, "c": 0.5}], "other classes"),
        (["high", "low"], "numbers"),
        ([[1.0], [1.0]], "at least two classes"),
    ],
)
def test_fit_bad_scores_names_the_first(scores: Any, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        fit("auto", scores, [True, False], fitted_at=AT)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("score", [float("nan"), 1.7, -0.01, "0.9", None, True, [0.2, 0.8], {"a": 0.4, "b": 0.6}])
def test_apply_bad_scalar_is_refused(method: Any, score: Any) -> None:
    made = fit(method, *overconfident(1_000), fitted_at=AT)
    with pytest.raises(InvalidInput):
        made.apply(score)


@pytest.mark.parametrize(
    "score", [0.9, [0.5, 0.5], [0.2, 0.2, 0.2, 0.2], [0.25, 0.25, 0.25, float("nan")], ["a"] * 4, {}]
)
def test_apply_bad_vector_is_refused(score: Any) -> None:
    made = fit("temperature", *vectors(300), fitted_at=AT)
    with pytest.raises(InvalidInput):
        made.apply(score)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"kind": "magic"},
        {"parameters": {"a": 1.0}},
        {"parameters": {"a": float("nan"), "b": 0.0}},
        {"parameters": {"a": -1.0, "b": 0.0}},
        {"kind": "isotonic", "parameters": {"x": [0.2, 0.1], "y": [0.1, 0.2]}},
        {"kind": "isotonic", "parameters": {"x": [0.1, 0.2], "y": [0.3, 0.2]}},
        {"kind": "isotonic", "parameters": {"x": [], "y": []}},
        {"scale": "percent"},
        {"classes": 1},
        {"seen": []},
        {"fitted_at": "yesterday"},
    ],
)
def test_read_unsound_calibrator_is_refused(change: dict[str, Any]) -> None:
    whole = fit("platt", *overconfident(100), fitted_at=AT).to_json()
    with pytest.raises(InvalidInput):
        Calibrator.from_json({**whole, **change})


@pytest.mark.parametrize("data", [None, [], "x", {}, {"v": 1}])
def test_read_what_is_no_calibrator_is_refused(data: Any) -> None:
    with pytest.raises(InvalidInput):
        Calibrator.from_json(data)


FITTED = {method: fit(method, *overconfident(1_500), fitted_at=AT) for method in METHODS}  # type: ignore[arg-type]


@given(st.sampled_from(METHODS), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=300, deadline=None)
def test_apply_any_two_scores_keeps_their_order_inside_the_unit_interval(method: str, one: float, two: float) -> None:
    low, high = FITTED[method].apply(min(one, two)), FITTED[method].apply(max(one, two))
    assert 0.0 < low <= high < 1.0

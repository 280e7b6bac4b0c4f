"""Fit a calibrator from labels, or say why it cannot be done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from handrail.calibration.calibrator import METHODS, Calibrator, Method
from handrail.calibration.isotonic import pool
from handrail.calibration.metrics import brier_loss, log_loss
from handrail.calibration.platt import fit_platt
from handrail.calibration.scores import Floats, Scale, confidence_logits, read_scores, sigmoids
from handrail.calibration.temperature import fit_temperature
from handrail.errors import InvalidInput, NotEnoughEvidence

# labels from which each method is allowed
NEEDS: dict[str, int] = {"temperature": 30, "platt": 30, "isotonic": 1000}
FOLDS = 5


def fit(
    method: Method | Literal["auto"],
    scores: Any,
    correct: Sequence[bool] | NDArray[np.bool_],
    *,
    fitted_at: int,
    scale: Scale = "probability",
    weights: Sequence[float] | Floats | None = None,
    action: str | None = None,
) -> Calibrator:
    """Fit on (raw score, was the answer right). `fitted_at` in microseconds; `auto` picks by 5-fold log loss.

    `scores`: numbers, or one vector per case (see `scores`). `weights`: 1 / P(this case was labelled), for reviewed
    cases. Raises `InvalidInput` for scores that are NaN or out of range, and `NotEnoughEvidence` for too few labels,
    scores that are all the same, or answers that are all right or all wrong (except Platt, whose answer then is
    (n + 1)/(n + 2)).
    """
    if method != "auto" and method not in METHODS:
        raise InvalidInput(f"no calibrator is called {method!r}", remedy=f"Choose auto, {', '.join(METHODS)}.")
    read = read_scores(scores, scale)
    right = _answers(correct, len(read))
    weight = _weights(weights, len(read))
    allowed = _allowed(method, read, right)
    held_out = {name: _cross_fit(name, read, right, weight, scale) for name in allowed}
    best = min(allowed, key=lambda name: log_loss(held_out[name], right, weight))
    raw = sigmoids(confidence_logits(read))
    return _build(
        best,
        read,
        right,
        weight,
        scale=scale,
        fitted_at=fitted_at,
        action=action,
        metrics={
            "log_loss": [log_loss(raw, right, weight), log_loss(held_out[best], right, weight)],
            "brier_loss": [brier_loss(raw, right, weight), brier_loss(held_out[best], right, weight)],
        },
    )


def _build(method: Method, read: Floats, right: Floats, weight: Floats, **fields: Any) -> Calibrator:
    raw = confidence_logits(read)
    spread = sigmoids(raw)
    return Calibrator(
        method=method,
        classes=read.shape[1] if read.ndim == 2 else 0,
        n=len(read),
        right=int(right.sum()),
        seen=(float(spread.min()), float(spread.max())),
        **_PARAMETERS[method](read, right, weight),
        **fields,
    )


def _temperature(read: Floats, right: Floats, weight: Floats) -> dict[str, Any]:
    return {"numbers": (fit_temperature(read, right, weight),)}


def _platt(read: Floats, right: Floats, weight: Floats) -> dict[str, Any]:
    return {"numbers": fit_platt(confidence_logits(read), right, weight)}


def _isotonic(read: Floats, right: Floats, weight: Floats) -> dict[str, Any]:
    x, y = pool(sigmoids(confidence_logits(read)), right, weight)
    # a block of right answers only is no proof of certainty
    y = np.clip(y, 1.0 / (len(right) + 2), 1.0 - 1.0 / (len(right) + 2))
    return {"x": tuple(x.tolist()), "y": tuple(y.tolist())}


_PARAMETERS: dict[str, Callable[[Floats, Floats, Floats], dict[str, Any]]] = {
    "temperature": _temperature,
    "platt": _platt,
    "isotonic": _isotonic,
}


def _cross_fit(method: Method, read: Floats, right: Floats, weight: Floats, scale: Scale) -> Floats:
    """Each case's confidence from a calibrator that has not seen it. Folds alternate within right and within wrong."""
    fold = np.empty(len(right), dtype=np.int64)
    for value in (0.0, 1.0):
        members = np.flatnonzero(right == value)
        fold[members] = np.arange(len(members)) % FOLDS
    made = np.empty(len(right))
    for k in range(FOLDS):
        out, kept = fold == k, fold != k
        part = _build(method, read[kept], right[kept], weight[kept], scale="logit", fitted_at=0)
        made[out] = part.apply_many(read[out])
    return made


def _allowed(method: Method | Literal["auto"], read: Floats, right: Floats) -> tuple[Method, ...]:
    n, raw = len(read), confidence_logits(read)
    wanted = METHODS if method == "auto" else (method,)
    least = min(NEEDS[name] for name in wanted)
    if n < least:
        raise NotEnoughEvidence(f"not enough evidence yet ({n} of {least} labels)", have=n, need=least)
    if raw.max() - raw.min() < 1e-9:
        raise NotEnoughEvidence(
            f"all {n} scores are the same, so they cannot tell right from wrong",
            remedy="Send the model's own score with each proposal, not a constant.",
        )
    if right.min() == right.max():
        if "platt" not in wanted:
            word = "right" if right[0] else "wrong"
            raise NotEnoughEvidence(f"all {n} labels are {word}; a {method} calibrator needs both kinds")
        return ("platt",)
    return tuple(name for name in wanted if n >= NEEDS[name])


def _answers(correct: Sequence[bool] | NDArray[np.bool_], n: int) -> Floats:
    answers = np.asarray(correct, dtype=np.float64)
    if answers.shape != (n,):
        raise InvalidInput(f"{n} scores but {answers.size} answers")
    if not np.isin(answers, (0.0, 1.0)).all():
        raise InvalidInput("each answer must say right (true) or wrong (false)")
    return answers


def _weights(weights: Sequence[float] | Floats | None, n: int) -> Floats:
    if weights is None:
        return np.ones(n)
    given = np.asarray(weights, dtype=np.float64)
    if given.shape != (n,) or not np.isfinite(given).all() or (given <= 0).any():
        raise InvalidInput("weights must be positive and finite, one for each score")
    # a mean of one keeps `n` labels worth n
    return np.asarray(given * (n / given.sum()), dtype=np.float64)

"""Fit a calibrator from labels, or say why it cannot be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from handrail.calibration.calibrator import Calibrator
from handrail.calibration.methods import METHODS, NEED_VECTORS, Method
from handrail.calibration.picking import Evidence, fit_method, pick
from handrail.calibration.quality import Quality, quality
from handrail.calibration.scores import Floats, Scale, confidence_logits, sigmoids
from handrail.calibration.sources import Source, read_many
from handrail.calibration.truth import about_top, given_places, known_share, true_classes
from handrail.errors import InvalidInput, NotEnoughEvidence

# labels from which each method is allowed
NEEDS: dict[Method, int] = {
    "temperature": 30, "temperature_mix": 30, "platt": 30, "beta": 200, "vector": 200, "isotonic": 1_000,
}  # fmt: skip
# of the wrong answers, the share whose true class must be known before weight is moved between classes
KNOWN_SHARE = 0.5


def fit(
    method: Method | Literal["auto"],
    scores: Any,
    correct: Sequence[bool] | NDArray[Any] | None = None,
    *,
    truth: Sequence[Any] | NDArray[Any] | None = None,
    fitted_at: int,
    scale: Scale = "probability",
    source: Source = "score",
    names: Sequence[str] = (),
    weights: Sequence[float] | Floats | None = None,
    answers: Sequence[str | None] | None = None,
    period: tuple[int, int] | None = None,
    action: str | None = None,
    model: str | None = None,
) -> Calibrator:
    """Fit on (raw score, was the answer right); `auto` picks the method by 5-fold log loss and by sample size.

    `scores`: numbers, one vector per case (see `scores`), or what a `source` hands over (see `sources`). `truth`: each
    case's true class, by name or place, None where unknown; it may stand instead of `correct`, and vector scaling needs
    it (of two classes, right or wrong says it). `names`: the classes in order, where the scores do not name them.
    `weights`: 1 / P(this case was labelled), for reviewed cases. `answers`: the class that was proposed and judged,
    where that may be another one than the score puts first.
    `fitted_at` and `period` (first and last label) in microseconds.

    Raises `InvalidInput` for scores that are NaN or out of range, and `NotEnoughEvidence` for too few labels, scores
    that are all the same, or answers that are all right or all wrong (except Platt, whose answer then is
    (n + 1)/(n + 2)).
    """
    if method != "auto" and method not in METHODS:
        raise InvalidInput(f"no calibrator is called {method!r}", remedy=f"Choose auto, {', '.join(METHODS)}.")
    read, found = read_many(scores, source, scale, tuple(names), answers)
    classes = read.shape[1] if read.ndim == 2 else 0
    if found and len(found) != classes:
        raise InvalidInput(f"{len(found)} class names for score vectors of {classes}")
    evidence = _evidence(read, correct, truth, weights, found, answers)
    allowed, left_out = _allowed(method, evidence, truth is not None)
    fits = {name: fit_method(name, evidence) for name in allowed}
    best, losses, confidences, part = pick(fits, evidence)
    whole = sigmoids(confidence_logits(evidence.read))
    before = quality(sigmoids(confidence_logits(part.read)), part.right, part.weights)
    after = quality(confidences, part.right, part.weights)
    return Calibrator(
        fitted=fits[best],
        scale=scale,
        source=source,
        classes=classes,
        names=found,
        n=len(evidence),
        right=int(evidence.right.sum()),
        seen=(float(whole.min()), float(whole.max())),
        fitted_at=fitted_at,
        period=period,
        action=action,
        model=model,
        metrics=_figures(before, after) | {"tried": dict(losses), "left_out": dict(left_out)},
    )


def _figures(before: Quality, after: Quality) -> dict[str, Any]:
    return {
        "log_loss": [before.log_loss, after.log_loss],
        "brier_loss": [before.brier_loss, after.brier_loss],
        "before": before.to_json(),
        "after": after.to_json(),
    }


def check_weights(weights: Sequence[float] | Floats | None, n: int) -> Floats:
    """Weights of mean one, so that n labels stay worth n. Raises `InvalidInput` for zero, infinite or missing ones."""
    if weights is None:
        return np.ones(n)
    given = np.asarray(weights, dtype=np.float64)
    if given.shape != (n,) or not np.isfinite(given).all() or (given <= 0).any():
        raise InvalidInput(
            "weights must be positive and finite, one for each score",
            remedy="Weigh by 1 / P(labelled); leave out cases that could not have been labelled.",
        )
    return np.asarray(given * (n / given.sum()), dtype=np.float64)


def check_answers(correct: Sequence[bool] | NDArray[Any], n: int) -> Floats:
    """Right (1) or wrong (0), one for each of n scores. Raises `InvalidInput` for anything else."""
    try:
        answers = np.asarray(correct, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInput("each answer must say right (true) or wrong (false)") from None
    if answers.shape != (n,):
        raise InvalidInput(f"{n} scores but {answers.size} answers")
    if not np.isin(answers, (0.0, 1.0)).all():
        raise InvalidInput("each answer must say right (true) or wrong (false)")
    return answers


def _evidence(
    read: Floats, correct: Any, truth: Any, weights: Any, names: tuple[str, ...], answers: Sequence[str | None] | None
) -> Evidence:
    n = len(read)
    if correct is None and truth is None:
        raise InvalidInput("say of each case whether it was right, or what the true class was")
    right = None if correct is None else check_answers(correct, n)
    if read.ndim == 1:
        if truth is not None:
            raise InvalidInput("scalar scores have no classes", remedy="Say right or wrong, or send score vectors.")
        assert right is not None
        return Evidence(read=read, right=right, weights=check_weights(weights, n))
    told = given_places(truth, read, names)
    weight = check_weights(weights, n)
    if right is not None and answers is not None and names:
        if len(answers) != n:
            raise InvalidInput(f"{n} scores but {len(answers)} proposed answers")
        right, kept = about_top(answers, read, right, told, names)
        read, right, told = read[kept], right[kept], told[kept]
        # a mean of one again
        weight = check_weights(weight[kept], len(read))
    places = true_classes(told, read, right)
    if right is None:
        right = np.asarray(places == read.argmax(axis=1), dtype=np.float64)
    return Evidence(read=read, right=right, weights=weight, truth=places)


def _allowed(
    method: Method | Literal["auto"], evidence: Evidence, told: bool
) -> tuple[tuple[Method, ...], dict[Method, str]]:
    """The methods that these labels can bear, and why the others are left out."""
    n, raw = len(evidence), confidence_logits(evidence.read)
    wanted = METHODS if method == "auto" else (method,)
    least = min(NEEDS[name] for name in wanted)
    if n < least:
        raise NotEnoughEvidence(f"not enough evidence yet ({n} of {least} labels)", have=n, need=least)
    if raw.max() - raw.min() < 1e-9:
        raise NotEnoughEvidence(
            f"all {n} scores are the same, so they cannot tell right from wrong",
            remedy="Send the model's own score with each proposal, not a constant.",
        )
    if evidence.right.min() == evidence.right.max():
        word = "right" if evidence.right[0] else "wrong"
        if "platt" not in wanted:
            raise NotEnoughEvidence(f"all {n} labels are {word}; a {method} calibrator needs both kinds")
        return ("platt",), {name: f"all labels are {word}" for name in wanted if name != "platt"}
    left_out = {name: why for name in wanted if (why := _unfit(name, evidence, told))}
    if method != "auto" and left_out:
        raise NotEnoughEvidence(f"{method} cannot be fitted: {left_out[method]}")
    return tuple(name for name in wanted if name not in left_out), left_out


def _unfit(method: Method, evidence: Evidence, told: bool) -> str:
    """Why a method cannot be fitted on this evidence; empty where it can."""
    n, vectors = len(evidence), evidence.read.ndim == 2
    if method in NEED_VECTORS and not vectors:
        return "it needs a score for every class"
    if method == "vector" and evidence.truth is not None:
        share = known_share(evidence.truth, evidence.right)
        if share < KNOWN_SHARE:
            known = f"the true class of {share:.0%} of the wrong answers" if told else "only right or wrong"
            return f"it needs the true class, and {known} is known"
    return f"{n} of {NEEDS[method]} labels" if n < NEEDS[method] else ""

"""From scores and answers to held-out confidences: no threshold is certified on rows its calibrator was fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from handrail.calibration.calibrator import Calibrator
from handrail.calibration.fit import NEEDS, fit
from handrail.calibration.scores import Scale, confidence_logits, read_scores, sigmoids
from handrail.errors import InvalidInput, NotEnoughEvidence

Rows = NDArray[np.intp]

# of all rows, those that fit the calibrator; the rest certify
FIT_SHARE = 1.0 / 3.0
LEAST_TO_FIT = min(NEEDS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Confidences of rows that the calibrator has not seen."""

    # None: the scores are certified as they came
    calibrator: Calibrator | None
    # places of the held-out rows among all, and their confidences
    rows: Rows
    confidence: NDArray[np.float64]
    # rows that fitted the calibrator, here or before
    fitted_on: int


def hold_out(
    scores: Any,
    correct: Any,
    *,
    need: int,
    fitted_at: int,
    method: str = "auto",
    scale: Scale = "probability",
    action: str | None = None,
    unanswered: Any = None,
    share: float = FIT_SHARE,
    seed: int = 0,
) -> HeldOut:
    """Fit on a random share of the rows and give the confidences of the rest; `need` is the least the rest must hold.

    Rows that nobody answered (`unanswered`) fit nothing. Raises `NotEnoughEvidence` where both parts cannot have what
    they need.
    """
    if not 0.0 < share < 1.0:
        raise InvalidInput("the share of rows to fit on lies strictly between 0 and 1")
    answers = np.asarray(correct, dtype=np.float64)
    n = len(answers)
    if len(scores) != n:
        raise InvalidInput(f"{len(scores)} scores but {n} answers")
    if n < LEAST_TO_FIT + need:
        raise NotEnoughEvidence(
            f"not enough evidence yet ({n} of {LEAST_TO_FIT + need} labels: {LEAST_TO_FIT} fit a calibrator, {need} "
            "others certify)", have=n, need=LEAST_TO_FIT + need,
        )  # fmt: skip
    # all of them, so that what is wrong is counted in the order given
    read_scores(scores, scale)
    fitting = min(max(round(n * share), LEAST_TO_FIT), n - need)
    order = np.random.default_rng(seed).permutation(n)
    first, rest = np.sort(order[:fitting]), np.sort(order[fitting:])
    if unanswered is not None:
        first = first[~np.asarray(unanswered, dtype=bool)[first]]
    made = fit(_method(method), _taken(scores, first), answers[first], fitted_at=fitted_at, scale=scale, action=action)
    return HeldOut(calibrator=made, rows=rest, confidence=made.apply_many(_taken(scores, rest)), fitted_on=len(first))


def with_calibrator(scores: Any, correct: Any, calibrator: Calibrator) -> HeldOut:
    """Confidences by a calibrator that was fitted before, on other rows.

    Raises `InvalidInput` where the rows look like those it was fitted on.
    """
    answers = np.asarray(correct, dtype=np.float64)
    read = read_scores(scores, calibrator.scale)
    raw = sigmoids(confidence_logits(read))
    same = calibrator.n == len(answers) and calibrator.right == int(answers.sum())
    if same and len(raw) and np.allclose((raw.min(), raw.max()), calibrator.seen):
        raise InvalidInput(
            "these look like the very rows the calibrator was fitted on, so they cannot certify a threshold for it",
            remedy="Give other rows, or leave the calibrator out: then a part of the rows fits one.",
        )
    rows = np.arange(len(answers), dtype=np.intp)
    return HeldOut(calibrator=calibrator, rows=rows, confidence=calibrator.apply_many(scores), fitted_on=calibrator.n)


def as_they_are(scores: Any) -> HeldOut:
    """The scores themselves as confidences: nothing is fitted, so every row can certify."""
    read = read_scores(scores, "probability")
    confidence = np.asarray(scores, dtype=np.float64) if read.ndim == 1 else sigmoids(confidence_logits(read))
    return HeldOut(calibrator=None, rows=np.arange(len(read), dtype=np.intp), confidence=confidence, fitted_on=0)


def _method(name: str) -> Literal["auto"]:
    # `fit` says what it does not know
    return name  # type: ignore[return-value]


def _taken(scores: Any, rows: Rows) -> Any:
    return scores[rows] if isinstance(scores, np.ndarray) else [scores[row] for row in rows]

"""A partial pool over actions: an action with few labels of its own leans on the workspace's others, and says so.

Platt's (a, b) of the few labels, pulled towards the (a, b) that fits all other actions together. How far is learnt from
how far those actions lie from one another; with fewer than three of them, the pull is that of one unit of spread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from handrail.calibration.calibrator import Calibrator
from handrail.calibration.fit import NEEDS, check_answers, check_weights
from handrail.calibration.methods import Fitted
from handrail.calibration.platt import fit_platt, fit_platt_near
from handrail.calibration.scores import Floats, Scale, confidence_logits, sigmoids
from handrail.calibration.sources import Source, read_many
from handrail.errors import NotEnoughEvidence

LEAST = NEEDS["platt"]
# spreads of a and b between actions: what is assumed, and the least that is believed
ASSUMED = (0.5, 1.0)
LEAST_SPREAD = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lender:
    """Raw scores of one action and what was right; each action may score in its own shape."""

    scores: Any
    correct: Any
    weights: Any = None
    scale: Scale = "probability"
    source: Source = "score"


def borrow(
    own: Lender,
    others: Mapping[str, Lender],
    *,
    fitted_at: int,
    action: str | None = None,
    names: Sequence[str] = (),
    period: tuple[int, int] | None = None,
    model: str | None = None,
) -> Calibrator:
    """A calibrator of an action with fewer than 30 labels, `borrowed` from the others: the number of their labels.

    It promises nothing. Raises `NotEnoughEvidence` without any label of the action's own, and where the others have
    fewer than 30 together, of both kinds.
    """
    if not len(own.scores):
        raise NotEnoughEvidence("not enough evidence yet (0 of 1 labels of the action's own)", have=0, need=1)
    read, found = read_many(own.scores, own.source, own.scale, tuple(names))
    right, weights = check_answers(own.correct, len(read)), check_weights(own.weights, len(read))
    lent = [_read(other) for other in others.values() if len(other.scores)]
    x = np.concatenate([part[0] for part in lent]) if lent else np.empty(0)
    z = np.concatenate([part[1] for part in lent]) if lent else np.empty(0)
    if len(z) < LEAST or z.min() == z.max():
        raise NotEnoughEvidence(
            f"not enough evidence yet ({len(z)} of {LEAST} labels of other actions, right and wrong)",
            have=len(z), need=LEAST,
        )  # fmt: skip
    centre = fit_platt(x, z, np.concatenate([part[2] for part in lent]))
    spread = _spread(lent)
    own_x = confidence_logits(read)
    a, b = fit_platt_near(own_x, right, weights, centre, (1.0 / spread[0] ** 2, 1.0 / spread[1] ** 2))
    raw = sigmoids(np.concatenate([own_x, x]))
    return Calibrator(
        fitted=Fitted(method="platt", numbers=(a, b)),
        scale=own.scale,
        source=own.source,
        classes=read.shape[1] if read.ndim == 2 else 0,
        names=found,
        n=len(read),
        right=int(right.sum()),
        borrowed=len(z),
        seen=(float(raw.min()), float(raw.max())),
        fitted_at=fitted_at,
        period=period,
        action=action,
        model=model,
    )


def _read(lender: Lender) -> tuple[Floats, Floats, Floats]:
    read, _ = read_many(lender.scores, lender.source, lender.scale)
    x = confidence_logits(read)
    return x, check_answers(lender.correct, len(x)), check_weights(lender.weights, len(x))


def _spread(lent: list[tuple[Floats, Floats, Floats]]) -> tuple[float, float]:
    """How far a and b lie apart between actions that have enough labels of both kinds."""
    told = [fit_platt(*part) for part in lent if len(part[1]) >= LEAST and part[1].min() < part[1].max()]
    if len(told) < 3:
        return ASSUMED
    a, b = np.std(np.array(told), axis=0, ddof=1)
    return max(float(a), LEAST_SPREAD), max(float(b), LEAST_SPREAD)

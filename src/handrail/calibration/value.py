"""What asking a person is worth, in money: the cost without asking, less the cost once the answer is known.

p(y) is the calibrated chance of each truth y, C(a, y) the cost of act a when y holds, M(h | y) a reviewer's answer h:

    V = min_a Σ_y p(y) C(a, y) − Σ_h min_a Σ_y p(y) M(h | y) C(a, y)

The answer is fused with the model, not swapped for it, so V = 0 where no answer could change the act. Against one act
(the one proposed) the first term is that act's own cost: that is what `auto_approve` would pay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handrail.calibration.confusion import Confusion, prior
from handrail.errors import InvalidInput, NotEnoughEvidence

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

AUTO, SOFT, HARD = 0, 1, 2
SUM_TOLERANCE = 1e-3
# the slope's pull towards 1, in squared errors
PULL = 0.3
# rows at a time: small enough for the processor's cache
_CHUNK = 1 << 14
LEAST_FOR_SLOPE = 30
# beyond it sums and squares of costs are no numbers any more
MOST = 1e15


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What acts, reviews and waits cost, in any one currency, and how well an act can be taken back."""

    # matrix[act][truth]
    matrix: tuple[tuple[float, ...], ...]
    # one review, all people of a quorum together
    review: float
    # what the caller loses by waiting for a hard_gate
    delay: float = 0.0
    # chance that an undo comes in time and works; 0 for what cannot be taken back
    undo: float = 0.0

    def __post_init__(self) -> None:
        table = np.asarray(self.matrix, dtype=np.float64)
        if table.ndim != 2 or table.shape[0] < 2 or table.shape[1] < 2:
            raise InvalidInput("a cost matrix has a row for each of two or more acts, a column for each truth")
        money = (*table.ravel().tolist(), self.review, self.delay)
        if not all(np.isfinite(money)):
            raise InvalidInput("a cost is infinite or NaN", remedy="Deny the action, or name a finite cost.")
        if min(money) < 0.0:
            raise InvalidInput("a cost is negative")
        if max(money) > MOST:
            raise InvalidInput(f"a cost is {max(money):g}, above {MOST:g}", remedy="Count in a larger unit of money.")
        if table.max() == 0.0:
            raise InvalidInput("all costs are zero, so there is nothing to weigh", remedy="Say what an error costs.")
        if not 0.0 <= self.undo <= 1.0:
            raise InvalidInput("the chance of an undo lies between 0 and 1")

    @property
    def table(self) -> Floats:
        return np.asarray(self.matrix, dtype=np.float64)

    @property
    def truths(self) -> int:
        return len(self.matrix[0])


def right_or_wrong(
    *, wrong: float, review: float, refused: float = 0.0, delay: float = 0.0, undo: float = 0.0
) -> Costs:
    """Approve or refuse what is right or wrong: `wrong` is let through, `refused` was right."""
    return Costs(matrix=((0.0, wrong), (refused, 0.0)), review=review, delay=delay, undo=undo)


def zero_one(classes: int, *, review: float, undo: float = 0.0, delay: float = 0.0) -> Costs:
    """Every error costs 1: acts and truths are the same classes."""
    rows = tuple(tuple(float(act != truth) for truth in range(classes)) for act in range(classes))
    return Costs(matrix=rows, review=review, delay=delay, undo=undo)


def acting_cost(p: Any, costs: Costs, act: int | Codes | None = None) -> Floats:
    """Expected cost of acting without asking: of the best act, or of `act`."""
    read = distributions(p, costs.truths)
    made = np.empty(len(read))
    acts = None if act is None else np.broadcast_to(_acts(act, len(costs.matrix)), len(read))
    for part in _parts(len(read)):
        each = costs.table @ read[part].T
        if acts is None:
            made[part] = _least(each)
        else:
            made[part] = np.take_along_axis(each, acts[part][None, :], axis=0)[0]
    return made


def asking_cost(p: Any, costs: Costs, confusion: Confusion) -> Floats:
    """Expected cost of the best act once a reviewer has answered; the price of the review is not in it."""
    read = distributions(p, costs.truths)
    weights = _joint(costs, confusion)
    made = np.empty(len(read))
    for part in _parts(len(read)):
        columns = np.ascontiguousarray(read[part].T)
        made[part] = sum(_least(each @ columns) for each in weights)
    return made


def asking_value(p: Any, costs: Costs, confusion: Confusion, *, act: int | Codes | None = None) -> Floats:
    """V of each row of `p`: what one answer is worth before its price, `confusion.slope` included. Never negative.

    `p`: one chance of being right a row, where there are two truths, or one distribution over truths a row. `act`: the
    number of the act that is proposed; None: the best one.
    """
    read = distributions(p, costs.truths)
    acts = None if act is None else np.broadcast_to(_acts(act, len(costs.matrix)), len(read))
    weights, table = _joint(costs, confusion), costs.table
    made = np.empty(len(read))
    for part in _parts(len(read)):
        columns = np.ascontiguousarray(read[part].T)
        each = table @ columns
        now = _least(each) if acts is None else np.take_along_axis(each, acts[part][None, :], axis=0)[0]
        for joint in weights:
            now = now - _least(joint @ columns)
        made[part] = now
    return np.maximum(made, 0.0) * confusion.slope


def cheapest_tier(value: Any, costs: Costs) -> NDArray[np.uint8]:
    """0 (`auto_approve`), 1 (`soft_review`) or 2 (`hard_gate`): whichever saves most; between equals the first.

    `auto_approve` saves nothing, `soft_review` undo · V − review, `hard_gate` V − review − delay.
    """
    v = np.asarray(value, dtype=np.float64)
    if np.isnan(v).any():
        raise InvalidInput("a value of asking is NaN")
    soft, hard = costs.undo * v - costs.review, v - costs.review - costs.delay
    return np.where(hard > np.maximum(soft, 0.0), HARD, np.where(soft > 0.0, SOFT, AUTO)).astype(np.uint8)


def ask_by_chow(confidence: Any, review: float) -> NDArray[np.bool_]:
    """Chow (1970): ask where 1 − confidence exceeds the price of a review in errors. Takes reviewers for perfect."""
    return np.asarray(1.0 - np.asarray(confidence, dtype=np.float64) > review)


def ask_with_errors(p: Any, costs: Costs, confusion: Confusion) -> NDArray[np.bool_]:
    """Ask where acting costs more than a review and the reviewer's own errors, the answer being final."""
    read = distributions(p, costs.truths)
    final = np.einsum("yh,hy->y", confusion.matrix, costs.table)
    return np.asarray(acting_cost(read, costs) > costs.review + read @ final)


def fused(p: Any, confusion: Confusion, answers: Any) -> Floats:
    """The chances of each truth once each row's reviewer has answered."""
    read = distributions(p, len(confusion.classes))
    h = _acts(answers, len(confusion.classes))
    joint = read * confusion.matrix[:, h].T
    return np.asarray(joint / joint.sum(axis=1, keepdims=True), dtype=np.float64)


def realised_gains(p: Any, truth: Any, answers: Any, costs: Costs, confusion: Confusion) -> Floats:
    """What each labelled, reviewed case really gained by its answer, the case itself left out of the table.

    In money: the cost of the model's act less the cost of the fused one. 0/1 costs give [fused right] − [model right].
    """
    read, table = distributions(p, costs.truths), costs.table
    y, h = _acts(truth, costs.truths), _acts(answers, costs.truths)
    rows = np.arange(len(read))
    counts = np.asarray(confusion.counts) + prior(len(confusion.classes))
    seen = confusion.matrix[:, h].T.copy()
    seen[rows, y] = (counts[y, h] - 1.0) / (counts.sum(axis=1)[y] - 1.0)
    alone, together = (read @ table.T).argmin(axis=1), ((read * seen) @ table.T).argmin(axis=1)
    return np.asarray(table[alone, y] - table[together, y], dtype=np.float64)


def slope(gains: Any, values: Any, *, scale: float = 1.0) -> float:
    """By what the computed values must be multiplied: (Σ gᵢVᵢ + 0.3)/(Σ Vᵢ² + 0.3), never below 0.

    People err on the cases where the model errs, so V is too high. `scale`: the cost of one error. Raises
    `NotEnoughEvidence` below 30 reviewed cases.
    """
    g, v = np.asarray(gains, dtype=np.float64) / scale, np.asarray(values, dtype=np.float64) / scale
    if g.shape != v.shape or g.ndim != 1 or not np.isfinite(g).all() or not np.isfinite(v).all():
        raise InvalidInput("as many finite gains as values are needed")
    if len(g) < LEAST_FOR_SLOPE:
        raise NotEnoughEvidence(
            f"not enough evidence yet ({len(g)} of {LEAST_FOR_SLOPE} reviewed cases)", have=len(g), need=LEAST_FOR_SLOPE
        )
    return max(0.0, float((g @ v + PULL) / (v @ v + PULL)))


def distributions(p: Any, truths: int) -> Floats:
    """Rows of chances over truths. A plain column of confidences stands for (right, wrong).

    Raises `InvalidInput` for NaN, chances outside [0, 1] and rows that do not sum to 1.
    """
    read = np.asarray(p, dtype=np.float64)
    if read.ndim == 1 and truths == 2:
        if not (((read >= 0.0) & (read <= 1.0)).all()):
            raise InvalidInput("a confidence is NaN or lies outside [0, 1]")
        return np.stack((read, 1.0 - read)).T
    if read.ndim != 2 or read.shape[1] != truths:
        raise InvalidInput(f"chances of {truths} truths a row are needed, not shape {read.shape}")
    if not (((read >= 0.0) & (read <= 1.0)).all()) or (np.abs(read.sum(axis=1) - 1.0) > SUM_TOLERANCE).any():
        raise InvalidInput("chances lie in [0, 1] and sum to 1 in each row")
    return read


def _joint(costs: Costs, confusion: Confusion) -> list[Floats]:
    """For each answer h the matrix M(h | y) C(a, y), acts down and truths across."""
    matrix, table = confusion.matrix, costs.table
    if matrix.shape[0] != table.shape[1]:
        raise InvalidInput(f"the costs speak of {table.shape[1]} truths, the reviewer's table of {matrix.shape[0]}")
    return [np.asarray(table * matrix[:, h][None, :]) for h in range(matrix.shape[1])]


def _least(each: Floats) -> Floats:
    if len(each) == 2:
        return np.asarray(np.minimum(each[0], each[1]))
    return np.asarray(each.min(axis=0))


def _parts(rows: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, rows, _CHUNK))


def _acts(given: Any, many: int) -> Codes:
    read = np.asarray(given)
    if read.dtype.kind not in "iub" or (read.size and (read.min() < 0 or read.max() >= many)):
        raise InvalidInput(f"acts and answers are whole numbers from 0 to {many - 1}")
    return read.astype(np.intp)

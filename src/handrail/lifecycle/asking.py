"""What asking a person about one proposal would save: from costs, calibrated confidence and the reviewers' table.

Nothing is guessed: without an installed calibrator, without a named table that is installed, or with scores that do not
name the truths of the cost matrix, the value is not known, and the policy sends the proposal up.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from handrail.calibration.confusion import Confusion, assumed
from handrail.calibration.value import Costs, asking_value
from handrail.canonical import parse
from handrail.errors import InvalidInput
from handrail.learning.labels import SUGGESTION
from handrail.lifecycle import calibrators
from handrail.policy.evaluate import Policy
from handrail.policy.facts import Asking
from handrail.policy.weighing import Weighing
from handrail.proposal import Proposal
from handrail.store.tx import Tx

FindTable = Callable[[str], Confusion | None]
"""The reviewers' table installed under a name."""


def asking(tx: Tx, policy: Policy, workspace: str, proposal: Proposal) -> Asking | None:
    """The value for a proposal whose confidence is calibrated; None when it is not known."""
    plan = policy.plan(proposal.action)
    fitted = None if plan.calibrator is None else calibrators.newest(tx, workspace, plan.calibrator)
    if fitted is None:
        return None
    chances = None
    if plan.weighing is not None and not plan.weighing.binary and fitted.classes:
        try:
            chances = fitted.chances(proposal.scores)
        except InvalidInput:
            return None
    return weighed(policy, proposal, lambda name: table(tx, workspace, name), chances=chances)


def weighed(
    policy: Policy, proposal: Proposal, find: FindTable, *, chances: Mapping[str, float] | None = None
) -> Asking | None:
    """The same where the reviewers' tables come from anywhere; the confidence is taken to be calibrated.

    `chances`: the calibrated chance of each truth by name, where there are more than right and wrong; else they are
    read off the proposal's scores by class name.
    """
    weighing = policy.plan(proposal.action).weighing
    confidence = proposal.confidence
    if weighing is None or not isinstance(confidence, int | float) or not 0.0 <= confidence <= 1.0:
        return None
    reviewers = assumed(weighing.truths) if weighing.reviewer is None else find(weighing.reviewer)
    if reviewers is None:
        return None
    try:
        return _valued(weighing, proposal, float(confidence), reviewers, chances)
    except InvalidInput:
        return None


def gains(policy: Policy, action: str, confidence: Any, find: FindTable) -> Any:
    """The values of a whole column of confidences of one action, for `policy.columns.route_many`; NaN: not known.

    Only for actions weighed by right and wrong.
    """
    read = np.asarray(confidence, dtype=np.float64)
    made = np.full(len(read), np.nan)
    weighing = policy.plan(action).weighing
    if weighing is None or not weighing.binary:
        return made
    reviewers = assumed(weighing.truths) if weighing.reviewer is None else find(weighing.reviewer)
    if reviewers is None or set(reviewers.classes) != set(weighing.truths):
        return made
    with np.errstate(invalid="ignore"):
        sound = (read >= 0.0) & (read <= 1.0)
    made[sound] = asking_value(read[sound], _costs(weighing), _ordered(reviewers, weighing.truths), act=0)
    return made


def table(tx: Tx, workspace: str, name: str) -> Confusion | None:
    """The newest reviewers' table under this name, or None."""
    key = ("reviewer", workspace, name)
    if key not in tx.memo:
        data = calibrators.kept(tx, workspace, name)
        tx.memo[key] = None if data is None else _read(data)
    found: Confusion | None = tx.memo[key]
    return found


def _valued(
    weighing: Weighing,
    proposal: Proposal,
    confidence: float,
    reviewers: Confusion,
    chances: Mapping[str, float] | None,
) -> Asking | None:
    if set(reviewers.classes) != set(weighing.truths):
        return None
    act = 0 if weighing.binary else _act(weighing, proposal)
    p: list[float] | None = [confidence, 1.0 - confidence]
    if not weighing.binary and chances is not None:
        p = [chances[name] for name in weighing.truths] if set(chances) == set(weighing.truths) else None
    elif not weighing.binary:
        p = _chances(weighing.truths, proposal, confidence)
    if act is None or p is None:
        return None
    ordered = _ordered(reviewers, weighing.truths)
    made = float(asking_value(np.array([p]), _costs(weighing), ordered, act=act)[0])
    return Asking(gain=made, basis=_basis(reviewers))


def _act(weighing: Weighing, proposal: Proposal) -> int | None:
    """Which act goes ahead if nobody is asked: what the model suggests, else `approve`."""
    suggested = proposal.arguments.get(SUGGESTION) if isinstance(proposal.arguments, dict) else None
    for name in (suggested, "approve"):
        if isinstance(name, str) and name in weighing.acts:
            return weighing.acts.index(name)
    return None


def _chances(truths: tuple[str, ...], proposal: Proposal, confidence: float) -> list[float] | None:
    """Scores by class name with the likeliest at its calibrated confidence, the others keeping their proportions."""
    scores = proposal.scores
    if not isinstance(scores, Mapping) or set(scores) != set(truths):
        return None
    values = [float(scores[name]) for name in truths]
    if not all(map(math.isfinite, values)):
        return None
    if min(values) < 0.0 or abs(sum(values) - 1.0) > 1e-3:
        # logits
        values = [math.exp(value - max(values)) for value in values]
    top = max(range(len(values)), key=values.__getitem__)
    rest = sum(values) - values[top]
    if rest <= 0.0:
        return [confidence if i == top else (1.0 - confidence) / (len(values) - 1) for i in range(len(values))]
    return [confidence if i == top else value / rest * (1.0 - confidence) for i, value in enumerate(values)]


@lru_cache(maxsize=256)
def _costs(weighing: Weighing) -> Costs:
    return Costs(matrix=weighing.matrix, review=weighing.review, delay=weighing.delay, undo=weighing.undo)


@lru_cache(maxsize=256)
def _ordered(reviewers: Confusion, truths: tuple[str, ...]) -> Confusion:
    """The table with its classes in the order of the costs."""
    if reviewers.classes == truths:
        return reviewers
    at = [reviewers.classes.index(name) for name in truths]
    return Confusion(
        classes=truths,
        counts=tuple(tuple(reviewers.counts[y][h] for h in at) for y in at),
        slope=reviewers.slope,
        slope_n=reviewers.slope_n,
    )


def _basis(reviewers: Confusion) -> str:
    if not reviewers.n:
        return "reviewers assumed right in 9 of 10"
    return f"reviewers measured on {reviewers.n} cases"


@lru_cache(maxsize=64)
def _read(data: bytes) -> Confusion | None:
    try:
        return Confusion.from_json(parse(data))
    except InvalidInput:
        # a calibrator stands under this name
        return None

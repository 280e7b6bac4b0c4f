"""How good a calibrator is: as it was fitted, and on the labels that came afterwards."""

from __future__ import annotations

from handrail.calibration.calibrator import Calibrator
from handrail.calibration.quality import quality
from handrail.calibration.staleness import staleness
from handrail.canonical import JSON, parse
from handrail.clock import iso
from handrail.errors import InvalidInput, NotEnoughEvidence, NotFound
from handrail.learning.evidence import Evidence, evidence
from handrail.lifecycle import exporting
from handrail.lifecycle.calibrators import REVIEWERS, intact
from handrail.store import statements
from handrail.store.engine import Store


def reliability(store: Store, workspace: str, name: str, *, now: int) -> dict[str, JSON]:
    """Figures and bins of the newest version, before and after, and since. Raises `NotFound` where there is none."""
    rows = store.read_hot(statements.calibrator_newest, workspace=workspace, name=name)
    data = intact(rows[0][1], rows[0][2]) if rows else None
    if data is None or REVIEWERS in data:
        raise NotFound(f"no calibrator is called {name!r} here, or it was altered since it was installed")
    fitted = Calibrator.from_json(parse(data))
    return {
        "name": name,
        "version": rows[0][0],
        "method": fitted.method,
        "action": fitted.action,
        "model": fitted.model,
        "n": fitted.n,
        "borrowed": fitted.borrowed,
        "fitted_at": iso(fitted.fitted_at),
        "stale": [reason.text for reason in staleness(fitted, now=now)],
        "before": fitted.metrics.get("before"),
        "after": fitted.metrics.get("after"),
        "since": _since(store, workspace, fitted),
    }


def _since(store: Store, workspace: str, fitted: Calibrator) -> JSON:
    """Every figure on later labels, weighed by 1 / P(looked at); or how many there are yet."""
    if fitted.action is None:
        return None
    later = exporting.labels(store, workspace, action=fitted.action, since=fitted.fitted_at + 1)
    found = evidence(later, by_name=fitted.source == "score" and bool(fitted.names))
    if fitted.model is not None and found.model != fitted.model:
        return {"n": 0}
    confidence, right, weights = _judged(fitted, found)
    try:
        return quality(confidence, right, weights).to_json() if confidence else {"n": 0}
    except NotEnoughEvidence as error:
        return {"n": len(confidence), "need": error.context.get("need")}


def _judged(fitted: Calibrator, found: Evidence) -> tuple[list[float], list[bool], list[float]]:
    """The confidence each case got, whether it was right, its weight; cases that got none are left out."""
    kept: list[tuple[float, bool, float]] = []
    for score, right, weight, answer in zip(found.scores, found.correct, found.weights, found.answers, strict=True):
        try:
            kept.append((fitted.apply(score, answer if fitted.names else None), right, weight))
        except InvalidInput:
            continue
    return [row[0] for row in kept], [row[1] for row in kept], [row[2] for row in kept]

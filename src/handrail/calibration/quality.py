"""Every figure about a calibrator at once, before and after, as plain JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from handrail.calibration.metrics import (
    Bin,
    automation,
    brier_loss,
    calibration_error,
    log_loss,
    reliability,
    risk_coverage_area,
    spiegelhalter,
)
from handrail.canonical import JSON
from handrail.errors import NotEnoughEvidence

# errors at which the share that could go unasked is told
ERRORS = (0.01, 0.02, 0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How good confidences are, on cases that did not fit them."""

    n: int
    log_loss: float
    brier_loss: float
    # debiased root mean square; 0.011 is what chance alone shows at 1,000 labels
    calibration_error: float
    # (z, two-sided p); None where the confidences cannot be tested
    spiegelhalter: tuple[float, float] | None
    risk_coverage_area: float
    # by error: the share of cases that could go unasked, with no promise
    automation: dict[str, float]
    bins: tuple[Bin, ...]

    def to_json(self) -> dict[str, JSON]:
        """Rounded to six digits, which is more than labels can tell."""
        made: dict[str, JSON] = _rounded(asdict(self))
        return made


def quality(confidence: Any, correct: Any, weights: Any = None) -> Quality:
    """Every figure of (confidence, was it right). Raises `NotEnoughEvidence` below 30 labels."""
    try:
        test = spiegelhalter(confidence, correct)
    except NotEnoughEvidence:
        test = None
    return Quality(
        n=len(confidence),
        log_loss=log_loss(confidence, correct, weights),
        brier_loss=brier_loss(confidence, correct, weights),
        calibration_error=calibration_error(confidence, correct),
        spiegelhalter=test,
        risk_coverage_area=risk_coverage_area(confidence, correct, weights),
        automation={f"{error:g}": automation(confidence, correct, error, weights) for error in ERRORS},
        bins=reliability(confidence, correct, weights),
    )


def bins_of(data: JSON) -> tuple[Bin, ...]:
    """The bins of what `Quality.to_json` wrote."""
    return tuple(Bin(**row) for row in data["bins"])


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value

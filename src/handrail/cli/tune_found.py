"""What `handrail tune` found: by a promise, on average for a batch, or by cost; as words, as JSON, as a picture."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from handrail.calibration.confusion import Confusion
from handrail.calibration.curve import Cuts, Point, cheapest_cuts, cost_curve, thin
from handrail.calibration.selection import select
from handrail.calibration.thresholds import Threshold, choose_threshold
from handrail.calibration.value import Costs, asking_value, cheapest_tier, right_or_wrong
from handrail.cli.pictures import Level, Mark, Series, curves

Floats = NDArray[np.float64]

# where everyone starts
USUAL = (0.95, 0.80)
_UNPRICED = right_or_wrong(wrong=1.0, review=0.0)
_SHOWN = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A threshold (or none) with what it rests on. Costs per 100 cases, None without prices."""

    method: str
    # let through at or above it; None: nothing
    threshold: float | None
    # looked at afterwards at or above it, by cost only
    soft: float | None = None
    # rows that judged, rows at or above, errors among those
    n: int
    passed: int
    errors: float
    automation: float
    # upper bound of the error among what is let through; None where nothing is promised
    bound: float | None = None
    target_error: float | None = None
    confidence: float | None = None
    curve: tuple[Point, ...]
    priced: bool
    # cost per 100 cases of: this, everything asked, nothing asked, the usual fixed cuts
    costs: dict[str, float] = field(default_factory=dict)
    # what the value of asking would make of these rows: share of each tier
    tiers: dict[str, float] = field(default_factory=dict)
    # of a batch: which rows may be let through
    chosen: list[int] | None = None

    @property
    def holds(self) -> bool:
        """Whether there is something to change a policy to."""
        return self.threshold is not None or self.method == "cost"

    def to_json(self) -> dict[str, Any]:
        made = asdict(replace(self, curve=()))
        made["curve"] = [self._point(point) for point in self.curve]
        return made

    def _point(self, point: Point) -> dict[str, Any]:
        if self.priced:
            return asdict(point) | {"cost": point.cost}
        return {"confidence": point.confidence, "automation": point.automation, "error": point.error}


def by_promise(
    confidence: Floats, correct: Any, late: Any, target: float, delta: float, costs: Costs | None, table: Confusion
) -> Found:
    """Learn-then-test."""
    made = choose_threshold(confidence, correct, target, delta=delta, expired=late)
    right = np.asarray(correct) & ~np.asarray(late)
    return replace(
        _with_costs(_promised(made), confidence, right, costs, table), target_error=target, confidence=1.0 - delta
    )


def by_cost(confidence: Floats, correct: Any, costs: Costs, table: Confusion) -> Found:
    """The cheapest cuts, and what the value of asking would do; no promise."""
    cuts: Cuts = cheapest_cuts(confidence, correct, costs, table)
    cut = cuts.auto_approve
    above = confidence >= cut if cut is not None else np.zeros(len(confidence), dtype=bool)
    made = Found(
        method="cost", threshold=cut, soft=cuts.soft_review, n=len(confidence), passed=int(above.sum()),
        errors=float((~np.asarray(correct))[above].sum()), automation=float(above.mean()), curve=(), priced=True,
    )  # fmt: skip
    tiers = cheapest_tier(asking_value(confidence, costs, table, act=0), costs)
    shares = {
        name: float((tiers == code).mean()) for code, name in enumerate(("auto_approve", "soft_review", "hard_gate"))
    }
    made = replace(_with_costs(made, confidence, correct, costs, table), tiers=shares)
    return replace(made, costs={**made.costs, "cheapest cuts": cuts.cost})


def for_batch(confidence: Floats, correct: Any, batch: Floats, target: float) -> Found:
    """Conformal selection of one batch: the promise is on average."""
    made = select(confidence, correct, batch, target)
    return Found(
        method="conformal", threshold=made.value, n=made.n, passed=int(made.chosen.sum()), errors=float(made.errors),
        automation=float(made.chosen.mean()), target_error=target, curve=(), priced=False,
        chosen=[int(row) + 1 for row in np.flatnonzero(made.chosen)],
    )  # fmt: skip


def _promised(made: Threshold) -> Found:
    return Found(
        method="ltt", threshold=made.value, n=made.n, passed=made.passed, errors=made.errors,
        automation=made.automation, bound=made.bound, curve=(), priced=False,
    )  # fmt: skip


def _with_costs(found: Found, confidence: Floats, correct: Any, costs: Costs | None, table: Confusion) -> Found:
    curve = cost_curve(confidence, correct, costs or _UNPRICED, table)
    if costs is None:
        return replace(found, curve=thin(curve))
    named = {"review everything": curve[0].cost, "approve everything": curve[-1].cost}
    named |= {f"fixed {cut:g}": _at(curve, cut).cost for cut in USUAL}
    if found.threshold is not None:
        named["this threshold"] = _at(curve, found.threshold).cost
    return replace(found, curve=thin(curve), costs=named, priced=True)


def _at(curve: tuple[Point, ...], cut: float) -> Point:
    """The point of the lowest confidence that still reaches the cut."""
    return next(point for point in reversed(curve) if point.confidence >= cut or point is curve[0])


def sureness(confidence: float | None) -> str:
    """How sure a promise is, as a percentage that is never rounded up to 100."""
    return f"{100.0 * (confidence or 0.0):.10g}%"


def show(found: Found) -> None:
    """In words."""
    if found.method == "conformal":
        typer.echo(f"conformal selection: {found.passed} rows of the batch may be let through ({found.automation:.1%})")
        typer.echo(f"  on average at most {found.target_error:.3g} of what is let through is wrong; {found.n} labels")
        typer.echo(f"  rows: {_listed(found.chosen or [])}")
        return
    if found.method == "ltt" and found.threshold is None:
        typer.echo(
            f"no threshold keeps an error of at most {found.target_error:.3g} with {sureness(found.confidence)} "
            f"confidence on these {found.n} labels; nothing is to be let through"
        )
    elif found.method == "ltt":
        typer.echo(
            f"threshold {found.threshold!r}: {found.passed} of {found.n} let through, {found.errors:g} of them wrong"
        )
        typer.echo(
            f"  promise: at most {found.target_error:.3g} error among what is let through, with "
            f"{sureness(found.confidence)} confidence; upper bound {found.bound:.4f}; automation {found.automation:.1%}"
        )
    else:
        typer.echo(f"cheapest on these {found.n} labels, without a promise: " + _cuts(found))
        typer.echo("  by the value of asking: " + ", ".join(f"{name} {part:.1%}" for name, part in found.tiers.items()))
    if found.costs:
        typer.echo("cost per 100 cases: " + ", ".join(f"{name} {cost:.4g}" for name, cost in found.costs.items()))
    _show_curve(found)


def _cuts(found: Found) -> str:
    auto = "nothing let through" if found.threshold is None else f"auto_approve from {found.threshold!r}"
    return auto + ("" if found.soft is None else f", soft_review from {found.soft!r}")


def _show_curve(found: Found) -> None:
    typer.echo(
        "  let through  confidence  error" + ("   cost per 100 (errors + reviews + missed)" if found.priced else "")
    )
    for share in _SHOWN:
        point = min(found.curve, key=lambda point: abs(point.automation - share))
        line = f"  {point.automation:10.1%}  {min(point.confidence, 1.0):10.4f}  {point.error:6.2%}"
        if found.priced:
            line += f"  {point.cost:.4g} ({point.let_through:.4g} + {point.reviews:.4g} + {point.missed:.4g})"
        typer.echo(line)


def _listed(rows: list[int], most: int = 20) -> str:
    more = f" and {len(rows) - most} more" if len(rows) > most else ""
    return ", ".join(map(str, rows[:most])) + more


def draw(path: Path, found: Found) -> None:
    """The curve over the share let through: cost where there are prices, error else."""
    points = [point for point in found.curve if found.priced or point.automation > 0.0]
    x = [point.automation for point in points]
    marks: list[Mark] = []
    here = None if found.threshold is None else _at(found.curve, found.threshold)
    if found.priced:
        series = [
            Series(label="in all", x=x, y=[point.cost for point in points]),
            Series(label="errors let through", x=x, y=[point.let_through for point in points]),
            Series(label="reviews", x=x, y=[point.reviews for point in points]),
            Series(label="reviewers' own errors", x=x, y=[point.missed for point in points]),
        ]
        if here is not None:
            marks = [Mark(x=here.automation, y=here.cost, label=f"from {here.confidence:.3f}")]
        curves(path, title="What each cut costs", x="let through", y="cost per 100 cases", series=series, marks=marks,
               percent="x", note=f"{found.n} held-out labels")  # fmt: skip
        return
    if here is not None:
        marks = [Mark(x=here.automation, y=here.error, label=f"from {here.confidence:.3f}")]
    levels = [] if found.target_error is None else [Level(at=found.target_error, label="target")]
    series = [Series(label="error among what is let through", x=x, y=[point.error for point in points])]
    curves(path, title="Error against automation", x="let through", y="error", series=series, marks=marks,
           levels=levels, percent="xy", note=f"{found.n} held-out labels")  # fmt: skip

"""Pictures of curves and of reliability, as SVG or PNG. The only module that imports matplotlib; `handrail[report]`
brings it.

The same numbers give the same bytes: no date, no random ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from handrail.calibration.metrics import Bin
from handrail.errors import InvalidInput, Unavailable

try:
    import matplotlib
    from matplotlib import figure as sheets

    mpl: Any = matplotlib
except ImportError:
    mpl = None

SUFFIXES = (".svg", ".png")
# Okabe and Ito: told apart by colour-blind readers too
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
QUIET = "#767676"
_STYLE: dict[str, Any] = {
    "svg.hashsalt": "handrail",
    # text stays text: it can be searched, read aloud and scaled
    "svg.fonttype": "none",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One curve. `low` and `high`: a band around it, as long as `y`."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    shape: Literal["line", "step", "points"] = "line"
    # for what stands there to be compared with
    dashed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point with words beside it, such as the chosen threshold."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A straight line across the picture: a target on the y axis, a moment or a cut on the x axis."""

    at: float
    label: str
    axis: Literal["x", "y"] = "y"


def need_matplotlib(path: Path) -> None:
    """Before any work is done: raise `Unavailable` without matplotlib, `InvalidInput` for a name of another format."""
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidInput(f"{path} tells no picture format", remedy="End it in .svg or .png.")
    if mpl is None:
        raise Unavailable(
            "pictures need matplotlib, which is not installed",
            remedy="Install it with `pip install 'handrail[report]'`, or read the figures with --json.",
        )


def curves(
    path: Path,
    *,
    title: str,
    x: str,
    y: str,
    series: Sequence[Series],
    marks: Sequence[Mark] = (),
    levels: Sequence[Level] = (),
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    x_log: bool = False,
    percent: Literal["", "x", "y", "xy"] = "",
    note: str = "",
) -> None:
    """Draw curves over one pair of axes. `x`, `y`: the axes' names; `percent`: the axes whose shares read as percent.

    Raises `Unavailable` without matplotlib and `InvalidInput` for a file that cannot be written or of another format.
    """
    need_matplotlib(path)
    with mpl.rc_context(_STYLE):
        figure, axes = _sheet(title, x, y, note)
        for number, one in enumerate(series):
            _draw(axes, one, COLOURS[number % len(COLOURS)])
        for level in levels:
            _draw_level(axes, level)
        for mark in marks:
            axes.plot([mark.x], [mark.y], "o", color="black", markersize=6, zorder=5)
            axes.annotate(mark.label, (mark.x, mark.y), xytext=(8, 8), textcoords="offset points", zorder=5)
        if x_log:
            axes.set_xscale("log")
        _ranges(axes, x_range, y_range, percent)
        if any(one.label for one in series):
            axes.legend(loc="best")
        _save(figure, path)


def reliability_diagram(
    path: Path, bins: Sequence[Bin], *, title: str, before: Sequence[Bin] = (), note: str = ""
) -> None:
    """Draw confidence against the share that was right, each bin with its 95 % interval and its number of labels.

    `before`: the same for the raw scores. Raises as `curves` does.
    """
    need_matplotlib(path)
    with mpl.rc_context(_STYLE):
        figure, axes = _sheet(title, "confidence", "share that was right", note)
        axes.plot([0, 1], [0, 1], "--", color=QUIET, linewidth=1, label="exact")
        if before:
            _bins(axes, before, COLOURS[1], "raw score", numbered=False)
        _bins(axes, bins, COLOURS[0], "calibrated" if before else "confidence", numbered=True)
        least = min((min(b.confidence, b.low) for b in (*bins, *before)), default=0.0)
        low = max(0.0, min(0.9, least) - 0.05)
        _ranges(axes, (low, 1.02), (low, 1.02), "xy")
        axes.legend(loc="upper left")
        _save(figure, path)


def _sheet(title: str, x: str, y: str, note: str) -> tuple[Any, Any]:
    figure = sheets.Figure(figsize=(7.2, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, loc="left")
    axes.set_xlabel(f"{x}\n{note}" if note else x)
    axes.set_ylabel(y)
    return figure, axes


def _draw(axes: Any, one: Series, colour: str) -> None:
    colour = QUIET if one.dashed else colour
    style = "--" if one.dashed else "-"
    if one.low is not None and one.high is not None:
        axes.fill_between(
            one.x, one.low, one.high, color=colour, alpha=0.18, linewidth=0,
            step="post" if one.shape == "step" else None,
        )  # fmt: skip
    if one.shape == "points":
        axes.plot(one.x, one.y, "o", color=colour, markersize=4, label=one.label)
    elif one.shape == "step":
        axes.step(one.x, one.y, style, where="post", color=colour, label=one.label)
    else:
        axes.plot(one.x, one.y, style, color=colour, label=one.label)


def _draw_level(axes: Any, level: Level) -> None:
    if level.axis == "y":
        axes.axhline(level.at, color=QUIET, linewidth=1, linestyle=":")
        axes.annotate(
            level.label, (1, level.at), xycoords=("axes fraction", "data"), xytext=(-2, 3), ha="right",
            textcoords="offset points", color=QUIET,
        )  # fmt: skip
    else:
        axes.axvline(level.at, color=QUIET, linewidth=1, linestyle=":")
        axes.annotate(
            level.label, (level.at, 1), xycoords=("data", "axes fraction"), xytext=(3, -12),
            textcoords="offset points", color=QUIET,
        )  # fmt: skip


def _bins(axes: Any, bins: Sequence[Bin], colour: str, label: str, *, numbered: bool) -> None:
    x, y = [b.confidence for b in bins], [b.accuracy for b in bins]
    spread = [[b.accuracy - b.low for b in bins], [b.high - b.accuracy for b in bins]]
    axes.errorbar(x, y, yerr=spread, fmt="o-", color=colour, linewidth=1, markersize=4, capsize=2, label=label)
    if numbered:
        for b in bins:
            axes.annotate(
                f"{b.n:,}", (b.confidence, b.low), xytext=(0, -11), textcoords="offset points", fontsize=7,
                ha="center", color=QUIET,
            )  # fmt: skip


def _ranges(axes: Any, x_range: tuple[float, float] | None, y_range: tuple[float, float] | None, percent: str) -> None:
    if x_range is not None:
        axes.set_xlim(*x_range)
    if y_range is not None:
        axes.set_ylim(*y_range)
    if "x" in percent:
        axes.xaxis.set_major_formatter(_percent)
    if "y" in percent:
        axes.yaxis.set_major_formatter(_percent)


def _percent(share: float, _: int) -> str:
    return f"{share * 100:.4g} %"


def _save(figure: Any, path: Path) -> None:
    form = path.suffix.lower().lstrip(".")
    try:
        figure.savefig(path, format=form, dpi=144, metadata={"Date": None} if form == "svg" else None)
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror or error}", remedy="Name a file that can be written.") from None

"""One figure of the table: what we got over the seeds, what is wanted, what others got in the same run."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from scipy import stats

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`ours` with its 95 % interval over seeds; `target` and `peers` in the same unit."""

    # what was measured, such as "regret %, cifar10h_model, n = 1000, r = 0.02"
    what: str
    ours: float
    low: float
    high: float
    # how many seeds, draws or runs
    n: int
    # None: nothing is promised, it stands here for comparison
    target: float | None = None
    better: Literal["lower", "higher"] = "lower"
    peers: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def standing(self) -> str:
        """`reached` within two standard errors of the target, `beaten` if the whole interval lies beyond it."""
        if self.target is None:
            return ""
        if math.isnan(self.ours):
            return "not measured"
        sign = 1.0 if self.better == "lower" else -1.0
        worst = self.high if self.better == "lower" else self.low
        if sign * worst < sign * self.target:
            return "beaten"
        # the interval is 1.96 standard errors wide on either side
        slack = 2.0 * (self.high - self.low) / (2.0 * 1.96)
        return "reached" if sign * self.ours <= sign * self.target + slack else "missed"

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"standing": self.standing}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`seeds`: how many at most (None: as the row's protocol says). `quick`: a sixth of the work, to see it run."""

    data: Path
    seeds: int | None = None
    quick: bool = False

    def count(self, usual: int) -> int:
        """How many seeds or draws to take where the protocol says `usual`."""
        wanted = usual if self.seeds is None else min(usual, self.seeds)
        return max(2, wanted // 6) if self.quick else wanted


def over_seeds(what: str, values: Sequence[float], **fields: Any) -> Figure:
    """The mean over seeds with its t interval."""
    n = len(values)
    mean = math.fsum(values) / n
    spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1)) if n > 1 else math.nan
    half = float(stats.t.ppf(0.975, n - 1)) * spread / math.sqrt(n) if n > 1 else math.nan
    return Figure(what=what, ours=mean, low=mean - half, high=mean + half, n=n, **fields)


def share(what: str, hits: int, n: int, **fields: Any) -> Figure:
    """A share of runs, with Wilson's interval."""
    found = stats.binomtest(hits, n).proportion_ci(method="wilson")
    return Figure(what=what, ours=hits / n, low=float(found.low), high=float(found.high), n=n, **fields)


def data_dir() -> Path:
    """Where the data sets lie; they are not part of this project."""
    return Path(os.environ.get("HANDRAIL_DATA", HERE.parents[2] / "shared" / "data"))

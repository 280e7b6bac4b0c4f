"""The rows as a page to read."""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

HEAD = """# Decision science: results

Made by `python bench/science/run.py --write` on {when}, Python {python}; seeds are fixed, peers ran in the same run on
the same splits. "Ours" is the mean with its 95 % interval over seeds. *beaten*: the whole interval lies beyond the
target; *reached*: not worse than the target by more than two standard errors; *missed* says what it says.
"""


def table(rows: Sequence[dict[str, Any]]) -> str:
    made = [HEAD.format(when=datetime.now(UTC).date(), python=platform.python_version())]
    for row in rows:
        made.append(f"## {row['number']}. {row['claim']}\n\n{row['seconds']} s.\n")
        made.append("| what | n | ours | target | | peers |\n|---|---|---|---|---|---|")
        made += [_line(figure) for figure in row["figures"]]
        made.append("")
    return "\n".join(made)


def _line(figure: dict[str, Any]) -> str:
    sign = "≤" if figure["better"] == "lower" else "≥"
    target = "" if figure["target"] is None else f"{sign} {_number(figure['target'])}"
    ours = _number(figure["ours"])
    if not math.isnan(figure["low"]):
        ours += f" ({_number(figure['low'])} to {_number(figure['high'])})"
    peers = ", ".join(f"{name} {_number(value)}" for name, value in figure["peers"].items())
    note = f" {figure['note']}" if figure["note"] else ""
    return f"| {figure['what']}{note} | {figure['n']} | {ours} | {target} | {figure['standing']} | {peers} |"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4g}"

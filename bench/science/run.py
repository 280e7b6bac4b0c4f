"""Fill the table of decision science: every row against its target and its peers.

Run: python bench/science/run.py [ROW ...] [--seeds N] [--quick] [--write]
Each `row_NN_name.py` is one row: NUMBER, CLAIM, and run(options), which yields figures. Prints one JSON line a figure;
--write replaces these rows in RESULTS.md and results.json.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from figures import Options, data_dir  # noqa: E402
from table import table  # noqa: E402

KEPT = HERE / "results.json"


def rows() -> dict[int, str]:
    """Number and module of every row."""
    return {int(path.stem.split("_")[1]): path.stem for path in sorted(HERE.glob("row_*.py"))}


def measure(name: str, options: Options) -> dict[str, Any]:
    module = importlib.import_module(name)
    begun = time.perf_counter()
    figures = []
    for figure in module.run(options):
        figures.append(figure.to_json())
        print(json.dumps({"row": module.NUMBER, **figures[-1]}), flush=True)
    return {
        "number": module.NUMBER, "claim": module.CLAIM, "seconds": round(time.perf_counter() - begun, 1),
        "figures": figures,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", type=int)
    parser.add_argument("--seeds", type=int, help="at most so many seeds")
    parser.add_argument("--quick", action="store_true", help="a sixth of the seeds")
    parser.add_argument("--write", action="store_true", help="keep what was found in RESULTS.md")
    given = parser.parse_args()
    known = rows()
    unknown = sorted(set(given.rows) - set(known))
    if unknown:
        sys.exit(f"no row {unknown[0]}; there are {', '.join(map(str, sorted(known)))}")
    options = Options(data=data_dir(), seeds=given.seeds, quick=given.quick)
    for number in given.rows or sorted(known):
        found = measure(known[number], options)
        if given.write:
            keep(found)


def keep(found: dict[str, Any]) -> None:
    """Put one row in its place among those that are there now: others may measure at the same time."""
    rows = json.loads(KEPT.read_text()) if KEPT.exists() else []
    rows = sorted([row for row in rows if row["number"] != found["number"]] + [found], key=lambda row: row["number"])
    KEPT.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    (HERE / "RESULTS.md").write_text(table(rows))


if __name__ == "__main__":
    main()

"""Is what the package says about frameworks what a run just found?

python -m tests.integrations.recorded FOLDER    with what HANDRAIL_CONFORMANCE_RESULTS=FOLDER made
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.integrations.environments import ROOT

RECORDED = ROOT / "src" / "handrail" / "integrations" / "results"


def main() -> int:
    found, recorded = _cells(Path(sys.argv[1])), _cells(RECORDED)
    differing = sorted(name for name in found.keys() | recorded.keys() if found.get(name) != recorded.get(name))
    for name in differing:
        print(f"{name}: what was found is not what is recorded; run `make conformance`", file=sys.stderr)
    return int(bool(differing))


def _cells(folder: Path) -> dict[str, Any]:
    """What each framework keeps, whatever its version."""
    return {path.stem: json.loads(path.read_text())["cells"] for path in folder.glob("*.json")}


if __name__ == "__main__":
    sys.exit(main())

"""A program whose disk fails for a while: it notes what it was told, and leaves without a farewell."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from handrail.errors import Unavailable
from handrail.testing.factories import person
from handrail.testing.rig import Rig

ANN = person("Ann")


def main(folder: Path, calls: str) -> None:
    rig, switch = Rig(f"sqlite:///{folder / 'handrail.db'}", folder), Path(os.environ["FAIL_WHEN"])
    told: dict[str, Any] = {"kept": [], "refused": [], "errors": []}
    case = rig.gated()
    for phase in ("well", "broken", "well again"):
        if phase == "broken":
            switch.write_text(calls)
        for n in range(10):
            key = f"{phase}-{n}"
            try:
                rig.submit(key=key, confidence=0.99)
                told["kept"].append(key)
            except Unavailable as error:
                told["refused"].append(key)
                told["errors"].append(f"{error} / {error.remedy}")
        if phase == "broken":
            told["read"] = rig.decision(case) is None
            try:
                told["answered"] = rig.answer(ANN, case).decision is not None
            except Unavailable:
                told["answered"] = False
            switch.unlink()
    (folder / "told.json").write_text(json.dumps(told | {"case": case}))
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

"""The program that is killed while it feeds monitors: python killed.py DATABASE FOLDER SEED"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from tests.monitors.scene import Scene


def main() -> None:
    database, folder, seed = sys.argv[1:]
    scene = Scene(f"sqlite:///{database}", Path(folder))
    scene.chance = random.Random(int(seed))
    # later than whatever ran before it
    scene.rig.clock.advance(1000.0 * int(seed))
    while True:
        scene.answered(0.02)
        scene.feed()
        sys.stdout.write("fed\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

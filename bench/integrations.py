"""What a gate costs in each agent framework: the same agent with and without handrail, by turns, with a fake model.

Run: python bench/integrations.py DIRECTORY [NAME …] [--seconds 10]

Each framework runs in its own environment, as `python -m tests.integrations.run NAME` makes it; one that is missing
is named and left out. One JSON line for each of: an auto-approved tool call, and a call that pauses for a person, who
approves at once, against the framework's own pause with its own persistence on the same disk.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FRAMEWORKS = HERE / "frameworks"
# by name: the program that measures it, and the environment it needs (none: this one)
PROGRAMS = {
    "plain": ("plain_functions.py", None),
    **{path.stem.removeprefix("with_"): (path.name, path.stem.removeprefix("with_"))
       for path in sorted(FRAMEWORKS.glob("with_*.py"))},
}  # fmt: skip
LONGEST_SECONDS = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path, help="on the disk to be measured")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PROGRAMS)}; all when left out")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each pair")
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    failed = [name for name in given.names or PROGRAMS if not _measured(name, given.directory, given.seconds)]
    if failed:
        sys.exit(f"not measured: {', '.join(failed)}")


def _measured(name: str, directory: Path, seconds: float) -> bool:
    program, environment = PROGRAMS[name]
    python = Path(sys.executable) if environment is None else HERE.parent / ".venvs" / environment / "bin" / "python"
    if not python.exists():
        print(json.dumps({"framework": name, "left_out": f"python -m tests.integrations.run {name}"}), flush=True)
        return True
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=directory) as folder:
        command = [str(python), str(FRAMEWORKS / program), folder, "--seconds", str(seconds)]
        clean = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
        return subprocess.run(command, env=clean, check=False, timeout=LONGEST_SECONDS).returncode == 0


if __name__ == "__main__":
    main()

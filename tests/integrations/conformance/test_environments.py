"""Every framework has an environment, and one that cannot be had is said so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integrations import run
from tests.integrations.environments import ROOT, Environment, environments


def test_list_environments_gives_every_integration_one() -> None:
    named = {environment.name for environment in environments()}
    written = {path.stem for path in (ROOT / "src" / "handrail" / "integrations").iterdir() if path.name[0] not in "._"}
    assert written - {"results"} <= named


def test_digest_differs_between_environments() -> None:
    digests = [environment.digest() for environment in environments()]
    assert len(set(digests)) == len(digests)


def test_collect_the_main_suite_leaves_frameworks_out_unless_named() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests/integrations"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "tests/integrations/plain/test_seam.py" in done.stdout
    assert "tests/integrations/langgraph" not in done.stdout


@pytest.mark.parametrize("no_skips", [False, True])
def test_summarise_an_environment_that_cannot_be_made_fails_only_where_nothing_may_be_skipped(
    no_skips: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "NO_SKIPS", no_skips)
    outcome = run.Outcome(Environment("langgraph"), "impossible", "cannot be installed here", 1.0, 0.0)
    run._summarise([outcome], 1.0)
    assert ("skipped" in capsys.readouterr().out) is not no_skips
    assert run._is_bad(outcome) is no_skips


def test_run_tests_without_a_report_says_so(tmp_path: Path) -> None:
    assert run._counts(tmp_path / "none.xml") == "no report"

"""The guide and the example run as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.blocks import run_page
from tests.integrations.examples import run_example


def test_run_the_guide_wakes_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = run_page("docs/guides/strands.md", "strands", tmp_path, monkeypatch)
    assert page.restarted == ["db-2"]


def test_run_the_example_restarts_what_the_reviewer_left(tmp_path: Path) -> None:
    printed = run_example("strands_operations.py", tmp_path)
    assert "restarted cache-1" in printed
    assert "restarted db-1" not in printed

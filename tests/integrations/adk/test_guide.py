"""The guide and the example run as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.blocks import run_page
from tests.integrations.examples import run_example


def test_run_the_guide_wakes_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = run_page("docs/guides/adk.md", "adk", tmp_path, monkeypatch)
    assert page.sent == [("Ann", "Two rooms are free.")]


def test_run_the_example_sends_what_the_reviewer_left(tmp_path: Path) -> None:
    printed = run_example("adk_concierge.py", tmp_path)
    assert "Ann: Two rooms are free from Monday." in printed
    assert "Ann: Rooms are free." not in printed

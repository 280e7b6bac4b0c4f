"""The guide and the example do what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.blocks import run_page
from tests.integrations.examples import run_example


def test_guide_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_page("docs/guides/mcp.md", "mcp", tmp_path, monkeypatch)


def test_example_writes_what_the_reviewer_made_of_it(tmp_path: Path) -> None:
    said = run_example("mcp_files.py", tmp_path)
    assert "the note: We meet on Tuesday." in said
    assert (tmp_path / "files" / "note.txt").read_text() == "We meet on Tuesday."

"""The guide runs as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.blocks import run_page


def test_run_the_guide_wakes_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = run_page("docs/guides/openai-agents.md", "openai-agents", tmp_path, monkeypatch)
    assert page.results == [("ticket-7", "Done.")]

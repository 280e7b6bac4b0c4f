"""The guide runs as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.blocks import run_page


def test_run_the_guide_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = run_page("docs/guides/autogen.md", "autogen", tmp_path, monkeypatch)
    assert page.hr is not None

"""The guide and the example do what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.blocks import run_page
from tests.integrations.examples import run_example
from tests.integrations.restate.server import binary


def test_run_the_guide_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_page("docs/guides/restate.md", "restate", tmp_path, monkeypatch)


def test_run_the_example_pays_what_the_reviewer_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTATE_SERVER", str(binary()))
    shown = run_example("restate_orders.py", tmp_path)
    assert "the handler is suspended" in shown
    assert "paid 450 to Bose Paper Mills" in shown
    assert "receipt for 450" in shown
    assert "500" not in shown

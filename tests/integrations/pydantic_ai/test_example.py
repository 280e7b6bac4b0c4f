"""The research agent does what it says."""

from __future__ import annotations

from pathlib import Path

from tests.integrations.examples import run_example


def test_example_delivers_what_the_reviewer_left_standing(tmp_path: Path) -> None:
    drafted, delivered = run_example("pydantic_ai_research.py", tmp_path).split("delivered:")
    assert "Is the fare of 2025 still right?" in drafted
    assert "49 euros" in drafted
    assert "59 euros" in delivered
    assert "49 euros" not in delivered

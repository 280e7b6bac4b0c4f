"""The moderation agent does what it says."""

from __future__ import annotations

from pathlib import Path

from tests.integrations.examples import run_example


def test_example_publishes_the_sure_and_flags_the_uncertain(tmp_path: Path) -> None:
    said = run_example("crewai_moderation.py", tmp_path)
    lines = [line for line in said.splitlines() if line.startswith(("flagged", "published"))]
    assert lines == [
        "published: The night train runs again from Monday.",
        "flagged: a person looks at it",
        "flagged: a person looks at it",
        "published: I feel low and do not know whom to call.",
    ]
    assert "2 of 3 posts are out." in said

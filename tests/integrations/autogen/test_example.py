"""The support agent does what it says."""

from __future__ import annotations

from pathlib import Path

from tests.integrations.examples import run_example


def test_example_refunds_the_small_and_cuts_the_large(tmp_path: Path) -> None:
    said = run_example("autogen_refunds.py", tmp_path)
    assert [line for line in said.splitlines() if line.startswith(("refunded", "a person"))] == [
        "refunded 40 euros for order-17",
        "a person looks at it",
        "refunded 100 euros for order-18",
    ]
    assert 'these arguments differ: {"amount": 100}' in said
    assert "Both customers have been answered." in said

"""The guide and the example do what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.blocks import run_page
from tests.integrations.examples import run_example


def test_run_the_guide_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_page("docs/guides/langgraph.md", "langgraph", tmp_path, monkeypatch)


def test_run_the_email_example_sends_what_the_reviewer_left(tmp_path: Path) -> None:
    shown = run_example("langgraph_email.py", tmp_path)
    assert "parked: the e-mail waits for a person" in shown
    assert "sent 1.eml to asha@example.com: Hi Asha, invoice 1207 is paid." in shown
    assert "ai: Asha knows." in shown
    (sent,) = (tmp_path / "mailbox").iterdir()
    assert "1270" not in sent.read_text()

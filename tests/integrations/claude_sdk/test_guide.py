"""The guide and the example run as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integrations.blocks import run_page
from tests.integrations.examples import run_example


def test_run_the_guide_gates_the_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = run_page("docs/guides/claude-sdk.md", "claude-sdk", tmp_path, monkeypatch)
    # the first is the empty server of this process that a resumed session waits for
    assert list(page.options.mcp_servers) == ["handrail", "shop"]
    assert page.options.hooks["PreToolUse"][0].on_failure == "block"


def test_run_the_example_opens_the_pull_request_as_the_reviewer_left_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    printed = run_example("claude_sdk_pull_request.py", tmp_path)
    assert "+    return a + b" in printed
    assert "HEAD -> fix-add: Add numbers instead of subtracting them" in printed

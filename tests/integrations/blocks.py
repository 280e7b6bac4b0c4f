"""The blocks of a page that need a framework: `<!-- runs-in: langgraph -->` stands above each.

A test in that framework's folder calls `run_page("docs/guides/langgraph.md", "langgraph", tmp_path, monkeypatch)`.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks_of


def run_page(page: str, extra: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Run them from top to bottom in an empty folder, in one module; that module, for a closer look."""
    monkeypatch.chdir(folder)
    module = types.ModuleType("documentation_page")
    # functions of the page look their annotations up there
    monkeypatch.setitem(sys.modules, module.__name__, module)
    blocks = [block for block in blocks_of(ROOT / page) if block.runs_in == extra]
    assert blocks, f"no block of {page} runs in {extra}"
    for block in blocks:
        assert block.language == "python", f"{block}: only python runs in an environment"
        # blank lines first, so that a traceback names the page's own line
        source = "\n" * (block.line - 1) + block.text
        exec(compile(source, str(ROOT / page), "exec"), vars(module))
    for value in list(vars(module).values()):
        close = getattr(value, "close", None)
        if callable(close) and not isinstance(value, type):
            close()
    return module

"""A database of each engine."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def place(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh database; its signing keys stay out of the user's home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return url

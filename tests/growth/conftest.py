"""A scene on each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.growth.scene import Scene


@pytest.fixture
def scene(url: str, tmp_path: Path) -> Iterator[Scene]:
    """Cells are laid, and Ann has shown on golds that she looks."""
    made = Scene(url, tmp_path)
    yield made
    made.rig.close()

"""What the tests of the gateway share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integrations.mcp.place import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A control plane with a reviewer, and the server `odd`."""
    made = Place(tmp_path)
    yield made
    made.close()

"""A control plane on each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from handrail.testing.rig import Rig


@pytest.fixture
def rig(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Iterator[Rig]:
    """Under the POLICY of the test's own file; afterwards its log must explain its tables."""
    made = Rig(url, tmp_path, policy=request.module.POLICY)
    yield made
    assert made.problems() == []
    made.close()

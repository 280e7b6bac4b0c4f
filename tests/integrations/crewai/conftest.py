"""CrewAI without its telemetry; a scene to play in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from handrail.testing.conformance import Scene

# before CrewAI itself: it silences the telemetry
from tests.integrations.crewai import quiet  # noqa: F401


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.close()

"""A database of each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.growth.scene import Scene
from tests.postgres_server import PostgresServer


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "handrail.db")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.fresh()


@pytest.fixture
def scene(place: str, tmp_path: Path) -> Iterator[Scene]:
    """Cells are laid, and Ann has shown on golds that she looks."""
    made = Scene(place, tmp_path)
    yield made
    made.rig.close()

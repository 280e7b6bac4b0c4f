"""A database of each engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.postgres_server import PostgresServer


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh database; its signing keys stay out of the user's home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    if request.param == "sqlite":
        return str(tmp_path / "handrail.db")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.fresh()
